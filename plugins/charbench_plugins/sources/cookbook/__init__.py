"""Source ``cookbook``: log folders as tinker-cookbook writes them."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import CheckpointSource, hookimpl
from charbench_plugins.sources.cookbook.source import CookbookSource


@hookimpl
def charbench_checkpoint_sources() -> Iterable[type[CheckpointSource]]:
    """Return the source of tinker-cookbook's log folders."""
    return [CookbookSource]
