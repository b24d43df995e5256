"""Source ``logs``: training logs with ``tinker://`` URLs, and the introspection data beside them."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import CheckpointSource, hookimpl


@hookimpl
def charbench_checkpoint_sources() -> Iterable[type[CheckpointSource]]:
    """Return the log source."""
    from charbench_plugins.sources.logs.source import LogSource

    return [LogSource]
