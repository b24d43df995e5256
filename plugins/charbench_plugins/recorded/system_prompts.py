"""Questions that a checkpoint was asked under several system prompts: all but one of them are conditions."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

from charbench import Prompt
from charbench_plugins.recorded.columns import SYSTEM_COLUMNS, messages_text
from charbench_plugins.recorded.files import Recording
from charbench_plugins.recorded.tables import BadRow

_DEFAULT = "default"
_SHOWN = 60
_NAMED = re.compile(rf"""(?:^|["'\ufeff,;\t|\n])[ ]*(?:{"|".join(SYSTEM_COLUMNS)})[ ]*(?:["',;\t|\r\n]|$)""")
"""Not the word alone: a file that only speaks of a system is read once."""
_Asked: TypeAlias = tuple[str, str]
"""A checkpoint's URI and the persona that it was asked for."""


def may_hold_system_prompts(text: str) -> bool:
    """Whether the beginning of a file names them: as a column, a key, or the role of a turn."""
    return _NAMED.search(text) is not None


def by_condition(read: Callable[[], Iterable[Recording | BadRow]]) -> Iterator[Recording | BadRow]:
    """Yield a file's rows; ``read`` reads them, here twice.

    Where a checkpoint was asked one question without a system prompt and with one, what was asked with it is a
    condition, which enters no headline: the character may be the prompt's, and not the weights'. Of several system
    prompts the most frequent one is no condition. A system prompt that the questions do not share with another is
    part of what was asked.
    """
    times: dict[_Asked, Counter[str]] = {}
    under: dict[tuple[_Asked, bytes], set[str]] = {}
    for item in read():
        if isinstance(item, Recording) and item.condition == _DEFAULT:
            asked, system = (item.uri, item.persona), _system(item.prompt)
            times.setdefault(asked, Counter())[system] += 1
            under.setdefault((asked, _question(item.prompt)), set()).add(system)
    crossed: dict[_Asked, set[str]] = {}
    for (asked, _), systems in under.items():
        if len(systems) > 1:
            crossed.setdefault(asked, set()).update(systems)
    usual = {
        asked: "" if "" in systems else max(sorted(systems), key=times[asked].__getitem__)
        for asked, systems in crossed.items()
    }
    for item in read():
        if isinstance(item, Recording) and item.condition == _DEFAULT:
            asked, system = (item.uri, item.persona), _system(item.prompt)
            if system in crossed.get(asked, ()) and system != usual[asked]:
                item = replace(item, condition=_condition(system))
        yield item


def _system(prompt: Prompt) -> str:
    first = prompt.messages[0]
    return first.content if first.role == "system" else ""


def _question(prompt: Prompt) -> bytes:
    turns = prompt.messages[1:] if prompt.messages[0].role == "system" else prompt.messages
    return hashlib.blake2b(messages_text(turns).encode("utf-8", "replace"), digest_size=16).digest()


def _condition(system: str) -> str:
    text = " ".join(system.split())
    if len(text) > _SHOWN:
        number = hashlib.blake2b(system.encode("utf-8", "replace"), digest_size=3).hexdigest()
        text = f"{text[:_SHOWN]}... ({number})"
    return f"system prompt: {text}" if system else "no system prompt"
