"""Whether a judge repeats what it said last: then its wrong answers come after items that are to be told otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import TypeVar

T = TypeVar("T")
STOPS = 0.005
"""A judge whose errors follow the answer before them fails where chance does so less often than this."""
SUSPICIOUS = 0.35
"""Where chance does so less often than this, more items are asked about."""
MORE = 8
"""So many items of either sort are asked about then at once."""
MOST = 160
"""No more than so many are asked about for this."""


@dataclass(slots=True)
class Repeats:
    """A judge's answers to the items of one metric, in the order in which it was asked.

    ``other`` counts answers after one that was not the right answer this time, and how many of them were wrong,
    ``same`` those after one that was.
    """

    last: bool | None = None
    other: list[int] = field(default_factory=lambda: [0, 0])
    same: list[int] = field(default_factory=lambda: [0, 0])
    more: int = 0
    """Items that were asked about for this alone."""

    def note(self, truth: bool, right: bool | None) -> None:
        """Count an answer: whether it was to be yes, and whether it was right (None: there was none)."""
        if right is not None and self.last is not None:
            counts = self.same if self.last is truth else self.other
            counts[0] += 1
            counts[1] += not right
        self.last = None if right is None else truth is right

    @property
    def chance(self) -> float:
        """How often chance puts as many of the wrong answers after another answer: Fisher's exact test, one-sided."""
        return tail(self.other[1], self.other[0], self.same[1], self.same[0])

    @property
    def is_open(self) -> bool:
        """Whether more answers are needed to tell."""
        return STOPS <= self.chance < SUSPICIOUS and self.more < MOST

    def __str__(self) -> str:
        wrong = self.other[1] + self.same[1]
        return f"{self.other[1]} of {wrong} wrong answers are what it said just before"


def mixed(yes: list[T], no: list[T]) -> Iterator[T]:
    """Yield items so that about half of them are to be told otherwise than the one before."""
    few, many = sorted((yes, no), key=len)
    for is_few in cycle((True, False, False, True) if len(many) < 1.5 * len(few) else (True, False, False)):
        if not few and not many:
            return
        if few if is_few else not many:
            yield few.pop(0)
        else:
            yield many.pop(0)


def tail(wrong: int, asked: int, other_wrong: int, other_asked: int) -> float:
    """Return how often chance makes so many of all wrong answers, or more, fall among those ``asked``.

    Source: Fisher (1934), "Statistical methods for research workers", section 21.02.
    """
    all_wrong, total = wrong + other_wrong, asked + other_asked
    ways = sum(
        math.comb(asked, number) * math.comb(total - asked, all_wrong - number)
        for number in range(wrong, min(asked, all_wrong) + 1)
    )
    return ways / math.comb(total, all_wrong)
