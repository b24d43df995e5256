"""Source ``tinker``: the checkpoints and runs of a Tinker account, or of what the ``tinker`` command printed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from charbench import CheckpointSource, CheckResult, hookimpl
from charbench_plugins.sources.tinker.source import TinkerSource

if TYPE_CHECKING:
    import click


@hookimpl
def charbench_checkpoint_sources() -> Iterable[type[CheckpointSource]]:
    """Return the source of Tinker accounts."""
    return [TinkerSource]


@hookimpl
def charbench_doctor_checks() -> Iterable[CheckResult]:
    """Check the key, whether Tinker can be reached, its models and the clock."""
    from charbench_plugins.tinker_sdk.doctor import look_at_tinker

    return look_at_tinker()


@hookimpl
def charbench_register_commands() -> Iterable[click.Command]:
    """Add ``charbench tinker``: what the account's server offers."""
    from charbench_plugins.sources.tinker.commands import group

    return [group]
