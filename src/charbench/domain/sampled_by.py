"""How an answer says that it was sampled: in the columns of a recording, or as charbench exports it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any

from charbench.text.bounded_files import FileFault, parse_json

NUMBERS = ("temperature", "top_p")
WORDS = ("enable_thinking", "thinking_mode", "reasoning_effort")
SAMPLED_BY = (*NUMBERS, *WORDS)
"""Columns that say how an answer was sampled."""
MOST_WAYS = 8
"""With more values than this of a parameter, they were drawn by chance: that is one way of sampling."""
_MOST_LETTERS = 20


def sampled_by(extra: Mapping[str, Any]) -> tuple[str, ...]:
    """Return how a sample's further columns say that it was taken, in words: ``temperature 0.7``; empty if they do not.

    ``extra`` is that of a :class:`charbench.Completion` or :class:`charbench.Sample`. What has no column of its own may
    stand in ``parameters``, as JSON.
    """
    said, asked = [], parameters(extra)
    for name in NUMBERS:
        try:
            number = float(extra.get(name, asked.get(name, "nan")))
        except (TypeError, ValueError):
            continue
        if math.isfinite(number):
            said.append(f"{name} {number:g}")
    for name in WORDS:
        word = str(extra.get(name, "")).strip().lower()
        if word and len(word) <= _MOST_LETTERS:
            said.append(f"{name} {word}")
    return tuple(said)


def ways_in_words(ways: Collection[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """Return what tells each way from the others (:func:`sampled_by`): ``temperature 0.7, top_p 0.9``; may be empty.

    Parameters with more than :data:`MOST_WAYS` values in all these ways are left out.
    """
    values: dict[str, set[str]] = {}
    for words in chain.from_iterable(ways):
        values.setdefault(_name(words), set()).add(words)
    few = {name for name, known in values.items() if len(known) <= MOST_WAYS}
    return {way: ", ".join(words for words in way if _name(words) in few) for way in ways}


def _name(words: str) -> str:
    return words.partition(" ")[0]


def parameters(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters that charbench exported with a sample; empty if there are none."""
    return _parsed(str(extra.get("parameters") or ""))


@lru_cache(maxsize=256)
def _parsed(text: str) -> Mapping[str, Any]:
    try:
        found = parse_json(text) if text.startswith("{") else None
    except FileFault:
        found = None
    return found if isinstance(found, dict) else {}
