"""Structured answers: JSON by a schema, and how a model is told that its answer is not that."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from charbench.domain.sample import Completion
from charbench.domain.thinking import attribute

_BLOCK = re.compile(r"(?P<fence>`{3,}|~{3,})(?:\w[\w+.-]*)?\s*(?P<inside>.*?)(?:(?P=fence)|\Z)", re.DOTALL)
"""A block of code in any language; one that is left open goes to the end."""
_LONGEST_FAULT = 200


class MalformedAnswerError(Exception):
    """An answer that is not the JSON that was asked for, or that refuses to give it; the message says why."""


def read_answer(content: str, schema: Mapping[str, Any]) -> Any:
    """Return the JSON in an answer; raises :class:`MalformedAnswerError` unless it is as the schema says."""
    value = _parsed(content)
    fault = next(iter(_validator(json.dumps(schema)).iter_errors(value)), None)
    if fault is not None:
        # In our own words: the validator's repeat the answer, which may repeat the candidate's text, and what a
        # judge is told in a repair stands outside the fence.
        where = ".".join(str(part) for part in fault.absolute_path)
        said = f"{fault.validator} must be {json.dumps(fault.validator_value)}"
        raise MalformedAnswerError(f"{where + ': ' if where else ''}{said[:_LONGEST_FAULT]}")
    return value


def after_thinking(content: str) -> str:
    """Return what an answer says outside its thinking, in whichever form that is written: all where there is none."""
    return attribute(Completion(text=content)).response.strip()


@cache
def repair_wording() -> str:
    """Return the request for another answer, with ``$fault`` where the fault is named; part of a judge's key."""
    return files(__package__).joinpath("repair.md").read_text(encoding="utf-8").strip()


def repair_request(fault: object) -> str:
    """Return what is said to a model whose answer cannot be read."""
    return Template(repair_wording()).substitute(fault=str(fault))


def response_format(form: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request for JSON; ``form`` is ``json_schema``, ``json_object`` or ``none``."""
    if form == "json_schema":
        return {"response_format": {"type": form, "json_schema": {"name": "answer", "strict": True, "schema": schema}}}
    return {"response_format": {"type": form}} if form == "json_object" else {}


def _parsed(content: str) -> Any:
    """Return the JSON that is all of the answer, else all outside the thinking, else all of the blocks of code there.

    The whole comes first: a quote may hold a closing tag or a block of its own. Of several blocks with different
    content none is known to be meant.
    """
    content = content.strip().removeprefix("\ufeff")
    try:
        return _json(content)
    except (ValueError, RecursionError):
        pass
    after = after_thinking(content)
    if not after:
        raise MalformedAnswerError("it holds nothing but thinking" if content else "it is empty")
    blocks = [block["inside"].strip() for block in _BLOCK.finditer(after)]
    if len(set(blocks)) > 1:
        raise MalformedAnswerError("it holds several blocks of code that differ")
    try:
        return _json(blocks[0] if blocks else after)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswerError(f"it is not JSON ({str(error)[:_LONGEST_FAULT]})") from None


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_without_contradiction)


def _without_contradiction(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a mapping; raises :class:`ValueError` where it gives two values for one name."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found and found[name] != value:
            raise ValueError("a name has two values")
        found[name] = value
    return found


@cache
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema))
