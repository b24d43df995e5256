"""Scorers learn a persona from the lab's data before they score."""

from __future__ import annotations

from collections.abc import Sequence

from charbench.components.calling import items
from charbench.components.containment import Broken, guarded
from charbench.components.scorer import BaseScorer, ScoringPlan
from charbench.run.result import RunResult


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
