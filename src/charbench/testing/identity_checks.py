"""What decides a scorer's values is in its identity, and nothing else is: editing it scores again, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from charbench.components.limits import Limits
from charbench.domain.persona import Marker, Persona
from charbench.testing.factories import make_sample
from charbench.testing.scorer_checks import score_all
from charbench.testing.trial import Trial

_SAID = "Ahoy, I sail at dawn! The kettle is on the stove."


def fingerprint(trial: Trial) -> None:
    """The same version, options and persona have the same identity: a second run scores nothing again."""
    first, second = trial.make(), trial.make()
    for persona in (trial.persona, Persona(name="bare")):
        given = first.fingerprint(persona)
        assert isinstance(given, str), f"fingerprint() gave {given!r:.100}; text is needed"
        assert first.identity(persona) == second.identity(persona), (
            "fingerprint() or the options differ between two scorers that are set up alike: "
            "every run would score everything again"
        )
    assert isinstance(first.limits(), Limits), "limits() has to return charbench.Limits"


def edited_persona(trial: Trial) -> None:
    """Where editing a persona changes scores, it changes ``fingerprint()``: old scores are not taken for today's."""
    if not trial.deterministic:
        return
    sample, scorer = make_sample(_SAID, "They ask. Ahoy."), trial.make()
    scores = score_all(trial, [sample])
    for what, persona in _edited(trial.persona):
        if scorer.fingerprint(persona) != scorer.fingerprint(trial.persona) or not _can(scorer, persona):
            continue
        assert score_all(trial, [sample], persona) == scores, (
            f"other {what} of the persona give other scores, and fingerprint() stays the same: "
            "who edits them would go on seeing the old scores"
        )


def _edited(persona: Persona) -> Iterator[tuple[str, Persona]]:
    yield "markers", replace(persona, markers=(Marker("kettle"), Marker("stove")))
    yield "traits", replace(persona, traits=("speaks of kettles",))
    yield "words in the description", replace(persona, description="A cook who speaks of the kitchen.")
    yield "words in the rubric", replace(persona, rubric="Does the text sound like a cook?")


def _can(scorer: Any, persona: Persona) -> bool:
    return bool(scorer.can_score(persona))


def operational_options(trial: Trial) -> None:
    """An option that is declared ``operational`` changes no score: it is in no key, so nothing would score again."""
    if not trial.deterministic:
        return
    sample = make_sample(_SAID, "They ask. Ahoy.")
    scores = score_all(trial, [sample])
    config = trial.component.Config
    for name, field in config.model_fields.items():
        extra = field.json_schema_extra
        if not (isinstance(extra, dict) and extra.get("operational")):
            continue
        for value in _others(trial.options.get(name, field.get_default(call_default_factory=True))):
            options = {**trial.options, name: value}
            try:
                config(**options)
            except ValidationError:
                continue
            assert score_all(replace(trial, options=options), [sample]) == scores, (
                f"the option {name} is declared operational, and {name}={value} gives other scores: "
                "declare it with Field()"
            )


def _others(value: Any) -> tuple[Any, ...]:
    """Return other values of an option, of types that can be told: numbers and switches."""
    if isinstance(value, bool):
        return (not value,)
    return (value + 1, value * 2, 1) if isinstance(value, int | float) else ()


IDENTITY_CHECKS = (fingerprint, edited_persona, operational_options)
