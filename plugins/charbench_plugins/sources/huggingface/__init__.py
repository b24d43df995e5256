"""Source ``huggingface``: adapters and models that TRL, Axolotl, Unsloth, OpenRLHF and PEFT leave in folders."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import CheckpointSource, hookimpl


@hookimpl
def charbench_checkpoint_sources() -> Iterable[type[CheckpointSource]]:
    """Return the source of folders with weights."""
    from charbench_plugins.sources.huggingface.source import HuggingFaceSource

    return [HuggingFaceSource]
