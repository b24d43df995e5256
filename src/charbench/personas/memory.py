"""Personas as they were read from files that have not changed since, kept in the user's cache folder.

To read and check the files that come with charbench takes longer than most commands that need one of them. A file with
a fault is not kept, so that it is told each time.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from charbench.config import user_cache
from charbench.domain.persona import ControlText, GoldAnswer, Marker, MarkerForm, Persona, Tier
from charbench.domain.prompt import Message, Prompt

_FORM = 1
_TEXTS = ("aliases", "traits", "low_recall", "exempt")
_OTHERS = ("markers", "anti_markers", "prompts", "examples", "controls", "origin")
_PLAIN = tuple(one.name for one in fields(Persona) if one.name not in (*_TEXTS, *_OTHERS))
_CODE = ("personas", "domain", "config")


class PersonaMemory:
    """The personas of a library's folders, as an earlier command has read them."""

    def __init__(self, folders: Iterable[Path]) -> None:
        key = repr((_FORM, sys.version, _code(), [os.path.abspath(folder) for folder in folders]))  # noqa: PTH100
        self._file = f"personas-{hashlib.blake2b(key.encode('utf-8', 'replace'), digest_size=12).hexdigest()}.json"
        known = user_cache.recall(self._file)
        self._known: dict[str, Any] = known if isinstance(known, dict) else {}
        self._now: dict[str, Any] = {}
        self._has_changed = False

    def recall(self, path: Path) -> Persona | None:
        """Return what a file says; None: it is not known, or the file has changed."""
        place = str(path.absolute())
        state, value = self._known.get(place, (None, None))
        if state is None or state != user_cache.state_of(place):
            self._has_changed = True
            return None
        self._now[place] = [state, value]
        return from_json(value, str(path))

    def note(self, path: Path, persona: Persona, state: user_cache.State) -> None:
        """Note what a file says; ``state`` was the file's before it was read."""
        value = to_json(persona)
        is_settled = state is not None and user_cache.is_settled(state, time.time_ns())
        if is_settled and from_json(value, str(path)) == persona:
            self._now[str(path.absolute())] = [state, value]

    def save(self) -> None:
        """Keep what is known now, where that is not what is kept."""
        if self._has_changed and self._now and self._now != self._known:
            user_cache.keep(self._file, self._now)


def to_json(persona: Persona) -> dict[str, Any]:
    """Return a persona as JSON-like values, but the file that it is from."""
    value: dict[str, Any] = {name: getattr(persona, name) for name in _PLAIN}
    value |= {name: list(getattr(persona, name)) for name in _TEXTS}
    for name in ("markers", "anti_markers"):
        value[name] = [[one.text, one.tier.value, one.form.value] for one in getattr(persona, name)]
    value["prompts"] = [
        [one.id, [[m.role, m.content] for m in one.messages], one.family, one.language, list(one.follow_ups)]
        for one in persona.prompts
    ]
    value["examples"] = [[one.prompt, one.answer] for one in persona.examples]
    value["controls"] = [[one.text, one.in_character, one.prompt] for one in persona.controls]
    return value


def from_json(value: dict[str, Any], origin: str) -> Persona:
    """Return the persona that :func:`to_json` made ``value`` of."""
    tiers, forms = {one.value: one for one in Tier}, {one.value: one for one in MarkerForm}

    def markers(name: str) -> tuple[Marker, ...]:
        return tuple(Marker(text, tiers[tier], forms[form]) for text, tier, form in value[name])

    plain: dict[str, Any] = {name: value[name] for name in _PLAIN} | {name: tuple(value[name]) for name in _TEXTS}
    return Persona(
        **plain,
        markers=markers("markers"),
        anti_markers=markers("anti_markers"),
        prompts=tuple(
            Prompt(id_, tuple(Message(role, content) for role, content in messages), family, language, tuple(more))
            for id_, messages, family, language, more in value["prompts"]
        ),
        examples=tuple(GoldAnswer(prompt, answer) for prompt, answer in value["examples"]),
        controls=tuple(ControlText(text, in_character, prompt) for text, in_character, prompt in value["controls"]),
        origin=origin,
    )


def _code() -> list[user_cache.State]:
    """Return what changes when the code that reads personas does, or when a package is installed."""
    own = Path(__file__).parents[1]
    files = [str(path) for name in _CODE for path in sorted((own / name).glob("*.py"))]
    installed = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    return [user_cache.state_of(path) for path in [*files, str(own / "errors.py"), *installed]]
