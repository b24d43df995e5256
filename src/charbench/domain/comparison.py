"""Comparisons: which of two samples of one prompt is better, and what each judge said in each order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from charbench.domain.forms import number_from, text_from, texts_from
from charbench.domain.sample import Channel
from charbench.domain.words import one_of

BALANCED = "balanced"
"""How games are scheduled, kept with each; without it, a game was chosen by the results of earlier ones."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one judge said in one order.

    ``result`` is 1 where it took the first sample, 0 for the second, 0.5 for a tie; None: no verdict, and
    ``reason`` says why. ``swapped``: the second sample was shown before the first.
    """

    judge: str
    result: float | None
    swapped: bool = False
    reason: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "judge", text_from(self.judge, "a verdict's judge"))
        object.__setattr__(self, "result", _share(self.result))
        object.__setattr__(self, "swapped", bool(self.swapped))
        object.__setattr__(self, "reason", text_from(self.reason, "a verdict's reason"))

    @property
    def decided(self) -> bool:
        """Whether the judge took one of the two."""
        return self.result in (0, 1)

    @property
    def took_what_came_first(self) -> bool:
        """Whether the judge took the text that was shown first."""
        return self.result == (0 if self.swapped else 1)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One game between two samples.

    ``result`` is the first sample's share of the win, 0 to 1: 1 won, 0 lost, 0.5 a tie, and between them where
    several judges differ. None: no verdict, and is never a tie; ``explanation`` says why. ``verdicts`` are
    what it was made of, for the flip rate and the position bias; ``channel`` is what was compared; ``flags`` are
    findings to inspect, such as a text that addresses the judge.
    """

    result: float | None
    explanation: str = ""
    verdicts: tuple[Verdict, ...] = ()
    channel: Channel = Channel.RESPONSE
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)
        put("result", _share(self.result))
        put("explanation", text_from(self.explanation, "a comparison's explanation"))
        if not isinstance(self.verdicts, tuple | list) or not all(isinstance(one, Verdict) for one in self.verdicts):
            raise TypeError(f"a comparison's verdicts are a tuple of Verdicts, not {self.verdicts!r:.100}")
        put("verdicts", tuple(self.verdicts))
        put("channel", one_of(Channel, self.channel, "channel"))
        put("flags", texts_from(self.flags, "a comparison's flags"))

    @classmethod
    def from_verdicts(
        cls, verdicts: Sequence[Verdict], channel: Channel = Channel.RESPONSE, flags: Sequence[str] = ()
    ) -> Comparison:
        """Make one of what judges said in both orders; every judge weighs the same.

        A judge whose verdict changes with the order has given a tie; one of whom a verdict is missing has given
        none. Source: Zheng et al. (2023), "Judging LLM-as-a-judge with MT-Bench and Chatbot Arena", section 3.4.
        """
        given = [vote for judge in _judges(verdicts) if (vote := _vote(verdicts, judge)) is not None]
        result = math.fsum(given) / len(given) if given else None
        missing = dict.fromkeys(f"{one.judge}: {one.reason}" for one in verdicts if one.result is None)
        return cls(result, "; ".join(missing), tuple(verdicts), channel, tuple(flags))

    @property
    def both_orders(self) -> int:
        """How many judges gave a verdict in both orders."""
        return sum(1 for _ in self._pairs())

    @property
    def flips(self) -> int:
        """How many of them gave another verdict when the order was changed."""
        return sum(first != second for first, second in self._pairs())

    @property
    def decided(self) -> int:
        """How many single verdicts took one of the two texts."""
        return sum(verdict.decided for verdict in self.verdicts)

    @property
    def first_wins(self) -> int:
        """How many of those took the text that was shown first: half of them, for judges without a bias."""
        return sum(verdict.decided and verdict.took_what_came_first for verdict in self.verdicts)

    def _pairs(self) -> Iterator[tuple[float, float]]:
        for judge in _judges(self.verdicts):
            orders = {one.swapped: one.result for one in self.verdicts if one.judge == judge and one.result is not None}
            if len(orders) == 2:
                yield orders[False], orders[True]


def _share(given: Any) -> float | None:
    """Return a result as Python's own number; raises for what is none between 0 and 1."""
    if given is None:
        return None
    result = number_from(given, "a result")
    if not (math.isfinite(result) and 0 <= result <= 1):
        raise ValueError(f"result {result} is not between 0 and 1")
    return result


def _judges(verdicts: Sequence[Verdict]) -> list[str]:
    return list(dict.fromkeys(verdict.judge for verdict in verdicts))


def _vote(verdicts: Sequence[Verdict], judge: str) -> float | None:
    results = {verdict.result for verdict in verdicts if verdict.judge == judge}
    return None if None in results else results.pop() if len(results) == 1 else 0.5
