"""One scorer at work for one persona: what it may give, and what became of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from charbench.components.containment import Broken, asked, guarded_async
from charbench.components.scorer import BaseScorer, Scorer, ScoringPlan, waits
from charbench.domain.sample import Failure
from charbench.domain.score import Score
from charbench.errors import CharbenchError
from charbench.store.database import Database
from charbench.store.scores import NewScores, ScoreWriter, ScoringSettings
from charbench.text.redaction import redact


@dataclass(slots=True)
class Tally:
    """What went wrong at a stage, and lines for the user to read."""

    failed: int = 0
    faults: dict[tuple[str, str], int] = field(default_factory=dict)
    """How often each scorer failed with each message."""
    trace: str = ""
    warnings: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    """Why a scorer scored nothing, or not all."""


@dataclass(slots=True)
class ScoreTally(Tally):
    """What the score stage did besides: samples scored, and scores that could not be given."""

    scored: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    """Samples that each scorer has dealt with."""
    untold: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Samples for which a scorer could not tell a metric's value."""
    reasons: dict[tuple[str, str], str] = field(default_factory=dict)
    """The first reason that was given for it."""

    def untold_lines(self) -> list[str]:
        """Return a line for each metric that was not told for some samples, with their share."""
        lines = []
        for (scorer, metric), count in sorted(self.untold.items()):
            asked = self.asked[scorer]
            why = f"; first reason: {reason}" if (reason := self.reasons[scorer, metric]) else ""
            lines.append(f"scorer {scorer}: no {metric} for {count:,} of {asked:,} samples ({count / asked:.0%}){why}")
        return lines


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sample: scores, or None and the failures of all its tries."""

    sample_id: int
    group_id: int
    scores: tuple[Score, ...] | None
    failures: tuple[Failure, ...] = ()


Begun = dict[tuple[int, str], bool]
"""Which scorers (by ``id``) have begun for which personas in a run, and whether they may score."""


class AtWork:
    """A scorer of samples or of pairs at work for one persona: whether it may begin, and what fails."""

    def __init__(self, scorer: BaseScorer, plan: ScoringPlan, tally: Tally, begun: Begun) -> None:
        self._scorer, self._plan, self._tally, self._begun = scorer, plan, tally, begun
        self.who = f"scorer {scorer.name}, persona {plan.persona.name}"
        told = asked(f"scorer {scorer.name}", lambda: (scorer.content_config(), scorer.fingerprint(plan.persona)))
        self.settings = ScoringSettings(scorer.name, scorer.version, plan.persona.name, *told)

    async def begin(self) -> bool:
        """Let the scorer get ready, once a run and persona; return whether it may score."""
        me = id(self._scorer), self._plan.persona.name
        if me not in self._begun:
            self._begun[me] = await self._ready()
        return self._begun[me]

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
        said: Any = self._scorer.begin(self._plan)
        given: Iterable[str] = await said if isinstance(said, Awaitable) else said
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
        self._metrics = {metric.name: metric for metric in type(scorer).metrics}
        with database.write() as connection:
            self.rows = ScoreWriter(connection, self.settings, type(scorer).metrics, run_id)
        tally.warnings += [
            f"{self.who}: {change}: all samples are scored again, and reports use only the new scores"
            for change in self.rows.redeclared
        ]

    @property
    def is_async(self) -> bool:
        """Whether the scorer waits for somebody else."""
        return waits(self.scorer)

    def write(self, connection: Connection, outcomes: Sequence[Outcome]) -> int:
        """Put outcomes into the store; return how many samples were new."""
        new = [NewScores(item.sample_id, item.group_id, item.scores) for item in outcomes if item.scores is not None]
        failed = [(item.sample_id, item.failures) for item in outcomes if item.failures]
        added = self.rows.add(connection, new) if new else 0
        if failed:
            self.rows.add_failures(connection, failed)
        return added

    def checked(self, given: tuple[Score, ...]) -> tuple[Score, ...]:
        """Raise unless every score is of a declared metric, once a channel, and a finite number in range."""
        name = self.scorer.name
        if wrong := next((one for one in given if not isinstance(one, Score)), None):
            raise TypeError(f"{name}.score() gave {wrong!r:.100}; Scores are needed")
        seen: set[tuple[str, str]] = set()
        untold: dict[str, str] = {}
        for score in given:
            metric = self._metrics.get(score.metric)
            if metric is None:
                declared = ", ".join(self._metrics)
                raise ValueError(f"{name} scored {score.metric!r}, which it does not declare ({declared})")
            if (score.metric, score.channel) in seen:
                raise ValueError(f"{name} scored {score.metric!r} twice for the {score.channel}")
            seen.add((score.metric, score.channel))
            if score.value is None:
                untold.setdefault(score.metric, score.explanation)
                continue
            low, high = metric.range
            inside = (low is None or score.value >= low) and (high is None or score.value <= high)
            if not math.isfinite(score.value):
                raise ValueError(f"{name}: {score.metric} is {score.value}; a number is needed, or None")
            if not inside:
                raise ValueError(f"{name}: {score.metric} is {score.value}, outside {low} to {high}")
        self.tally.asked[name] += 1
        for metric_name, why in untold.items():
            self.tally.untold[name, metric_name] += 1
            self.tally.reasons.setdefault((name, metric_name), why)
        return given


def all_of(scorer: Scorer, given: Any) -> tuple[Any, ...]:
    """Return what ``score`` gave, which may be any iterable; raises :class:`TypeError` for what is none."""
    if isinstance(given, Score) or not isinstance(given, Iterable):
        raise TypeError(f"{scorer.name}.score() gave {given!r:.100}; yield Scores, or return a list of them")
    return tuple(given)
