"""Scorers: how strongly a sample shows its persona."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import ClassVar

from charbench.components.base import Component, ComponentKind
from charbench.domain.keys import digest
from charbench.domain.persona import Persona
from charbench.domain.sample import Sample
from charbench.domain.score import Metric, Score


class Scorer(Component):
    """Gives each sample zero or more scores of the metrics it declares."""

    kind: ClassVar[ComponentKind] = ComponentKind.SCORER
    metrics: ClassVar[tuple[Metric, ...]] = ()
    protocol: ClassVar[int] = 1
    """Raise this when the same sample would now get other scores: all samples are then scored again."""

    def score(self, sample: Sample, persona: Persona) -> Iterable[Score] | Awaitable[Iterable[Score]]:
        """Score one sample; may be ``async def``.

        Yield nothing for a channel that has nothing to score, and a value of None where the value could
        not be told. Failed samples never get here. An exception fails this one score and is shown.
        """
        raise NotImplementedError

    def fingerprint(self, persona: Persona) -> str:
        """Return a hash of all in the persona that decides this scorer's values.

        The default takes the whole persona but its file and examples; narrow it so that editing, say, the
        rubric does not match the markers again.
        """
        return digest(
            persona.name,
            persona.description,
            persona.traits,
            [[m.text, m.tier, m.form] for m in (*persona.markers, *persona.anti_markers)],
            persona.rubric,
        )
