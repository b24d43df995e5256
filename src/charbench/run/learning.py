"""What scorers learn from: the lab's data and the base's answers, before they score."""

from __future__ import annotations

from collections.abc import Sequence

from charbench.components.calling import items
from charbench.components.containment import Broken, guarded
from charbench.components.scorer import BaseScorer, ScoringPlan
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.dataset import Dataset
from charbench.domain.sample import Sample
from charbench.run.result import RunResult
from charbench.store.base_answers import base_answers
from charbench.store.database import Database
from charbench.store.findings import read_datasets


def learn(scorers: Sequence[BaseScorer], plan: ScoringPlan, result: RunResult) -> None:
    """Let scorers learn the persona from the lab's data; what one raises is shown, and it goes on as it was."""
    for scorer in scorers:
        if type(scorer).learn is BaseScorer.learn or plan.stopping():
            continue
        outcome: list[str] | Broken = guarded(_learned, scorer, plan)
        if isinstance(outcome, Broken):
            trace = f"\n{outcome.trace}".rstrip()
            result.failures.append(f"scorer {scorer.name}, persona {plan.persona.name}: {outcome.message}{trace}")
        else:
            result.warnings += [f"scorer {scorer.name}: {line}" for line in outcome]


def _learned(scorer: BaseScorer, plan: ScoringPlan) -> list[str]:
    return list(items(scorer, scorer.learn(plan)))


def datasets_of(database: Database) -> list[Dataset]:
    """Return the training data that the store knows."""
    with database.read() as connection:
        return [stored.dataset for stored in read_datasets(connection)]


def base_answers_of(database: Database, persona: str, checkpoints: Sequence[Checkpoint]) -> list[Sample]:
    """Return what the base models of these checkpoints answered to the persona's prompts."""
    models = sorted({checkpoint.base_model for checkpoint in checkpoints if checkpoint.base_model})
    with database.read() as connection:
        return base_answers(connection, persona, models)
