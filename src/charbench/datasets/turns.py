"""Conversations as rows hold them: turns under many names of roles, text in parts, thinking in fields or tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from charbench.domain.prompt import Message
from charbench.errors import DataError
from charbench.text.redaction import storable

_ROLES = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "model": "assistant", "ai": "assistant", "bot": "assistant",
    "chatgpt": "assistant", "bing": "assistant", "bard": "assistant",
}  # fmt: skip
_TOOL_ROLES = frozenset({"tool", "function", "function_call", "function_response", "observation", "ipython"})
_ROLE_FIELDS = ("role", "from")
_TEXT_FIELDS = ("content", "value", "text")
_THINKING_FIELDS = ("reasoning_content", "reasoning", "thinking")
_THINKING_PARTS = frozenset({"thinking", "reasoning"})


class UnusableRow(DataError):  # noqa: N818  a row that cannot be used is counted, more often than it is raised
    """A row that cannot be used; the message is the reason, the same for all rows that share it."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation up to the assistant's last turn: what was said before, the thinking, the answer.

    ``thinking`` is what the turn's own fields or parts hold; tags in the answer stay there.
    """

    before: tuple[Message, ...]
    thinking: str
    answer: str


def read_conversation(turns: Any, name: str = "messages") -> Conversation:
    """Return a conversation up to the assistant's last turn; what the user says after it is left out.

    Roles and fields may have the names that ShareGPT, OpenAI and others give them; ``name`` is the field that holds the
    turns, for messages. Raises :class:`UnusableRow`.
    """
    if not isinstance(turns, list) or not turns:
        raise UnusableRow(f"{name!r} is not a list of turns")
    read = [_turn(turn, name) for turn in turns]
    last = max((at for at, (message, _) in enumerate(read) if message.role == "assistant"), default=None)
    if last is None:
        raise UnusableRow(f"the assistant says nothing in {name!r}")
    said, thinking = read[last]
    return Conversation(tuple(message for message, _ in read[:last]), thinking, said.content)


def turns_of(value: Any, role: str, name: str) -> tuple[Message, ...]:
    """Return a prompt's turns: a text is one turn of ``role``. Raises :class:`UnusableRow`."""
    if isinstance(value, str):
        return (Message(role, value),)
    if isinstance(value, list) and value:
        return tuple(_turn(turn, name)[0] for turn in value)
    raise UnusableRow(f"{name!r} is {_kind(value)}; text or a list of turns is needed")


def text_of(row: Mapping[str, Any], name: str) -> str:
    """Return a field's text; missing and null are the empty text. Raises :class:`UnusableRow`."""
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnusableRow(f"{name!r} is {_kind(value)}; text is needed")
    return value


def split_thinking(text: str) -> tuple[str, str]:
    """Return the thinking that a ``<think>`` block at the start of an answer holds, and the answer after it."""
    if "</think>" not in text:
        return "", text
    head, _, answer = text.partition("</think>")
    return head.removeprefix("<think>").strip(), answer.lstrip("\n")


def _turn(turn: Any, name: str) -> tuple[Message, str]:
    """Return a turn and the thinking that its own fields hold."""
    said = next((turn[field] for field in _ROLE_FIELDS if turn.get(field)), None) if isinstance(turn, dict) else None
    if not isinstance(said, str):
        raise UnusableRow(f"a turn of {name!r} names no role")
    role = _ROLES.get(said.strip().lower())
    if said.strip().lower() in _TOOL_ROLES or turn.get("tool_calls") or turn.get("function_call"):
        raise UnusableRow(f"a turn of {name!r} calls a tool or gives its result")
    if role is None:
        raise UnusableRow(
            f"a turn of {name!r} has the role {storable(said[:40])!r}; system, user or assistant is needed"
        )
    content = next((turn[field] for field in _TEXT_FIELDS if field in turn), None)
    text, thinking = _text_and_thinking(content, name)
    for field in _THINKING_FIELDS:
        if isinstance(given := turn.get(field), str) and given.strip():
            thinking = thinking or given.strip()
    return Message(role, text), thinking


def _text_and_thinking(content: Any, name: str) -> tuple[str, str]:
    if isinstance(content, str):
        return content, ""
    if isinstance(content, list) and content:
        return _parts(content, name)
    raise UnusableRow(f"a turn of {name!r} has no text ({_kind(content)})")


def _parts(parts: Iterable[Any], name: str) -> tuple[str, str]:
    """Return the text and the thinking of a content in parts."""
    texts: list[str] = []
    thinking: list[str] = []
    for part in parts:
        kind = part.get("type", "text") if isinstance(part, dict) else "text"
        found = part if isinstance(part, str) else None
        if isinstance(part, dict):
            found = next((part[f] for f in ("text", *_THINKING_FIELDS) if isinstance(part.get(f), str)), None)
        if not isinstance(kind, str) or found is None:
            raise UnusableRow(f"a turn of {name!r} has a part that is no text")
        (thinking if kind in _THINKING_PARTS else texts).append(found)
    return "".join(texts), "\n".join(thinking).strip()


def _kind(value: Any) -> str:
    return "null" if value is None else f"a {type(value).__name__}"
