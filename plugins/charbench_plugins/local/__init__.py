"""Plugin ``local``: trainer ``peft-sft`` and sampler ``transformers``, for models in folders on this machine.

Both need the extra ``charbench[local]``; nothing of it is imported before there is work to do.
"""

from __future__ import annotations

from collections.abc import Iterable

from charbench import Sampler, Trainer, hookimpl


@hookimpl
def charbench_samplers() -> Iterable[type[Sampler]]:
    """Return the sampler of local models."""
    from charbench_plugins.local.sampler import TransformersSampler

    return [TransformersSampler]


@hookimpl
def charbench_trainers() -> Iterable[type[Trainer]]:
    """Return the trainer of local adapters."""
    from charbench_plugins.local.trainer import PeftSftTrainer

    return [PeftSftTrainer]
