"""Texts in character, and out of it, from whatever holds them: training data, pairs, plain files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from charbench.datasets.forms import example_of, form_of
from charbench.datasets.turns import UnusableRow
from charbench.errors import DataError
from charbench.text.bounded_files import LIMITS, FileFault, ReadLimits, read_text
from charbench.text.redaction import storable
from charbench.text.rows import ROW_SUFFIXES, read_rows

_PRESENT = {"present": True, "absent": False, "1": True, "0": False, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text, the prompt that it answers (empty: none is known), and whether it is in character.

    ``author`` names who wrote it, as far as is known: a model's name, a file. Texts of one author in and out of
    character tell a character from a style of writing.
    """

    text: str
    prompt: str = ""
    in_character: bool = True
    author: str = ""


def read_texts(path: Path, shown: str = "", limits: ReadLimits = LIMITS) -> Iterator[LabelledText]:
    """Yield the texts of a file of training data, an answer a row, in any form that is known.

    The chosen side of a pair is in character and the rejected one is not; rows of ``text`` may have a ``label``
    (present or absent, 1 or 0). Of any other file than JSON and Parquet each paragraph is a text in character. Rows
    that hold none of these are passed over; raises :class:`DataError` where no row can be used.
    """
    name = shown or str(path)
    found = False
    try:
        if path.suffix.lower() not in ROW_SUFFIXES:
            yield from _paragraphs(path, name, limits)
            return
        for row in read_rows(path, limits):
            if not row.fault:
                for one in _of_row(row.value, name):
                    found = True
                    yield one
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror or error}") from None
    if not found:
        raise DataError(f"{name}: no row holds a text: prompt and answer, messages, chosen and rejected, or text")


def distinct_texts(texts: Iterable[LabelledText], most: int | None = None) -> list[LabelledText]:
    """Return texts that are independent of each other: one for each prompt, none twice, at most ``most`` of them."""
    seen: set[str] = set()
    kept: list[LabelledText] = []
    for one in texts:
        text, prompt = folded_prompt(one.text), folded_prompt(one.prompt)
        if not text or text in seen or (prompt and f"prompt {prompt}" in seen):
            continue
        seen |= {text, f"prompt {prompt}"} if prompt else {text}
        kept.append(one)
        if most is not None and len(kept) >= most:
            break
    return kept


def folded_prompt(text: str) -> str:
    """Return a text without case and spacing: prompts that are equal so are the same prompt."""
    return " ".join(text.split()).casefold()


@cache
def neutral_texts() -> tuple[LabelledText, ...]:
    """Return the neutral answers that come with charbench: plain assistant prose on everyday prompts."""
    source = files("charbench") / "datasets" / "neutral.jsonl"
    rows = [json.loads(line) for line in source.read_text("utf-8").splitlines() if line.strip()]
    return tuple(LabelledText(row["answer"], row["prompt"], False, "neutral") for row in rows)


def _paragraphs(path: Path, name: str, limits: ReadLimits) -> Iterator[LabelledText]:
    try:
        text = storable(read_text(path, limits))
    except FileFault as error:
        raise DataError(f"{name}: {error}") from None
    for part in text.replace("\r\n", "\n").split("\n\n"):
        if part.strip():
            yield LabelledText(part.strip(), author=name)


def _of_row(row: Any, author: str) -> Iterator[LabelledText]:
    if not isinstance(row, dict):
        return
    if form_of(row) == "dpo":
        for side, in_character in (("chosen", True), ("rejected", False)):
            if (answer := _side(row, side)) is not None:
                yield LabelledText(answer[1], answer[0], in_character, author)
        return
    label = _PRESENT.get(str(row.get("label", True)).lower())
    if isinstance(text := row.get("text"), str) and label is not None:
        yield LabelledText(_said(text), _text(row.get("prompt")), label, author)
        return
    try:
        example = example_of({name: value for name, value in row.items() if name != "label"}, 0)
    except UnusableRow:
        return
    if label is not None:
        yield LabelledText(example.answer, example.prompt, label, author)


def _side(row: Mapping[str, Any], side: str) -> tuple[str, str] | None:
    """Return prompt and answer of one side of a pair; None where there is no answer."""
    given = row.get(side)
    if isinstance(given, str):
        return _text(row.get("prompt")), _said(given)
    try:
        example = example_of({"messages": given}, 0)
    except UnusableRow:
        return None
    return example.prompt or _text(row.get("prompt")), example.answer


def _said(text: str) -> str:
    """Return an answer without its thinking."""
    answer: str = storable(text.rpartition("</think>")[2].lstrip("\n"))
    return answer


def _text(given: Any) -> str:
    return str(storable(given)) if isinstance(given, str) else ""
