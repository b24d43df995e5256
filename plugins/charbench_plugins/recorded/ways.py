"""Questions that a checkpoint was asked in several ways (system prompt, temperature): all but one are conditions."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

from charbench import Prompt
from charbench_plugins.recorded.columns import SYSTEM_COLUMNS, messages_text
from charbench_plugins.recorded.files import Recording
from charbench_plugins.recorded.tables import BadRow

DEFAULT = "default"
_SHOWN = 60
_MOST = 8
"""A checkpoint with more temperatures than this was sampled at temperatures drawn by chance: they are one way."""
SAMPLED = ("temperature", "top_p")
"""Columns that say how an answer was sampled."""
_NAMES = "|".join((*SYSTEM_COLUMNS, *SAMPLED))
_NAMED = re.compile(rf"""(?:^|["'\ufeff,;\t|\n])[ ]*(?i:{_NAMES})[ ]*(?:["',;\t|\r\n]|$)""")
"""Not the word alone: a file that only speaks of a system is read once."""
_Asked: TypeAlias = tuple[str, str]
"""A checkpoint's URI and the persona that it was asked for."""
_How: TypeAlias = tuple[str, str]
"""A system prompt, and the temperature in words; nothing of what nobody says."""


def may_hold_several_ways(text: str) -> bool:
    """Whether the beginning of a file names what ways differ in: as a column, a key, or the role of a turn."""
    return _NAMED.search(text) is not None


def by_condition(read: Callable[[], Iterable[Recording | BadRow]]) -> Iterator[Recording | BadRow]:
    """Yield a file's rows; ``read`` reads them, here twice.

    Where a checkpoint was asked one question without a system prompt and with one, what was asked with it is a
    condition, which enters no headline: the character may be the prompt's, and not the weights'. Of several system
    prompts the most frequent one is no condition, and of several temperatures the most frequent one, the lowest among
    equals. What the questions do not share is part of what was asked.
    """
    times: dict[_Asked, Counter[_How]] = {}
    under: dict[tuple[_Asked, bytes], set[_How]] = {}
    said: dict[_Asked, set[str]] = {}

    def way(item: Recording) -> tuple[_Asked, _How]:
        asked = (item.uri, item.persona)
        return asked, (_system(item.prompt), "" if _are_drawn(said[asked]) else sampled(item))

    for item in read():
        if isinstance(item, Recording):
            if not _are_drawn(mine := said.setdefault((item.uri, item.persona), set())):
                mine.add(sampled(item))
            if item.condition == DEFAULT:
                asked, how = way(item)
                times.setdefault(asked, Counter())[how] += 1
                under.setdefault((asked, _question(item.prompt)), set()).add(how)
    for asked in (one for one in times if _are_drawn(said[one])):
        counted = times[asked]
        times[asked] = Counter()
        for (system, _), number in counted.items():
            times[asked][system, ""] += number
    crossed: dict[_Asked, set[_How]] = {}
    for (asked, _), ways in under.items():
        known = {(system, "") for system, _ in ways} if _are_drawn(said[asked]) else ways
        if len(known) > 1:
            crossed.setdefault(asked, set()).update(known)
    usual = {asked: _usual(ways, times[asked]) for asked, ways in crossed.items()}
    for item in read():
        if isinstance(item, Recording) and item.condition == DEFAULT:
            asked, how = way(item)
            if how in crossed.get(asked, ()) and how != usual[asked]:
                item = replace(item, condition=_condition(how, usual[asked]))
        yield item


def _are_drawn(temperatures: set[str]) -> bool:
    """Whether a checkpoint's temperatures are too many to be ways of asking."""
    return len(temperatures) > _MOST


def _usual(ways: set[_How], times: Counter[_How]) -> _How:
    systems = sorted({system for system, _ in ways})
    often: Counter[str] = Counter()
    for way in ways:
        often[way[0]] += times[way]
    system = "" if "" in systems else max(systems, key=often.__getitem__)
    return max(sorted((way for way in ways if way[0] == system), key=_by_number), key=times.__getitem__)


def _by_number(how: _How) -> tuple[float, str]:
    words = how[1].split()
    return (float(words[1].rstrip(",")) if len(words) > 1 else -1.0), how[1]


def sampled(item: Recording) -> str:
    """Return how a row says that it was sampled, such as ``temperature 0.7``; nothing where it says nothing."""
    said = []
    for name in SAMPLED:
        try:
            number = float(item.completion.extra.get(name, "nan"))
        except (TypeError, ValueError):
            continue
        if math.isfinite(number):
            said.append(f"{name} {number:g}")
    return ", ".join(said)


def _system(prompt: Prompt) -> str:
    first = prompt.messages[0]
    return first.content if first.role == "system" else ""


def _question(prompt: Prompt) -> bytes:
    turns = prompt.messages[1:] if prompt.messages[0].role == "system" else prompt.messages
    return hashlib.blake2b(messages_text(turns).encode("utf-8", "replace"), digest_size=16).digest()


def _condition(how: _How, usual: _How) -> str:
    said = [_in_words(how[0])] if how[0] != usual[0] else []
    said += [how[1] or "no temperature"] if how[1] != usual[1] else []
    return ", ".join(said)


def _in_words(system: str) -> str:
    text = " ".join(system.split())
    if len(text) > _SHOWN:
        number = hashlib.blake2b(system.encode("utf-8", "replace"), digest_size=3).hexdigest()
        text = f"{text[:_SHOWN]}... ({number})"
    return f"system prompt: {text}" if system else "no system prompt"
