"""Structured answers: JSON by a schema, and how a model is told that its answer is not that."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

_BLOCK = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
_THOUGHT = "</think>"
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
    """Return what an answer says after its thinking: all of it where there is none."""
    return content.rpartition(_THOUGHT)[2].strip()


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
        raise MalformedAnswerError(why) from None


@cache
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema))
