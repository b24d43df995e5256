"""The draw: which two samples play next, from what was played. It depends on the samples and results alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.pairing import next_pairs
from charbench.analysis.strengths import bradley_terry
from charbench.domain.keys import digest
from charbench.store.games import Entrant, Slot

Played = tuple[int, int, float | None]


@dataclass(frozen=True, slots=True)
class Pairing:
    """A game to play: the samples' numbers, the one that is the first before the other."""

    first_id: int
    second_id: int


class Pool:
    """Checkpoints that can play each other, and what they share; it stays the same from draw to draw."""

    def __init__(self, entrants: Sequence[Entrant]) -> None:
        self.entrants = entrants
        self.where = {number: (at, slot) for at, one in enumerate(entrants) for slot, number in one.samples.items()}
        """The checkpoint's number and the slot of each sample."""
        self.shared = _shared(entrants)


class Draw:
    """The table of one pool of checkpoints.

    ``played`` are games between any samples, those of others are left aside; ``out`` are pairings that are not to be
    played now, such as those that failed in this run.
    """

    def __init__(self, pool: Pool, played: Iterable[Played], out: Iterable[Pairing], seed: str) -> None:
        self._pool, self._seed = pool, seed
        size = len(pool.entrants)
        self._left = pool.shared.copy()
        self._used: dict[tuple[int, int], set[Slot]] = {}
        self._wins = np.zeros((size, size))
        self.games = np.zeros(size, dtype=int)
        """Games of each checkpoint, those that could not be told among them."""
        for first, second, result in played:
            if (pair := self._use(first, second)) is not None:
                self.games[list(pair)] += 1
                if result is not None:
                    self._wins[pair] += result
                    self._wins[pair[::-1]] += 1 - result
        for pairing in out:
            self._use(pairing.first_id, pairing.second_id)

    def next(self, wanted: int, most: int) -> list[Pairing]:
        """Return up to ``most`` games to play at once; none where every checkpoint has ``wanted``, or all are used.

        Those that are drawn count at once, each with the result that is expected of it: so more than one round can
        be under way where few checkpoints leave an endpoint idle.
        """
        drawn: list[Pairing] = []
        strength = bradley_terry(self._wins)
        while len(drawn) < most and (pairs := self._pairs(wanted, most - len(drawn))):
            for a, b in pairs:
                drawn.append(self._pairing(a, b))
                chance = 1 / (1 + np.exp(strength[b] - strength[a]))
                self._wins[a, b] += chance
                self._wins[b, a] += 1 - chance
                self.games[[a, b]] += 1
        return drawn

    def _pairs(self, wanted: int, most: int) -> list[tuple[int, int]]:
        """Return a round: checkpoints that lack games play each other, and others only where that cannot be."""
        free, lacks = self._left > 0, self.games < wanted
        seed = int(digest(self._seed, int(self.games.sum()))[:8], 16)
        for allowed in (lacks[:, None] & lacks[None, :], lacks[:, None] | lacks[None, :]):
            if (allowed & free).any() and (pairs := next_pairs(self._wins, most, allowed=allowed & free, seed=seed)):
                return pairs
        return []

    def _pairing(self, a: int, b: int) -> Pairing:
        """Return the game on the prompt that these two have used least; chance decides between equals."""
        one, other = self._pool.entrants[a], self._pool.entrants[b]
        used = self._used.get((min(a, b), max(a, b)), set())
        times = Counter(prompt for prompt, _ in used)
        names = sorted((one.uri, other.uri))
        free = [slot for slot in one.samples if slot in other.samples and slot not in used]
        fewest = min(times[prompt] for prompt, _ in free)
        free = [slot for slot in free if times[slot[0]] == fewest]
        slot = free[int(digest(self._seed, names, len(used))[:8], 16) % len(free)]
        pair = [one.samples[slot], other.samples[slot]]
        # Who is the first is chance too, and the same whenever these two meet here.
        if int(digest(names, *slot)[0], 16) % 2 == (one.uri < other.uri):
            pair.reverse()
        self._use(*pair)
        return Pairing(*pair)

    def _use(self, first: int, second: int) -> tuple[int, int] | None:
        """Note that these samples meet; return the numbers of their checkpoints, None if they are not of this pool."""
        where = self._pool.where
        if first not in where or second not in where:
            return None
        (a, slot), (b, _) = where[first], where[second]
        self._used.setdefault((min(a, b), max(a, b)), set()).add(slot)
        self._left[a, b] -= 1
        self._left[b, a] -= 1
        return a, b


def _shared(entrants: Sequence[Entrant]) -> NDArray[np.int64]:
    """Return how many prompts and epochs each two of the pool share; none with itself."""
    slots = {slot: at for at, slot in enumerate({slot: None for entrant in entrants for slot in entrant.samples})}
    has = np.zeros((len(entrants), len(slots)))
    for at, entrant in enumerate(entrants):
        has[at, [slots[slot] for slot in entrant.samples]] = 1
    shared: NDArray[np.int64] = (has @ has.T).astype(np.int64)
    np.fill_diagonal(shared, 0)
    return shared
