"""From a judge's answer to a number."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

LEAST_MASS = 0.25
"""Numeric probability mass below which there is no score (persona_vectors, ``_aggregate_0_100_score``)."""
_ROUNDING = 1e-6
"""How far above 0 a logarithm may be that was meant to be 0."""
_BLOCK = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
_THOUGHT = "</think>"
_LONGEST_FAULT = 200

SCORE_SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer"}},
    "required": ["score"],
    "additionalProperties": False,
}
QUOTES_SCHEMA = {
    "type": "object",
    "properties": {
        "quotes": {
            "type": "array",
            "maxItems": 5,
            "items": {
                "type": "object",
                "properties": {
                    "quote": {"type": "string"},
                    "trait": {"type": "integer"},
                    "supports": {"type": "boolean"},
                },
                "required": ["quote", "trait", "supports"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["quotes"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One score of one judge. ``value`` None: no verdict, and ``why`` says why.

    ``spread`` is the standard deviation: of the judge's own probabilities, or of its several answers.
    """

    value: float | None
    spread: float | None = None
    why: str = ""


class MalformedError(Exception):
    """An answer that is not the JSON that was asked for."""


def score_schema(low: int, high: int) -> dict[str, Any]:
    """Return the schema of an answer with one score."""
    score = {"type": "integer", "minimum": low, "maximum": high}
    return {**SCORE_SCHEMA, "properties": {"score": score}}


def expectation(top: Sequence[tuple[str, float]] | None, steps: int, low: float, high: float) -> Reading:
    """Return Σ s·p / Σ p over the tokens that are whole numbers from 0 to ``steps``, mapped to ``low`` … ``high``.

    None where less than a quarter of the mass is on such tokens (persona_vectors, Chen et al. 2025).
    """
    if top is None:
        return Reading(None, why="the endpoint gave no probabilities")
    masses = [(int(token), _probability(value)) for token, value in top if _is_number(token, steps)]
    total = sum(mass for _, mass in masses)
    if total < LEAST_MASS:
        return Reading(None, why=f"only {total:.0%} of the probability was on numbers")
    mean = sum(number * mass for number, mass in masses) / total
    variance = sum(mass * (number - mean) ** 2 for number, mass in masses) / total
    unit = (high - low) / steps
    return Reading(min(high, max(low, low + unit * mean)), unit * math.sqrt(variance))


def mean_of(scores: Sequence[float], faults: Sequence[str]) -> Reading:
    """Return mean and standard deviation of several answers; None where none of them could be read."""
    if not scores:
        return Reading(None, why=faults[0] if faults else "no answer")
    mean = math.fsum(scores) / len(scores)
    if len(scores) < 2:
        return Reading(mean)
    return Reading(mean, math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / (len(scores) - 1)))


def mass_of(top: Sequence[tuple[str, float]] | None, text: str) -> float:
    """Return the probability of ``text`` as the first token, spaces around it aside."""
    return sum(_probability(value) for token, value in top or () if token.strip() == text)


def read_json(content: str, schema: Mapping[str, Any]) -> Any:
    """Return the JSON in an answer; raises :class:`MalformedError` unless it is as the schema says."""
    value = _parsed(content)
    fault = next(iter(_validator(json.dumps(schema)).iter_errors(value)), None)
    if fault is not None:
        # In our own words: the validator's repeat the answer, which may repeat the candidate's text, and what a
        # judge is told in a repair stands outside the fence.
        where = ".".join(str(part) for part in fault.absolute_path)
        said = f"{fault.validator} must be {json.dumps(fault.validator_value)}"
        raise MalformedError(f"{where + ': ' if where else ''}{said[:_LONGEST_FAULT]}")
    return value


def after_thinking(content: str) -> str:
    """Return what an answer says after its thinking: all of it where there is none."""
    return content.rpartition(_THOUGHT)[2].strip()


def _parsed(content: str) -> Any:
    """Return the JSON that is all of the answer, else all after the thinking, else all of the block there.

    The whole comes first: a quote may hold a closing tag or a code block of its own.
    """
    after = after_thinking(content)
    block = _BLOCK.search(after)
    found = [content.strip(), after, *([block.group(1)] if block else [])]
    for text in found[:-1]:
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    try:
        return json.loads(found[-1])
    except (ValueError, RecursionError) as error:
        why = f"it is not JSON ({str(error)[:_LONGEST_FAULT]})" if after else "it is empty"
        raise MalformedError(why) from None


def _probability(logarithm: float) -> float:
    """Return e to this power; 0 for what is no logarithm of a probability (NaN, infinite, or above 0)."""
    return math.exp(min(0.0, logarithm)) if math.isfinite(logarithm) and logarithm <= _ROUNDING else 0.0


def _is_number(token: str, steps: int) -> bool:
    text = token.strip()
    return text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= steps


@cache
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema))
