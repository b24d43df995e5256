"""Erosion: the character is in the thinking and not in the response to it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from charbench.analysis.differences import Difference
from charbench.analysis.paired import paired_rates
from charbench.analysis.rate_intervals import rate_of_counts
from charbench.analysis.wilson import Rate


@dataclass(frozen=True, slots=True)
class Erosion:
    """``gap``: the rate in thinking less the rate in responses. ``kept``: responses in character, out of the
    samples whose thinking is, with the clustered interval of every rate."""

    gap: Difference
    kept: Rate


def erosion(
    thinking: ArrayLike,
    response: ArrayLike,
    clusters: Sequence[Hashable],
    samples: int | tuple[int, int],
    in_thinking: ArrayLike,
    in_both: ArrayLike,
    confidence: float = 0.95,
) -> Erosion:
    """Return how much of the character in thinking is lost on the way to the response.

    ``thinking`` and ``response`` hold each prompt's share (0 to 1) of samples in character, of the same ``samples``
    samples, or of so many each where some are not scored in one of them; of each prompt's ``in_thinking`` are in
    character in thinking, ``in_both`` in the response too.
    The gap's interval is :func:`paired_rates`': the two channels of one sample are a pair. P(response |
    thinking) has that of :func:`rate_of_counts`, NaN where no thinking is in character.
    """
    asked = samples if isinstance(samples, tuple) else (samples, samples)
    gap = paired_rates(thinking, response, clusters, asked, confidence)
    return Erosion(gap, rate_of_counts(in_both, in_thinking, clusters, confidence))
