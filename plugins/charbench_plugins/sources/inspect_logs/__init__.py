"""Source ``inspect``: samples in the logs of Inspect (``.eval`` and JSON)."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import CheckpointSource, hookimpl


@hookimpl
def charbench_checkpoint_sources() -> Iterable[type[CheckpointSource]]:
    """Return the source of Inspect's logs."""
    from charbench_plugins.sources.inspect_logs.source import InspectSource

    return [InspectSource]
