"""How a scorer is set up today for a persona, and whether scores under stored options are those it gives so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from charbench.components.calling import resolve
from charbench.components.containment import asked
from charbench.components.scorer import BaseScorer
from charbench.domain.persona import Persona


def options_of(scorer: BaseScorer) -> dict[str, Any]:
    """Return the options that decide its scores."""
    return asked(f"scorer {scorer.name}", lambda: resolve(scorer, scorer.content_config()))


def set_up(scorer: BaseScorer, persona: Persona) -> tuple[dict[str, Any], str]:
    """Return the options that decide its scores, and the fingerprint of what it scores the persona by."""
    return options_of(scorer), asked(f"scorer {scorer.name}", lambda: resolve(scorer, scorer.fingerprint(persona)))


def same_scores(scorer: BaseScorer, today: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Whether scores under stored options are those that the scorer gives today."""
    return asked(f"scorer {scorer.name}", lambda: scorer.same_scores(stored, today))
