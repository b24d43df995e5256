"""Scorer ``pairwise``: language models say which of two checkpoints' answers is better, in both orders."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import PairScorer, hookimpl


@hookimpl
def charbench_scorers() -> Iterable[type[PairScorer]]:
    """Return the scorer of pairs."""
    from charbench_plugins.scorers.llm_judge.pairwise.scorer import Pairwise

    return [Pairwise]
