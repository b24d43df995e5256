"""What a run may score next: samples that it claims, for several scorers at once where they cost nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from charbench.domain.keys import digest
from charbench.scoring.score import Scoring, is_free
from charbench.store.claims import claim
from charbench.store.database import Database
from charbench.store.runs import failed_in_parts
from charbench.store.scores import STAGE, pending_samples, score_item, scored_among

Pair = tuple[int, int]
"""The numbers of a scoring and of a sample."""
_LONGEST = 90
"""Characters that the scorers' numbers take in the name of a claim."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Samples that a run has claimed."""

    items: list[str]
    """The names of the claims."""
    lacking: list[tuple[Scoring, list[int]]]
    """Each scorer, with the numbers of those of the samples that it has not scored."""


@dataclass(slots=True)
class Lots:
    """Claims samples, lot by lot, for scorers at work for one persona.

    One claim of a sample is for all scorers that cost nothing, and is named by them all: to claim for each of the four
    default scorers takes four times as long. A run with other scorers does not see it, so that both may compute the
    same scores; the store takes them once. What costs something is claimed scorer by scorer, and never done twice.
    """

    database: Database
    run_id: int
    scorings: Sequence[Scoring]
    """Those that still score: looked at for each lot."""
    shared_run: int | None = None
    """The run of several workers: what one of them tries in vain, no other tries again."""
    elsewhere: bool = False
    """Whether another run is at something that this one was to score."""
    _failed: set[Pair] = field(default_factory=set)
    """What this run has tried in vain: it is left for the next one."""

    def note_failed(self, scoring: Scoring, sample_ids: Iterable[int]) -> None:
        """Remember what this run has tried in vain."""
        self._failed.update((scoring.scoring_id, number) for number in sample_ids)

    def of(self, group_ids: Sequence[int], size: int) -> Iterator[Lot]:
        """Claim what is not scored yet, ``size`` samples at a time, and yield what became this run's."""
        wanted = [scoring.scoring_id for scoring in self.scorings]
        for ids in pending_samples(self.database, wanted, group_ids, size):
            lot = self._claimed(ids)
            if lot.items:
                yield lot

    def _claimed(self, ids: Sequence[int]) -> Lot:
        """Claim these samples for the scorers that lack them."""
        scorings = list(self.scorings)  # one may be removed meanwhile: this is gone on with in another thread
        together = _together(scorings)
        named = {item: (mine, number) for mine in together for item, number in _named(mine, ids)}
        dealt_with = set(self._failed)

        def present(connection: Connection, items: Sequence[str]) -> set[str]:
            dealt_with.update(self._dealt_with(connection, [named[item] for item in items]))
            return {item for item in items if not _lacking(*named[item], dealt_with)} if dealt_with else set()

        claimed = claim(self.database, STAGE, self.run_id, list(named), present)
        self.elsewhere |= claimed.elsewhere > 0
        numbers: dict[int, list[int]] = {scoring.scoring_id: [] for scoring in scorings}
        for item in claimed.mine:
            for scoring_id, number in _lacking(*named[item], dealt_with):
                numbers[scoring_id].append(number)
        lacking = [(scoring, numbers[scoring.scoring_id]) for scoring in scorings]
        return Lot(claimed.mine, [(scoring, mine) for scoring, mine in lacking if mine])

    def _dealt_with(self, connection: Connection, asked: Sequence[tuple[Sequence[int], int]]) -> set[Pair]:
        """Return what is scored, or was tried in vain by another worker of the run."""
        wanted = {scoring_id for mine, _ in asked for scoring_id in mine}
        done = scored_among(connection, wanted, sorted({number for _, number in asked}))
        if self.shared_run is not None:
            rest = {score_item(*pair): pair for mine, number in asked for pair in _lacking(mine, number, done)}
            done.update(rest[item] for item in failed_in_parts(connection, self.shared_run, STAGE, list(rest)))
        return done


def _together(scorings: Iterable[Scoring]) -> list[tuple[int, ...]]:
    """Return the numbers of the scorers that cost nothing, which claim together, and that of each other one."""
    free = [scoring.scoring_id for scoring in scorings if is_free(scoring.scorer) and not scoring.is_async]
    others: list[tuple[int, ...]] = [(scoring.scoring_id,) for scoring in scorings if scoring.scoring_id not in free]
    return [tuple(free), *others] if free else others


def _named(scoring_ids: Sequence[int], sample_ids: Sequence[int]) -> Iterable[tuple[str, int]]:
    """Return the name under which each sample is claimed for these scorers, and its number."""
    name = "+".join(map(str, scoring_ids))
    if len(name) > _LONGEST:
        name = digest(*scoring_ids)
    return [(f"{name}:{number}", number) for number in sample_ids]


def _lacking(scoring_ids: Sequence[int], number: int, dealt_with: Collection[Pair]) -> list[Pair]:
    """Return what of a claim is to be done."""
    return [pair for scoring_id in scoring_ids if (pair := (scoring_id, number)) not in dealt_with]
