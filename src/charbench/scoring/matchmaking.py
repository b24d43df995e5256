"""The schedule of games: which two samples meet. It depends on who answered what and who has met, never on a result."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from charbench.domain.keys import digest
from charbench.store.games import Entrant, Slot

_PORT = re.compile(r"(?<=[\w\]]):\d+(?=/|$)")


@dataclass(frozen=True, slots=True)
class Pairing:
    """A game to play: the samples' numbers, the one that is the first before the other."""

    first_id: int
    second_id: int


class Pool:
    """Checkpoints that can play each other, and the prompts and epochs that they have answered, in an order of chance.

    Every prompt comes once before one comes again with another epoch. The same seed gives the same order, and
    a checkpoint keeps its luck when others join, or when it is served on another port.
    """

    def __init__(self, entrants: Sequence[Entrant], seed: str) -> None:
        self.entrants = entrants
        self.where = {number: (at, slot) for at, one in enumerate(entrants) for slot, number in one.samples.items()}
        """The checkpoint's number and the slot of each sample."""
        self.slots = _in_turn({slot for one in entrants for slot in one.samples}, seed)
        self.has = np.array([[slot in one.samples for slot in self.slots] for one in entrants])
        """Whether each checkpoint (row) has a sample for each slot (column)."""
        names = [_PORT.sub("", one.uri) for one in entrants]
        times: Counter[str] = Counter()
        codes = []
        for name in names:
            codes.append(int(digest(seed, name, times[name])[:16], 16))
            times[name] += 1
        self.luck = np.array(codes, dtype=np.uint64)


