"""Scorers of charbench as scorers of Inspect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from math import isnan
from typing import Any

import anyio
from inspect_ai.scorer import Metric as InspectMetric
from inspect_ai.scorer import Score as InspectScore
from inspect_ai.scorer import Target, mean, stderr
from inspect_ai.scorer import scorer as inspect_scorer
from inspect_ai.solver import TaskState

from charbench.components.base import ComponentKind
from charbench.components.calling import awaited, resolve
from charbench.components.containment import asked
from charbench.components.scorer import Scorer, ScoringPlan
from charbench.domain.persona import Persona
from charbench.domain.sample import Channel, Sample
from charbench.domain.score import Metric, Role, Score
from charbench.errors import CharbenchError, UsageError
from charbench.inspect.conversion import sample_of
from charbench.inspect.session import open_session
from charbench.run.session import Session
from charbench.scoring.given_scores import all_of, check_type, check_values

_HERE = "charbench.inspect.scorers"
_NONE = float("nan")
"""What Inspect leaves out of means; it counts None as 0."""


@cache
def factory(name: str) -> Callable[..., Any]:
    """Return what makes Inspect scorers of charbench's scorer ``name``; raises where there is none of samples."""
    component = open_session(".").plugins.component(ComponentKind.SCORER, name)
    if not issubclass(component, Scorer):
        raise UsageError(f"scorer {name} compares pairs of samples; Inspect scores one at a time")

    def make(persona: str | None = None, lab: str = ".", **options: Any) -> Any:
        return Scoring(name, persona, lab, options)

    make.__name__ = make.__qualname__ = name.replace("-", "_").replace(":", "_").replace("/", "_")
    make.__module__ = _HERE
    make.__doc__ = component.one_line()
    made: Callable[..., Any] = inspect_scorer(metrics=_metrics(component.metrics))(make)
    return made


def _metrics(declared: Iterable[Metric]) -> dict[str, list[InspectMetric]]:
    """Return what Inspect sums up: the trait, headline and health in responses; of a scorer with neither, all.

    The rest is in each score's value.
    """
    declared = list(declared)
    shown = [metric for metric in declared if metric.role != Role.DETAIL]
    traits = [f"{metric.name}.trait" for metric in shown if _tells_trait(metric)]
    keys = [*traits, *(f"{metric.name}.response" for metric in shown)] or _keys(declared)
    return {key: [mean(), stderr()] for key in keys}


def _keys(declared: Iterable[Metric]) -> list[str]:
    keys = []
    for metric in declared:
        keys += [f"{metric.name}.{channel.value}" for channel in Channel]
        keys += [f"{metric.name}.trait"] if _tells_trait(metric) else []
    return keys


def _tells_trait(metric: Metric) -> bool:
    return metric.role == Role.HEADLINE and metric.threshold is not None


class Scoring:
    """One scorer of charbench's at work in Inspect."""

    def __init__(self, name: str, persona: str | None, lab: str, options: Mapping[str, Any]) -> None:
        self._session = open_session(lab, {f"scorer.{name}": options})
        made = self._session.component(ComponentKind.SCORER, name)
        assert isinstance(made, Scorer)
        self._scorer: Scorer = made
        self._metrics = {metric.name: metric for metric in made.metrics}
        self._persona = _persona(self._session, persona) if persona is not None else None
        self._begun: set[str] = set()
        self._ready = False
        self._lock = anyio.Lock()

    async def __call__(self, state: TaskState, target: Target) -> InspectScore:
        """Score the answer of a sample; one that has none, or failed, is not scored."""
        sample = sample_of(state)
        if sample.failure is not None or not any(True for _ in sample.channels()):
            return InspectScore(value=dict.fromkeys(_keys(self._metrics.values()), _NONE), reason="no_response")
        persona = self._persona or self._persona_of(state)
        async with self._lock:
            await self._begin(persona)
        given = await awaited(asked(f"scorer {self._scorer.name}", self._scorer.score, sample, persona))
        scores = tuple(all_of(self._scorer, given))
        check_type(self._scorer.name, scores)
        there = {channel for channel, _ in sample.channels()}
        scores = tuple(score for score in scores if score.channel in there)
        check_values(self._scorer.name, self._metrics, scores)
        return self._as_inspects(sample, persona, scores)

    def _persona_of(self, state: TaskState) -> Persona:
        named = (state.metadata or {}).get("persona")
        if not named:
            raise UsageError(
                f"scorer {self._scorer.name}: no persona; give persona=NAME, or the samples' metadata 'persona'"
            )
        return _persona(self._session, str(named))

    async def _begin(self, persona: Persona) -> None:
        """Get the scorer ready, once, and for each persona once."""
        scorer = self._scorer
        if not self._ready:
            await awaited(scorer.prepare(self._session.config.lab.resolve(), self._session.config.folder.resolve()))
            self._ready = True
        if persona.name in self._begun:
            return
        plan = ScoringPlan(persona=persona)
        await awaited(scorer.learn(plan))
        if not resolve(scorer, scorer.can_score(persona)):
            raise CharbenchError(f"scorer {scorer.name} cannot score {persona.name}: it has learned nothing of it")
        await awaited(scorer.begin(plan))
        self._begun.add(persona.name)

    def _as_inspects(self, sample: Sample, persona: Persona, scores: Iterable[Score]) -> InspectScore:
        values: dict[str, float] = dict.fromkeys(_keys(self._metrics.values()), _NONE)
        evidence: dict[str, dict[str, Any]] = {}
        for score in scores:
            key = f"{score.metric}.{score.channel.value}"
            values[key] = _NONE if score.value is None else score.value
            told = {
                "why": score.explanation,
                "spans": [[span.start, span.end, span.marker, *span.flags] for span in score.spans],
                "votes": [list(vote) for vote in score.votes],
            }
            evidence |= {key: kept} if (kept := {name: one for name, one in told.items() if one}) else {}
        for metric in filter(_tells_trait, self._metrics.values()):
            values[f"{metric.name}.trait"] = _trait(sample, metric, values[f"{metric.name}.response"])
        reasons = [f"{key}: {told['why']}" for key, told in evidence.items() if "why" in told]
        return InspectScore(
            value=values,
            answer=sample.response,
            explanation="\n".join(reasons) or None,
            metadata={"persona": persona.name, "evidence": evidence},
        )


def _trait(sample: Sample, metric: Metric, value: float) -> float:
    """Return whether the response has the trait: without one it has not, and without a verdict it is not known."""
    if not sample.response.strip():
        return 0.0
    assert metric.threshold is not None
    return value if isnan(value) else float(value >= metric.threshold)


def _persona(session: Session, named: str) -> Persona:
    return session.personas.get_or_read(named)
