"""One scorer at work for one persona: whether it may begin, what it may give, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sqlalchemy.engine import Connection

from charbench.components.calling import awaited, resolve
from charbench.components.containment import Broken, asked, guarded_async
from charbench.components.control_items import ControlResult
from charbench.components.limits import Limits
from charbench.components.scorer import BaseScorer, Scorer, ScoringPlan, waits
from charbench.components.source_digest import source_digest
from charbench.concurrency.circuit_breaker import CircuitBreaker
from charbench.concurrency.progress import Figures, Progress
from charbench.concurrency.worker_pool import UnderWay
from charbench.domain.persona import Persona
from charbench.domain.sample import Failure, Sample
from charbench.domain.score import Score
from charbench.errors import CharbenchError
from charbench.scoring.given_scores import all_of, are_sound, check_type, check_values, ranges_of
from charbench.scoring.set_up import same_scores, set_up
from charbench.scoring.tally import ScoreTally, ScoringTally
from charbench.store.claims import release
from charbench.store.code_versions import OldScores
from charbench.store.database import Database
from charbench.store.group_commit import Commits
from charbench.store.rescue import Rescue, StoredSettings
from charbench.store.samples import StoredSample
from charbench.store.scores import (
    STAGE,
    NewScores,
    ScoreWriter,
    ScoringSettings,
    as_stored,
    evidence_text,
    score_item,
)
from charbench.store.writer import Writer
from charbench.text.redaction import redact

_ALL_AGAIN = "all samples are scored again, and reports use only the new scores"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sample: scores, or None and the failures of all its tries."""

    stored: StoredSample
    scores: tuple[Score, ...] | None
    failures: tuple[Failure, ...] = ()


@dataclass(slots=True)
class Begun:
    """Which scorers have begun for which personas in a run, and whether they may score."""

    keep: Callable[[int, Sequence[ControlResult]], None] = lambda *_: None
    """Keeps what judges made of their control items, with the number of the scoring that they are of."""
    old_scores: OldScores = OldScores.LEFT
    """What becomes of scores by an earlier version of a scorer's code; those that cost nothing are never left."""
    _known: list[tuple[BaseScorer, str, bool]] = field(default_factory=list)

    def may_score(self, scorer: BaseScorer, persona: str) -> bool | None:
        """Return whether the scorer may score; None: it has not begun for this persona."""
        return next((may for one, name, may in self._known if one is scorer and name == persona), None)

    def note(self, scorer: BaseScorer, persona: str, may_score: bool) -> None:
        """Keep whether the scorer may score."""
        self._known.append((scorer, persona, may_score))


def held_line(scorer: BaseScorer, what: str) -> str:
    """Return why a scorer leaves samples or games, and what to do."""
    return (
        f"its code has changed since it scored, and {what} are left: charbench score --scorer {scorer.name} --rescore "
        "(with the same -o options) scores all by today's code; where the change does not matter, --keep-scores scores "
        "the rest"
    )


def is_free(scorer: BaseScorer) -> bool:
    """Whether its scores cost nothing but time, as far as can be told before it is asked."""
    asks = type(scorer).expected_calls is not BaseScorer.expected_calls
    return isinstance(scorer, Scorer) and not (waits(scorer) or scorer.is_metered or asks)


def settings_today(scorer: BaseScorer, persona: Persona) -> ScoringSettings:
    """Return the scorer as it is set up today for a persona, with the digest of its code."""
    config, fingerprint = set_up(scorer, persona)
    code = source_digest(type(scorer))
    return ScoringSettings(scorer.name, scorer.version, persona.name, config, fingerprint, code=code)


