"""Trainer ``tinker-sft``: continues Tinker checkpoints on introspection data."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import Trainer, hookimpl


@hookimpl
def charbench_trainers() -> Iterable[type[Trainer]]:
    """Return the Tinker trainer."""
    from charbench_plugins.trainers.tinker_sft.trainer import TinkerSftTrainer

    return [TinkerSftTrainer]