class Schedule:
    """What is still to be played in one pool until every checkpoint has ``wanted`` games.

    Games are dealt in rounds. A round is on one prompt (on several where there are more prompts than games are
    wanted), and everybody plays once in it against one of those that it has met least; chance decides between
    equals. So no answer is used twice before all are used, each two meet about equally often, and what is missing
    of a schedule, because it was interrupted, is exactly what is dealt again. Newcomers meet everyone, not only
    each other.

    ``played`` are games between any samples as (first, second), in the order of play; those of others are left aside.
    ``out`` are pairings that are not to be played now, such as those that failed in this run.
    """

    def __init__(self, pool: Pool, played: Iterable[tuple[int, int]], wanted: int, out: Iterable[Pairing] = ()) -> None:
        self._pool, size = pool, len(pool.entrants)
        self._at = {slot: number for number, slot in enumerate(pool.slots)}
        self._breadth = max(1, len(pool.slots) // wanted)
        self._blocks = max(1, -(-len(pool.slots) // self._breadth))
        self._met, self._lead = np.zeros((size, size), dtype=int), np.zeros(size, dtype=int)
        self._used: set[tuple[int, int, int]] = set()
        self._rounds: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self.games = np.zeros(size, dtype=int)
        """Games of each checkpoint, those that could not be told among them."""
        in_block: Counter[tuple[int, int]] = Counter()
        for first, second in played:
            if (game := self._known(first, second)) is not None:
                a, b, slot = game
                block = slot // self._breadth
                lap = max(in_block[a, block], in_block[b, block])
                in_block[a, block] = in_block[b, block] = lap + 1
                self._rounds[lap * self._blocks + block].append((a, b))
                self.games[[a, b]] += 1
        for pairing in out:
            self._known(pairing.first_id, pairing.second_id)
        self._needs = np.maximum(0, wanted - self.games)
        # Where some have all their games and others hardly any, the latter have joined: no interruption leaves that.
        few = (2 * self.games < wanted) & (self._needs > 2)
        self._joined = bool((self._needs == 0).any() and few.any())
        self._dealt = self._all()

    def next(self, most: int) -> list[Pairing]:
        """Return up to ``most`` games of those that are to be played; none where there are no more.

        Each call goes on from the last.
        """
        return list(islice(self._dealt, most))

    def _all(self) -> Iterator[Pairing]:
        number, idle = 0, 0
        last = max(self._rounds, default=0)
        while self._needs.any():
            before = int(self._needs.sum())
            # When those who lack games find nobody any more among themselves, they play others.
            anyone = self._joined or np.count_nonzero(self._needs) == 1 or idle >= self._blocks
            yield from self._round(number, anyone)
            idle = 0 if int(self._needs.sum()) < before or number < last else idle + 1
            if idle >= 2 * self._blocks:
                return
            number += 1

    def _round(self, number: int, anyone: bool) -> Iterator[Pairing]:
        """Deal a round to those who lack games and have not played in it, the ones by chance before the others."""
        block = number % self._blocks
        slots = range(block * self._breadth, min((block + 1) * self._breadth, len(self._pool.slots)))
        able: NDArray[np.bool_] = np.asarray(self._pool.has[:, slots.start : slots.stop].any(axis=1))
        met_here = self._rounds.pop(number, [])
        lacks: NDArray[np.bool_] = able & (self._needs > 0)
        lacks[[side for pair in met_here for side in pair]] = False
        free = able.copy() if anyone else lacks.copy()
        turn = _mixed(self._pool.luck ^ np.uint64(2 * number + 1))
        for a in np.argsort(turn, kind="stable"):
            if lacks[a] and free[a] and (found := self._partner(int(a), free, slots, number)):
                b, slot = found
                free[[a, b]] = False
                yield self._deal(int(a), b, slot)
        for a, b in met_here:
            self._note(a, b)

    def _partner(self, a: int, free: NDArray[np.bool_], slots: range, number: int) -> tuple[int, int] | None:
        """Return whom a checkpoint meets on which slot: one it has met least that has a slot which they did not use."""
        others = np.flatnonzero(free)
        others = others[others != a]
        luck = _mixed(self._pool.luck[others] ^ self._pool.luck[a] ^ _mixed(np.array([number], dtype=np.uint64)))
        for b in others[np.lexsort((luck, self._met[a, others]))]:
            shared = [
                slot
                for slot in slots
                if self._pool.has[a, slot] and self._pool.has[b, slot]
                if (min(a, b), max(a, b), slot) not in self._used
            ]
            if shared:
                return int(b), shared[int(luck[others == b][0] % np.uint64(len(shared)))]
        return None

    def _deal(self, a: int, b: int, slot: int) -> Pairing:
        """Return the game; the first is the one that was so less often, so that positions are balanced."""
        self._used.add((min(a, b), max(a, b), slot))
        self._needs[[a, b]] = np.maximum(0, self._needs[[a, b]] - 1)
        lead = (self._lead[a] - self._lead[b], self._pool.luck[a] ^ np.uint64(slot))
        first, second = (a, b) if (lead[0], int(lead[1]) & 1) < (0, 1) else (b, a)
        self._note(first, second)
        name = self._pool.slots[slot]
        return Pairing(self._pool.entrants[first].samples[name], self._pool.entrants[second].samples[name])

    def _note(self, first: int, second: int) -> None:
        self._met[first, second] += 1
        self._met[second, first] += 1
        self._lead[first] += 1
        self._lead[second] -= 1

    def _known(self, first: int, second: int) -> tuple[int, int, int] | None:
        """Note that these samples have met; return their checkpoints and slot, None if they are not of this pool."""
        where = self._pool.where
        if first not in where or second not in where:
            return None
        (a, name), (b, _) = where[first], where[second]
        slot = self._at[name]
        self._used.add((min(a, b), max(a, b), slot))
        return a, b, slot


def _in_turn(slots: set[Slot], seed: str) -> list[Slot]:
    """Return the slots in an order of chance: each prompt's first epoch, by chance too, then each one's second."""
    epochs: dict[str, list[int]] = defaultdict(list)
    for prompt, epoch in slots:
        epochs[prompt].append(epoch)
    order = {
        (prompt, epoch): rank
        for prompt, mine in epochs.items()
        for rank, epoch in enumerate(sorted(mine, key=lambda epoch: digest(seed, prompt, epoch)))
    }
    return sorted(slots, key=lambda slot: (order[slot], digest(seed, slot[0])))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return 64 random-looking bits for each value. Source: the finalizer of SplitMix64 (Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        mixed = values + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return found
