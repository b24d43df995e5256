"""Whether the model behind the character shows itself."""

from __future__ import annotations

from collections.abc import Iterable

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
    called = (f"called {name}" for name in (persona.name, *persona.aliases))
    return names_given((persona.description, *persona.traits, *called))
