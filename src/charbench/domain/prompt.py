"""Prompts: what a checkpoint is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from charbench.domain.keys import digest
from charbench.text.redaction import hide_keys

SLUG_WORD = re.compile(r"[a-z0-9]+")


NO_FAMILY = "general"
"""The family of prompts that nobody gave one."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages to answer, and user turns that follow the answer.

    ``id`` is unique in its set, ``family`` groups prompts that ask for the same kind of thing (statistics
    cluster by it), ``language`` is a BCP 47 tag.
    """

    id: str
    messages: tuple[Message, ...]
    family: str = NO_FAMILY
    language: str = "en"
    follow_ups: tuple[str, ...] = ()

    @classmethod
    def from_text(cls, text: str, id: str = "", family: str = NO_FAMILY) -> Prompt:  # noqa: A002
        """Make a prompt of one user message; without an id, one is made from its words."""
        words = SLUG_WORD.findall(hide_keys(text).lower())[:6]
        return cls(id or "_".join(words) or "prompt", (Message("user", text),), family)

    @property
    def text(self) -> str:
        """What the user says, without the system's and the assistant's turns."""
        return "\n\n".join(m.content for m in self.messages if m.role == "user")

    @property
    def key(self) -> str:
        """Hash of all that the checkpoint is told: id and family do not matter."""
        return _prompt_key(self.messages, self.follow_ups)


@lru_cache(maxsize=4096)
def _prompt_key(messages: tuple[Message, ...], follow_ups: tuple[str, ...]) -> str:
    return digest([[message.role, message.content] for message in messages], follow_ups)
