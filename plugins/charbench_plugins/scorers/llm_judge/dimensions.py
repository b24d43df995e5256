"""What is judged: three dimensions, each with its scale and its rubric."""

from __future__ import annotations

from dataclasses import dataclass

from charbench import Metric, Persona
from charbench_plugins.scorers.llm_judge.wording import read

TRAIT_FROM = 50
"""From this value of ``persona`` on a text has the trait: the character speaks at least half of it."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension; ``in_character`` says whether the judge is told who the character is."""

    name: str
    low: int
    high: int
    in_character: bool = True

    def rubric(self, persona: Persona) -> str:
        """Return the rubric: the persona's own for how far it is in character, else the file's."""
        own = persona.rubric.strip() if self.name == "persona" else ""
        return own or read("rubrics", self.name)


PERSONA = Dimension("persona", 0, 100)
COHERENCE = Dimension("coherence", 0, 100, in_character=False)
IDENTITY = Dimension("identity", 0, 3)
DIMENSIONS = (PERSONA, COHERENCE, IDENTITY)

METRICS = (
    Metric("persona", range=(0, 100), role="headline", threshold=TRAIT_FROM, title="in character (judge)"),
    Metric("coherence", range=(0, 100), role="health", threshold=50, title="coherent (judge)"),
    Metric("identity", range=(0, 3), threshold=3, title="identity (judge)"),
    *(
        Metric(f"{one.name}_spread", range=(0, None), higher_is_better=False, title=f"spread of {one.name} (judge)")
        for one in DIMENSIONS
    ),
    Metric("quotes", range=(0, None), title="quotes that stand in the text (judge)"),
    Metric("invented_quotes", range=(0, None), higher_is_better=False, title="quotes that do not (judge)"),
    Metric(
        "injections", range=(0, None), role="health", higher_is_better=False, threshold=1, title="talks to the judge"
    ),
)
