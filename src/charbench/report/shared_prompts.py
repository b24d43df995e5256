"""By which prompts rows are ranked where they were not asked the same: those that most of them were asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def shared_of_each(asked: Iterable[frozenset[K]]) -> list[frozenset[K] | None]:
    """Return for each row the prompts that it is ranked by, of those it was asked; None: by all of its own.

    A row that was asked other prompts than most, or more, or fewer, is ranked by those that it shares. Where no prompt
    was asked of most rows, the set that the most rows were asked, or the largest one, stands for them.
    """
    rows = list(asked)
    sets = Counter(one for one in rows if one)
    if len(sets) < 2:
        return [None] * len(rows)
    times = Counter(key for one, count in sets.items() for key in one for _ in range(count))
    usual = frozenset(key for key, count in times.items() if 2 * count > sets.total())
    usual = usual or max(sets, key=lambda one: (sets[one], len(one), sorted(map(str, one))))
    return [None if one == usual else one & usual for one in rows]
