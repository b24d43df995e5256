"""Source ``inspect``: samples in Inspect's logs. Reporter ``inspect``: writes such a log."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import CheckpointSource, Reporter, hookimpl


@hookimpl
def charbench_checkpoint_sources() -> Iterable[type[CheckpointSource]]:
    """Return the source of Inspect's logs."""
    from charbench_plugins.sources.inspect_logs.source import InspectSource

    return [InspectSource]


@hookimpl
def charbench_reporters() -> Iterable[type[Reporter]]:
    """Return the format of Inspect's logs."""
    from charbench_plugins.sources.inspect_logs.reporter import InspectReporter

    return [InspectReporter]
