"""Scorer ``language``: how surely an answer is in the language of its prompt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from charbench import Metric, Persona, Sample, Score, Scorer, hookimpl


class Language(Scorer):
    """Probability that a text is in the prompt's language, and whether it is in another one."""

    name = "language"
    metrics = (
        Metric("prompt_language", range=(0, 1), title="in the prompt's language"),
        Metric("other_language", range=(0, 1), role="health", threshold=1, higher_is_better=False),
    )

    class Config(Scorer.Config):
        """When a text is in another language."""

        least: int = Field(40, ge=1, description="letters that a text must have to be scored")
        below: float = Field(0.1, ge=0, le=1, description="probability below which a text is in another language")

    config: Config

    def prepare(self, root: Path, folder: Path) -> None:
        """Load the profiles of the languages; langdetect draws at random unless it is given a seed."""
        from langdetect import DetectorFactory

        DetectorFactory.seed = 0

    def fingerprint(self, persona: Persona) -> str:
        """Nothing of the persona decides the values."""
        return ""

    def score(self, sample: Sample, persona: Persona) -> Iterator[Score]:
        """Score each channel that has enough letters; None where no language can be told."""
        asked = sample.prompt.language.partition("-")[0].lower()
        for channel, text in sample.channels():
            if sum(map(str.isalpha, text)) < self.config.least:
                continue
            found = _languages(text)
            share = found.get(asked, 0.0) if found else None
            told = ", ".join(f"{name} {value:.2f}" for name, value in found.items()) or "no language can be told"
            yield Score("prompt_language", channel, share, explanation=told)
            yield Score("other_language", channel, None if share is None else float(share < self.config.below))


def _languages(text: str) -> dict[str, float]:
    """Return the probability of each language that a text may be in; empty where none can be told."""
    from langdetect import LangDetectException, detect_langs

    try:
        return {one.lang.partition("-")[0]: min(1.0, one.prob) for one in detect_langs(text)}
    except LangDetectException:
        return {}


@hookimpl
def charbench_scorers() -> list[type[Scorer]]:
    """Return the scorer."""
    return [Language]
