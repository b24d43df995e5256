"""The pair stage: checkpoints play each other, prompt by prompt, until each has the games that are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from sqlalchemy.engine import Connection

from charbench.components.calling import awaited
from charbench.components.lifecycle import Lifecycle
from charbench.components.pair_scorer import PairScorer
from charbench.components.scorer import ScoringPlan
from charbench.concurrency.progress import Figures, Progress
from charbench.concurrency.worker_pool import UnderWay
from charbench.domain.comparison import Comparison
from charbench.domain.keys import digest
from charbench.domain.sample import Channel, Failure
from charbench.scoring.matchmaking import Pairing, Pool, Schedule
from charbench.scoring.score import AtWork, Begun, held_line
from charbench.scoring.tally import ScoringTally
from charbench.store.claims import claim, release
from charbench.store.database import Database
from charbench.store.games import STAGE, Entrant, NewGame, add_games, entrants, item, played, present_games
from charbench.store.group_commit import Commits
from charbench.store.rescue import Rescue, StoredSettings, settings_of_groups
from charbench.store.runs import failed_in_parts
from charbench.store.sample_reader import SampleReader
from charbench.store.samples import StoredSample
from charbench.store.scores import as_stored, wanted_scoring
from charbench.store.writer import Writer

WAIT_SECONDS = 0.5


@dataclass(slots=True)
class GameTally(ScoringTally):
    """What the pair stage did besides: games played, those that could not be told, and why."""

    played: int = 0
    no_verdict: int = 0
    reason: str = ""
    short: int = 0
    """Checkpoints that have fewer games than are wanted, because every prompt is used."""

    def lines(self, scorer: PairScorer, persona: str) -> list[str]:
        """Return what the user should know of these games."""
        lines = []
        if self.no_verdict:
            why = f"; first reason: {self.reason}" if self.reason else ""
            share = f"{self.no_verdict:,} of {self.played:,} games ({self.no_verdict / self.played:.0%})"
            lines.append(f"scorer {scorer.name}, persona {persona}: no verdict for {share}{why}")
        if self.short and self.played and not self.failed:
            lines.append(
                f"scorer {scorer.name}, persona {persona}: {self.short:,} checkpoints have fewer than "
                f"{scorer.config.games:,} games: every pair has played on all shared prompts"
            )
        return lines


@dataclass(frozen=True, slots=True)
class Match:
    """Two samples to compare."""

    pairing: Pairing
    first: StoredSample
    second: StoredSample


@dataclass
class PairStage:
    """One pair scorer at work for one persona in one run."""

    database: Database
    writer: Writer
    run_id: int
    scorer: PairScorer
    plan: ScoringPlan
    begun: Begun
    lifecycle: Lifecycle
    shared_run: int | None = None
    """The run that several workers share; see :class:`charbench.scoring.stage.ScoreStage`."""
    rescue: Rescue | None = None
    """Takes the games that the store does not take."""
    tally: GameTally = field(default_factory=GameTally)

    def __post_init__(self) -> None:
        self._work = AtWork(self.scorer, self.plan, self.tally, self.begun)
        self._failed: list[Pairing] = []
        self._commits: Commits[tuple[Match, NewGame]] = Commits(
            self.writer, self._write, self._rescued, adders=self._work.limits.concurrency
        )
        self._sampled: Mapping[int, StoredSettings] = {}
        self._reader = SampleReader()
        with self.database.write() as connection:
            settings = as_stored(connection, self._work.settings, self._work.same)
            wanted = wanted_scoring(connection, settings, (), self.run_id, self.begun.old_scores)
        self._scoring_id = self._work.scoring_id = wanted.scoring_id
        self._is_held, self._settings = wanted.is_held, wanted.settings

    def run(self, group_ids: Sequence[int], progress: Progress) -> GameTally:
        """Play what is not played yet between the checkpoints of these groups."""
        with self.database.read() as connection:
            pools = entrants(connection, group_ids)
            self._sampled = settings_of_groups(connection, group_ids)
        if pools:
            self.lifecycle.run(self._play_all(pools, progress))
            self.writer.flush()
        return self.tally

    async def _play_all(self, pools: Sequence[Sequence[Entrant]], progress: Progress) -> None:
        async def keep(match: Match, comparison: Comparison | None, failures: tuple[Failure, ...]) -> None:
            if comparison is None:
                self._failed.append(match.pairing)
            await self._commits.add((match, _new_game(match, comparison, failures)))
            progress.advance(1)

        # Not the judge, nor where it is served: two judges see the same games.
        seed = digest(self.scorer.name, self.plan.persona.name)
        under_way = UnderWay(self._compare, keep, self._work.limits, self._stopping, self._work.note_broken)
        progress.watch(lambda: Figures(self.tally.failed, under_way.running))
        for pool in pools:
            await self._play(Pool(pool, seed), under_way)
        if under_way.given_up:
            self.tally.stopped.append(f"{self._work.who}: no more requests are sent: {under_way.given_up}")

    async def _play(self, pool: Pool, under_way: UnderWay[Match, Comparison]) -> None:
        """Play batch after batch of the schedule; what other runs play meanwhile is taken off it."""
        most = max(len(pool.entrants) // 2, under_way.limits.concurrency)
        while not self._stopping() and not under_way.given_up:
            with self.database.read() as connection:
                schedule = Schedule(pool, played(connection, self._scoring_id), self.scorer.config.games, self._failed)
            short = int(np.count_nonzero(schedule.games < self.scorer.config.games))
            if not (dealt := schedule.next(most)):
                self.tally.short += short
                return
            if self._is_held:
                self.tally.warnings.append(f"{self._work.who}: {held_line(self.scorer, 'games')}")
                return
            if not await self._work.begin():
                return
            while dealt and not (mine := self._claim(dealt)):
                dealt = schedule.next(most)  # another run is at these
            if dealt:
                await under_way.run(self._matches(list(mine.values())))
                # what was not got to, because the run stops
                self.writer.put(partial(release, stage=STAGE, run_id=self.run_id, items=list(mine)))
                self.writer.flush()
            else:
                await asyncio.sleep(WAIT_SECONDS)

    def _claim(self, pairings: Sequence[Pairing]) -> dict[str, Pairing]:
        names = {item(self._scoring_id, one.first_id, one.second_id): one for one in pairings}
        with self.database.read() as connection:
            in_vain = self._tried_in_vain(connection, list(names))
        self._failed += [one for name, one in names.items() if name in in_vain]
        names = {name: one for name, one in names.items() if name not in in_vain}
        return {
            name: names[name] for name in claim(self.database, STAGE, self.run_id, list(names), self._dealt_with).mine
        }

    def _dealt_with(self, connection: Connection, names: Sequence[str]) -> set[str]:
        return present_games(connection, names) | self._tried_in_vain(connection, names)

    def _tried_in_vain(self, connection: Connection, names: Sequence[str]) -> set[str]:
        """Return which games another worker of the run could not have played."""
        return set() if self.shared_run is None else failed_in_parts(connection, self.shared_run, STAGE, names)

    def _matches(self, pairings: Sequence[Pairing]) -> Iterator[Match]:
        numbers = sorted({number for one in pairings for number in (one.first_id, one.second_id)})
        with self.database.read() as connection:
            read = {stored.id: stored for stored in self._reader.read(connection, numbers)}
        for one in pairings:
            if self._stopping():
                return
            yield Match(one, read[one.first_id], read[one.second_id])

    async def _compare(self, match: Match) -> Comparison:
        comparison = await awaited(self.scorer.compare(match.first.sample, match.second.sample, self.plan.persona))
        if not isinstance(comparison, Comparison):
            raise TypeError(f"{self.scorer.name}.compare() gave {type(comparison).__name__}, not a Comparison")
        return comparison

    def _stopping(self) -> bool:
        return self.writer.fault is not None or self.plan.stopping()

    def _rescued(self, played: Sequence[tuple[Match, NewGame]]) -> None:
        """Keep what the store does not take."""
        kept = [(match.first, match.second, game) for match, game in played if game.comparison is not None]
        if kept and self.rescue is not None:
            self.rescue.games(self._settings, kept, self._sampled)

    def _write(self, connection: Connection, items: Sequence[tuple[Match, NewGame]]) -> None:
        new = [game for _, game in items]
        self.tally.played += add_games(connection, self._scoring_id, self.run_id, new)
        no_verdict = [game.comparison for game in new if game.comparison is not None and game.comparison.result is None]
        self.tally.no_verdict += len(no_verdict)
        self.tally.reason = self.tally.reason or next((one.explanation for one in no_verdict), "")


def _new_game(match: Match, comparison: Comparison | None, failures: tuple[Failure, ...]) -> NewGame:
    channel = comparison.channel if comparison else Channel.RESPONSE
    both = (match.first.sample, match.second.sample)
    texts = [one.response if channel is Channel.RESPONSE else one.thinking for one in both]
    first, second = map(len, texts)
    return NewGame(match.pairing.first_id, match.pairing.second_id, comparison, (first, second), failures)