class AtWork:
    """A scorer of samples or of pairs at work for one persona: whether it may begin, and what fails."""

    def __init__(self, scorer: BaseScorer, plan: ScoringPlan, tally: ScoringTally, begun: Begun) -> None:
        self._scorer, self._plan, self._tally, self._begun = scorer, plan, tally, begun
        self.who = f"scorer {scorer.name}, persona {plan.persona.name}"
        self.settings = settings_today(scorer, plan.persona)
        self.scoring_id = 0
        """The number of the scoring in the store; set by the stage."""
        self.same = partial(same_scores, scorer, self.settings.config)
        self.limits: Limits = asked(f"scorer {scorer.name}", lambda: resolve(scorer, scorer.limits()))

    async def begin(self) -> bool:
        """Let the scorer get ready, once a run and persona; return whether it may score."""
        may_score = self._begun.may_score(self._scorer, self._plan.persona.name)
        if may_score is None:
            may_score = await self._ready()
            self._begun.note(self._scorer, self._plan.persona.name, may_score)
        return may_score

    async def _ready(self) -> bool:
        outcome = await guarded_async(self._begin)
        if not isinstance(outcome, Broken):
            self._tally.warnings += outcome
            return True
        if not self._plan.stopping():
            announced = isinstance(outcome.error, CharbenchError)
            # What a scorer announces may have several lines: they are kept apart.
            message = redact(str(outcome.error)) if announced else f"{outcome.message}\n{outcome.trace}".rstrip()
            self._tally.stopped.append(f"{self.who}: nothing was scored: {message}")
        return False

    async def _begin(self) -> list[str]:
        plan = replace(self._plan, note_controls=partial(self._begun.keep, self.scoring_id))
        given: Iterable[str] = await awaited(self._scorer.begin(plan))
        return [f"scorer {self._scorer.name}: {line}" for line in given]

    def note_broken(self, broken: Broken) -> None:
        """Count what could not be scored."""
        key = self._scorer.name, broken.message
        self._tally.failed += 1
        self._tally.faults[key] = self._tally.faults.get(key, 0) + 1
        self._tally.trace = self._tally.trace or broken.trace


class Scoring(AtWork):
    """One scorer of samples, as it is set up, for one persona."""

    def __init__(
        self, database: Database, scorer: Scorer, plan: ScoringPlan, run_id: int, tally: ScoreTally, begun: Begun
    ) -> None:
        super().__init__(scorer, plan, tally, begun)
        self.scorer, self.plan, self.tally = scorer, plan, tally
        self.is_async = waits(scorer)
        """Whether its scores are awaited; set where a plain method turns out to return an awaitable."""
        self._metrics = {metric.name: metric for metric in type(scorer).metrics}
        self._ranges = ranges_of(type(scorer).metrics)
        unasked = begun.old_scores is OldScores.LEFT
        old = OldScores.AGAIN if unasked and is_free(scorer) else begun.old_scores
        with database.write() as connection:
            self.settings = as_stored(connection, self.settings, self.same)
            self.rows = ScoreWriter(connection, self.settings, type(scorer).metrics, run_id, old)
        self.scoring_id = self.rows.scoring_id
        wanted = self.rows.wanted
        self.is_held = wanted.is_held
        """Whether it is not asked: an earlier version of its code has scored, and scores are not to be bought again."""
        self.earlier = wanted.earlier
        """The scoring of the earlier version, where today's has scored nothing."""
        self.may_wait = wanted.earlier is None or not unasked
        """Whether scores may be awaited: else they would be bought again."""
        tally.warnings += [f"{self.who}: {change}: {_ALL_AGAIN}" for change in wanted.redeclared]

    def note_again(self) -> None:
        """Tell, once, that what an earlier version of the code has scored is scored again."""
        line = f"{self.who}: its code has changed: {_ALL_AGAIN}"
        if self.earlier is not None and line not in self.tally.warnings:
            self.tally.warnings.append(line)

    def write(self, connection: Connection, outcomes: Sequence[Outcome]) -> int:
        """Put outcomes of samples that are claimed for this scorer alone into the store; return how many were new."""
        added = self.add(connection, self.prepared(outcomes), outcomes)
        items = [score_item(self.scoring_id, outcome.stored.id) for outcome in outcomes]
        release(connection, STAGE, self.rows.run_id, items)
        return added

    def prepared(self, outcomes: Sequence[Outcome]) -> list[NewScores]:
        """Return what :meth:`add` takes, with all that can be done before a transaction begins."""
        return [scores for _, scores in _given(outcomes, evidence_text)]

    def add(self, connection: Connection, new: Sequence[NewScores], outcomes: Sequence[Outcome]) -> int:
        """Put prepared scores into the store, and the failures among the outcomes; return how many samples were new.

        Whoever claimed the samples lets go of them in the same transaction.
        """
        failed = [(item.stored.id, item.failures) for item in outcomes if item.failures]
        added = self.rows.add(connection, new) if new else 0
        if failed:
            self.rows.add_failures(connection, failed)
        return added

    def rescue(self, to: Rescue, sampled: Mapping[int, StoredSettings], outcomes: Sequence[Outcome]) -> None:
        """Keep outcomes that the store does not take, unless they can be had again for nothing."""
        if (given := _given(outcomes)) and not is_free(self.scorer):
            to.scores(self.rows.wanted.settings, type(self.scorer).metrics, given, sampled)

    def checked(self, sample: Sample, given: tuple[Score, ...]) -> tuple[Score, ...]:
        """Raise unless every score is of a declared metric, once a channel, and a finite number in range.

        Returns those of channels that the sample has; the others are counted.
        """
        name = self.scorer.name
        if are_sound(self._ranges, {channel for channel, _ in sample.channels()}, given):
            self.tally.asked[name] += 1
            return given
        check_type(name, given)
        given = self._of_channels_there(sample, given)
        check_values(name, self._metrics, given)
        no_verdict: dict[str, str] = {}
        for score in given:
            if score.value is None:
                no_verdict.setdefault(score.metric, score.explanation)
        self.tally.asked[name] += 1
        for metric_name, why in no_verdict.items():
            self.tally.no_verdict[name, metric_name] += 1
            self.tally.reasons.setdefault((name, metric_name), why)
        return given

    def _of_channels_there(self, sample: Sample, given: tuple[Score, ...]) -> tuple[Score, ...]:
        """Leave out scores for channels that the sample does not have: they are the scorer's fault, and are counted."""
        there = {channel for channel, _ in sample.channels()}
        if all(score.channel in there for score in given):
            return given
        missing = {(score.metric, score.channel.value) for score in given if score.channel not in there}
        self.tally.of_nothing.update((self.scorer.name, *one) for one in missing)
        return tuple(score for score in given if score.channel in there)


