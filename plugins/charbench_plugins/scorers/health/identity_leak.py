"""Whether the model behind the character shows itself."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from charbench import Metric, Persona, Sample, Score, Scorer, Span, digest, find_identity_leaks, names_given


class IdentityLeak(Scorer):
    """Whether a text says that it comes from an AI, a named model or its maker."""

    name = "identity-leak"
    is_default = True
    version = 2
    metrics = (
        Metric(
            "identity_leak", range=(0, None), role="health", higher_is_better=False, threshold=1, title="identity leaks"
        ),
    )

    def score(self, sample: Sample, persona: Persona) -> Iterable[Score]:
        """Yield how often each channel gives the model away; a name that the character was told is its own."""
        system = (message.content for message in sample.prompt.messages if message.role == "system")
        names = _told(persona) | names_given(system)
        for channel, text in sample.channels():
            leaks = find_identity_leaks(text, names)
            spans = tuple(Span(channel, start, end, "identity leak") for start, end in leaks)
            yield Score("identity_leak", channel, float(len(spans)), spans)

    def fingerprint(self, persona: Persona) -> str:
        """Return a hash of the names of models that the persona was given; empty where it was given none."""
        names = sorted(_told(persona))
        return digest(names) if names else ""


def _told(persona: Persona) -> frozenset[str]:
    return _given((persona.description, *persona.traits), (persona.name, *persona.aliases))


@lru_cache(maxsize=64)
def _given(told: tuple[str, ...], names: tuple[str, ...]) -> frozenset[str]:
    """Return the names of models in a persona's texts and names: looked for once, and not for each sample."""
    return names_given((*told, *(f"called {name}" for name in names)))
