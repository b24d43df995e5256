"""Perturbations that say the same in other words, or in another language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar

from charbench import Prompt
from charbench_plugins.perturbations.framing import Framing, with_last_turn

_REWORDED = ("reworded", "reworded-again")


class Paraphrase(Framing):
    """The same prompt introduced otherwise; the five default prompts in other words too."""

    name = "paraphrase"
    frames: ClassVar[Mapping[str, str]] = {
        "wondering": "I have been wondering about something. {text}",
        "quoted": 'A friend put it to me like this: "{text}" What would you say?',
        "own-words": "In your own words, please: {text}",
    }

    def variants(self, prompt: Prompt) -> Iterable[tuple[str, Prompt]]:
        """Yield the prompt in each frame, and in other words where these are known."""
        yield from super().variants(prompt)
        for name, text in zip(_REWORDED, _wording(prompt).get("reworded", ()), strict=False):
            yield name, with_last_turn(prompt, text)


class OtherLanguage(Framing):
    """The answer is asked for in another language; the five default prompts are asked in it too.

    Markers of another language will not be found in the answers.
    """

    name = "other-language"
    frames: ClassVar[Mapping[str, str]] = {
        "german": "{text}\n\nBitte antworte auf Deutsch.",
        "french": "{text}\n\nRéponds en français, s'il te plaît.",
        "spanish": "{text}\n\nPor favor, responde en español.",
    }
    languages: ClassVar[Mapping[str, str]] = {"german": "de", "french": "fr", "spanish": "es"}

    def variants(self, prompt: Prompt) -> Iterable[tuple[str, Prompt]]:
        """Yield the prompt with each request, and in each language where it is known in it."""
        yield from super().variants(prompt)
        known = _wording(prompt)
        for name, language in self.languages.items():
            if language in known:
                yield f"asked-in-{name}", replace(with_last_turn(prompt, known[language]), language=language)


def _wording(prompt: Prompt) -> Mapping[str, Any]:
    """Return the other wordings of a prompt of one turn; nothing where none are known."""
    return _wordings().get(prompt.text, {}) if len(prompt.messages) == 1 else {}


@cache
def _wordings() -> Mapping[str, Mapping[str, Any]]:
    import yaml

    source = files("charbench_plugins.perturbations") / "wording.yaml"
    return {entry["text"]: entry for entry in yaml.safe_load(source.read_text("utf-8"))}