def _given(
    outcomes: Sequence[Outcome], evidence: Callable[[Sequence[Score]], str | None] = lambda _: None
) -> list[tuple[StoredSample, NewScores]]:
    return [
        (stored, NewScores(stored.id, stored.group_id, stored.prompt_id, item.scores, evidence(item.scores)))
        for item in outcomes
        for stored in (item.stored,)
        if item.scores is not None
    ]


async def score_async(
    scoring: Scoring,
    samples: Iterator[StoredSample],
    writer: Writer,
    progress: Progress,
    breaker: CircuitBreaker,
    done: Callable[[Outcome], None],
    rescue: Callable[[Sequence[Outcome]], None],
) -> None:
    """Score what ``samples`` yields; ``done`` is told each outcome that will be in the store.

    After too many failures in a row, which ``breaker`` counts, the rest is left for the next run. What the store does
    not take is given to ``rescue``, and no more is asked.
    """
    scorer = scoring.scorer

    def write(connection: Connection, outcomes: Sequence[Outcome]) -> None:
        scoring.tally.scored += scoring.write(connection, outcomes)

    commits: Commits[Outcome] = Commits(writer, write, rescue, adders=scoring.limits.concurrency)

    async def once(stored: StoredSample) -> tuple[Score, ...]:
        given = await awaited(scorer.score(stored.sample, scoring.plan.persona))
        return scoring.checked(stored.sample, all_of(scorer, given))

    async def keep(stored: StoredSample, scores: tuple[Score, ...] | None, failed: tuple[Failure, ...]) -> None:
        outcome = Outcome(stored, scores, failed)
        done(outcome)
        await commits.add(outcome)
        progress.advance(1)

    def stopping() -> bool:
        return writer.fault is not None or scoring.plan.stopping()

    under_way = UnderWay(once, keep, scoring.limits, stopping, scoring.note_broken, breaker)
    progress.watch(lambda: Figures(scoring.tally.failed, under_way.running))
    if await scoring.begin():
        await under_way.run(samples)
    if under_way.given_up:
        scoring.tally.stopped.append(f"{scoring.who}: no more requests are sent: {under_way.given_up}")
