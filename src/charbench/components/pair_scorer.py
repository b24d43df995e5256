"""Pair scorers: which of two checkpoints' samples of one prompt shows the persona better."""

from __future__ import annotations

from collections.abc import Awaitable

from charbench.components.base import Component, operational
from charbench.components.scorer import BaseScorer
from charbench.domain.comparison import Comparison
from charbench.domain.persona import Persona
from charbench.domain.sample import Sample

GAMES = 30
"""Games for each checkpoint: they recover the ranking of 200 of them (``benchmarks/results/pairwise.md``)."""


class PairScorer(BaseScorer):
    """Compares two samples of one prompt; the engine chooses which, and makes strengths of the results."""

    class Config(Component.Config):
        """Options of every pair scorer; more games are added to those played."""

        games: int = operational(
            GAMES, ge=1, le=100_000, description="games per checkpoint, if there are enough prompts"
        )

    config: Config

    def compare(self, first: Sample, second: Sample, persona: Persona) -> Comparison | Awaitable[Comparison]:
        """Say which of two samples is better.

        Both answer the same prompt, and neither has failed; each checkpoint is the first as often as the second. Give
        a result of None where there is no verdict. An exception fails this one game and is shown, and the next
        run plays it again; a retryable :class:`charbench.SamplingError` is tried again within :meth:`limits`.
        """
        raise NotImplementedError
