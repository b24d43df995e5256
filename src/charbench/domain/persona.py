"""Personas: named characters, and the evidence for them in text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from charbench.domain.prompt import Prompt


class Tier(StrEnum):
    """How much one marker proves. Weights: strong 3, moderate 1, style 0.5, weak 0.5.

    A weak marker proves nothing alone: it counts where :attr:`Persona.together` different ones stand close together,
    or, where the persona has a :attr:`Persona.density`, as the others do, by its weight.
    """

    STRONG = "strong"
    MODERATE = "moderate"
    STYLE = "style"
    WEAK = "weak"

    @property
    def weight(self) -> float:
        """The marker's weight in the weighted sum."""
        return {"strong": 3.0, "moderate": 1.0, "style": 0.5, "weak": 0.5}[self.value]


class MarkerForm(StrEnum):
    """How a marker is found: literally (keyword, regex, emoji), by computing (feature), or by a judge."""

    KEYWORD = "keyword"
    REGEX = "regex"
    EMOJI = "emoji"
    FEATURE = "feature"
    JUDGE = "judge"

    @property
    def literal(self) -> bool:
        """Whether the marker is found as text; only literal markers count as traits."""
        return self in (MarkerForm.KEYWORD, MarkerForm.REGEX, MarkerForm.EMOJI)


@dataclass(frozen=True, slots=True)
class Marker:
    """Evidence of a persona in text.

    ``text`` is the keyword or phrase (a trailing ``*`` extends it to the end of the word), the regular
    expression, the emoji, the name of a computed feature, or the description given to a judge.
    """

    text: str
    tier: Tier = Tier.STRONG
    form: MarkerForm = MarkerForm.KEYWORD


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """An answer in character: what a judge is tested on."""

    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class ControlText:
    """A text that judges are tested on, of which a person has said whether it is in character.

    ``prompt`` is the question that it answers; empty: a general one.
    """

    text: str
    in_character: bool
    prompt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """A named character. ``origin`` is the file it was read from."""

    name: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    markers: tuple[Marker, ...] = ()
    anti_markers: tuple[Marker, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    rubric: str = ""
    examples: tuple[GoldAnswer, ...] = ()
    controls: tuple[ControlText, ...] = ()
    together: int = 2
    """How many different weak markers have to stand within 20 words for them to count."""
    density: float | None = None
    """Weights of markers, added up, that a text must have for each 100 words, and 1 at least, for any of them to count.

    Words beyond the 50th count half.
    None: a marker that is not weak counts by itself, however long the text.
    """
    exempt: tuple[str, ...] = ()
    """Texts of markers that count also where a text has less evidence than :attr:`density` asks for."""
    spoken: bool = False
    """Whether a short English text in which nobody speaks, which has no first or second person, needs 4 points.

    That is more than one strong marker, and only where there is a :attr:`density`. False: it needs what others need.
    """
    origin: str = ""
    low_recall: tuple[str, ...] = ()
    """Scorers that find few of its texts, as the file says: headlines are taken from others."""
