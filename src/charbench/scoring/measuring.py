"""Measures a scorer of samples: how many texts in character have the trait, and how many others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from charbench.analysis.wilson import Rate, wilson
from charbench.components.base import ComponentKind
from charbench.components.calling import must_be_awaited
from charbench.components.containment import asked
from charbench.components.scorer import Scorer, waits
from charbench.datasets.texts import LabelledText
from charbench.domain.measurement import Measurement
from charbench.domain.persona import Persona
from charbench.domain.prompt import Prompt
from charbench.domain.sample import Channel, Sample
from charbench.domain.score import Metric, Role, Score
from charbench.errors import UsageError


@dataclass(slots=True)
class Group:
    """Texts of one kind, and what the scorer says of them."""

    title: str
    in_character: bool
    texts: Sequence[LabelledText]
    hits: int = 0
    scored: int = 0
    by_marker: Counter[str] = field(default_factory=Counter)
    """In how many texts each marker counts."""

    @property
    def rate(self) -> Rate:
        """Texts with the trait, with Wilson's interval."""
        return wilson(self.hits, self.scored)


def headline_of(scorer: Scorer) -> Metric:
    """Return the metric that says whether a sample has the trait; raises :class:`UsageError` where there is none."""
    for metric in type(scorer).metrics:
        if metric.role == Role.HEADLINE and metric.threshold is not None:
            if waits(scorer):
                raise UsageError(f"scorer {scorer.name} asks a model; measure it with: charbench calibrate")
            return metric
    raise UsageError(f"scorer {scorer.name} has no headline with a threshold: it does not say who has the trait")


def measure(scorer: Scorer, persona: Persona, groups: Iterable[Group]) -> None:
    """Score every text of these groups as a response, and count in them those that have the trait."""
    metric = headline_of(scorer)
    for group in groups:
        for number, one in enumerate(group.texts):
            value, markers = _value(scorer, persona, metric, one, number)
            if value is None:
                continue
            group.scored += 1
            group.hits += metric.threshold is not None and value >= metric.threshold
            group.by_marker.update(markers)


def combined(groups: Sequence[Group]) -> Measurement:
    """Return the figures that stand beside rates: the best texts in character there are, and all neutral ones.

    The first group in character with 15 texts or more counts, else the largest; of those out of character, all but
    other personas' own texts, which answers without the character seldom resemble.
    """
    mine = [group for group in groups if group.in_character and group.scored]
    best = next((group for group in mine if group.scored >= 15), max(mine, key=lambda one: one.scored, default=None))
    others = [group for group in groups if not group.in_character and group.scored and "persona" not in group.title]
    titles = [*([best.title] if best else []), *(group.title for group in others)]
    return Measurement(
        found=best.hits if best else 0,
        positives=best.scored if best else 0,
        flagged=sum(group.hits for group in others),
        negatives=sum(group.scored for group in others),
        texts=", ".join(titles),
    )


def _value(
    scorer: Scorer, persona: Persona, metric: Metric, one: LabelledText, number: int
) -> tuple[float | None, set[str]]:
    sample = Sample(
        key=f"measured-{number}", checkpoint="measured", prompt=Prompt.from_text(one.prompt or "-"),
        sampler="measured", response=one.text,
    )  # fmt: skip
    given: Any = asked(f"{ComponentKind.SCORER} {scorer.name}", lambda: scorer.score(sample, persona))
    if must_be_awaited(given):
        raise UsageError(f"scorer {scorer.name} has to be awaited; measure it with: charbench calibrate")
    scores: list[Score] = asked(f"{ComponentKind.SCORER} {scorer.name}", lambda: list(given))
    for score in scores:
        if score.metric == metric.name and score.channel is Channel.RESPONSE:
            counting = score.spans[: int(score.value or 0)]
            return score.value, {span.marker for span in counting}
    return None, set()
