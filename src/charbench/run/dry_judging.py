"""What scorers would ask of models, without asking: the dry run's part for judges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import sqlalchemy as sa

from charbench.components.calling import resolve
from charbench.components.containment import asked
from charbench.components.pair_scorer import PairScorer
from charbench.components.sampler import SampleRequest
from charbench.components.scorer import BaseScorer, Scorer
from charbench.config.model import Price
from charbench.domain.checkpoint import Checkpoint, Kind
from charbench.domain.persona import Persona
from charbench.domain.sample import DEFAULT_CONDITION, Sample, Usage
from charbench.run.dry_sampling import CHARACTERS_PER_TOKEN, ExpectedUsage, tokens_of
from charbench.run.plan import personas_to_score
from charbench.run.session import Session
from charbench.sampling.cost import price_of_model
from charbench.scoring.score import settings_today
from charbench.scoring.set_up import same_scores
from charbench.store.code_versions import by_code
from charbench.store.database import Database
from charbench.store.games import played
from charbench.store.sample_reader import SampleReader
from charbench.store.scores import as_stored, pending_samples, redeclared
from charbench.store.tables import scorings

_NONE_YET = -1
"""The number of no scoring: every sample lacks it."""


@dataclass(slots=True)
class JudgingEstimate(ExpectedUsage):
    """One scorer's part: ``missing`` samples or games, the requests for them, and their tokens.

    ``cost`` None: not known, since ``unpriced`` (names of models) have no price.
    """

    scorer: str
    missing: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0
    unpriced: list[str] = field(default_factory=list)

    def add(self, scorer: BaseScorer, samples: Sequence[Sample], persona: Persona, times: int, prices: Prices) -> None:
        """Add what scoring these samples takes, so many times."""
        who = f"scorer {scorer.name}"
        self.missing += times if samples else 0
        for call in asked(who, lambda: list(resolve(scorer, scorer.expected_calls(samples, persona)))):
            number = call.requests * times
            usage = Usage(number * tokens_of(call.prompt_characters), number * call.max_tokens)
            self.expect(number, usage, price_of_model(call.model, prices), call.model)


Prices = Mapping[str, Price]


def asks_models(scorer: BaseScorer) -> bool:
    """Whether a scorer says what it would ask."""
    return type(scorer).expected_calls is not BaseScorer.expected_calls


def estimate_judging(
    session: Session,
    scorer: BaseScorer,
    checkpoints: Sequence[Checkpoint],
    personas: Sequence[str],
    missing: Sequence[tuple[SampleRequest, int]],
    *,
    rescore: bool = False,
) -> JudgingEstimate:
    """Count what a scorer would ask for the stored samples that it has not scored, and for the ``missing`` ones.

    ``missing`` holds requests for samples, each with the tokens that its answer may have. ``rescore``: what an earlier
    version of its code has scored is scored again; else nothing is asked there.
    """
    total, prices = JudgingEstimate(scorer.name), session.config.prices
    upcoming = _by_persona(session, checkpoints, personas, missing)
    stored = {persona.name: groups for persona, _, groups in personas_to_score(session, checkpoints, personas, [])}
    for name in sorted({*upcoming, *stored}):
        persona = session.personas.all[name]
        scoring, is_old = _scoring_of(session.database, scorer, persona)
        if is_old and not rescore:
            continue
        expected = upcoming.get(name, [])
        pending = _pending(session.database, scoring, stored.get(name, ()))
        if isinstance(scorer, PairScorer):
            _add_games(total, scorer, persona, (*pending, *expected), _games_played(session.database, scoring), prices)
            continue
        before = total.missing
        for sample in chain(pending, expected):
            total.add(scorer, [sample], persona, 1, prices)
        if total.missing > before:
            total.add(scorer, (), persona, 1, prices)
    return total


def _add_games(
    total: JudgingEstimate, scorer: PairScorer, persona: Persona, samples: Sequence[Sample], there: int, prices: Prices
) -> None:
    """Add the games that are wanted and not played, at the most: texts are those of the two longest samples."""
    chosen = [sample for sample in samples if sample.condition == DEFAULT_CONDITION]
    players = len({sample.checkpoint for sample in chosen})
    prompts = len({sample.prompt.key for sample in chosen})
    wanted = min(scorer.config.games * players // 2, players * (players - 1) // 2 * prompts) - there
    if players > 1 and wanted > 0:
        longest = sorted(chosen, key=lambda sample: -len(sample.response) - len(sample.thinking))[:2]
        total.add(scorer, longest, persona, wanted, prices)
        total.add(scorer, (), persona, 1, prices)


def _by_persona(
    session: Session,
    checkpoints: Sequence[Checkpoint],
    personas: Sequence[str],
    missing: Iterable[tuple[SampleRequest, int]],
) -> dict[str, list[Sample]]:
    """Return the samples that are yet to be taken, as far as they are known, by the personas they are scored for."""
    known = session.personas.all
    everyone = {c.persona for c in checkpoints if c.persona and c.kind is not Kind.BASE} or set(personas)
    found: dict[str, list[Sample]] = {}
    for request, longest in missing:
        checkpoint = request.checkpoint
        own = checkpoint.persona or (personas[0] if len(personas) == 1 else None)
        for name in everyone if checkpoint.kind is Kind.BASE else {own}:
            if name and name in known:
                found.setdefault(name, []).append(_expected(request, longest))
    return found


def _expected(request: SampleRequest, longest: int) -> Sample:
    """Return a sample that is yet to be taken: a recording's text, else the longest possible, half of it thought."""
    filler = "x" * (longest * CHARACTERS_PER_TOKEN // 2)
    given = request.recorded.completion if request.recorded else None
    return Sample(
        key="", checkpoint=request.checkpoint.uri, prompt=request.prompt, sampler="", condition=request.condition,
        response=(given.response or given.text or "") if given else filler,
        thinking=(given.thinking or given.reasoning or "") if given else filler,
    )  # fmt: skip


def _scoring_of(database: Database, scorer: BaseScorer, persona: Persona) -> tuple[int, bool]:
    """Return the scoring that today's code adds to, and whether earlier code has scored and today's has not."""
    settings = settings_today(scorer, persona)
    with database.read() as connection:
        settings = as_stored(connection, settings, partial(same_scores, scorer, settings.config))
        if isinstance(scorer, Scorer):
            settings, _ = redeclared(connection, settings, type(scorer).metrics)
        found = by_code(connection, settings)
        number = connection.scalar(sa.select(scorings.c.id).where(scorings.c.key == found.settings.key))
    return _NONE_YET if number is None else int(number), found.earlier is not None


def _games_played(database: Database, scoring_id: int) -> int:
    with database.read() as connection:
        return len(played(connection, scoring_id))


def _pending(database: Database, scoring_id: int, group_ids: Sequence[int]) -> Iterator[Sample]:
    reader = SampleReader()
    for ids in pending_samples(database, [scoring_id], group_ids, 500):
        with database.read() as connection:
            yield from [stored.sample for stored in reader.read(connection, ids)]
