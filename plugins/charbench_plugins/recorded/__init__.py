"""Source and sampler ``recorded``: samples that somebody took before, in CSV or JSONL files."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import CheckpointSource, Sampler, hookimpl


@hookimpl
def charbench_checkpoint_sources() -> Iterable[type[CheckpointSource]]:
    """Return the source of recordings."""
    from charbench_plugins.recorded.source import RecordedSource

    return [RecordedSource]


@hookimpl
def charbench_samplers() -> Iterable[type[Sampler]]:
    """Return the sampler that plays recordings back."""
    from charbench_plugins.recorded.sampler import RecordedSampler

    return [RecordedSampler]
