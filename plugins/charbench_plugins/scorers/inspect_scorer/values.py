"""From scores of Inspect's scorers to values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from charbench import ConfigError

_LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
"""What words of Inspect's are worth, as its own ``value_to_float`` has it."""
_LONGEST = 500


def value_of(score: Any, key: str, who: str) -> tuple[float | None, str]:
    """Return a score's value as a number, None where it is none, and what explains it."""
    if score is None:
        return None, "Inspect's scorer gave no score"
    explanation = str(score.explanation or score.reason or "")[:_LONGEST]
    value = _chosen(score.value, key, who)
    if isinstance(value, str):
        word = _LETTERS.get(value, _LETTERS.get(value.lower()))
        if word is not None:
            return word, explanation
        try:
            value = float(value)
        except ValueError:
            return None, f"Inspect's value {value[:40]!r} is no number"
    if value is None or not math.isfinite(value):
        return None, explanation or "Inspect's scorer could not score it"
    return float(value), explanation


def _chosen(value: Any, key: str, who: str) -> Any:
    """Return the one value that counts, of a scorer that gives several."""
    if isinstance(value, str | int | float) or value is None:
        return value
    held: Mapping[str, Any] = (
        {str(name): one for name, one in value.items()}
        if isinstance(value, Mapping)
        else {str(number): one for number, one in enumerate(value)}
    )
    if not key and len(held) == 1:
        return next(iter(held.values()))
    if key in held:
        return held[key]
    option = who.replace(" ", ".", 1)
    found = f"it has no value {key!r}" if key else "it gives several values"
    raise ConfigError(f"{who}: {found}; choose one of {', '.join(held) or 'none'} with -o {option}.key=NAME")
