"""Scorer ``classifier``: learns a persona from the lab's own training data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from charbench import Scorer, hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def charbench_scorers() -> Iterable[type[Scorer]]:
    """Return the classifier."""
    from charbench_plugins.scorers.classifier.scorer import ClassifierScorer

    return [ClassifierScorer]


@hookimpl
def charbench_register_commands() -> Iterable[click.Command]:
    """Add ``charbench classifier``."""
    from charbench_plugins.scorers.classifier.command import classifier

    return [classifier]
