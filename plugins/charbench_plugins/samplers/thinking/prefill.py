"""How a server is made to continue an assistant message that has begun: found out with a few short requests.

Servers differ. Some continue a last message of the assistant by themselves, some only with ``continue_final_message``
(vLLM, SGLang), and some take it for a finished turn and begin a new one: what was prefilled is then in no reply, and a
reply must not be read as if it were.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from charbench import Completion, SamplingError

BEGUN, CONTINUED = "Here goes: one, two, thr", "ee"
"""A message cut within a word, and how whoever continues it goes on."""
_COUNT = "Count from one to five, in English words, with commas between them."
_FLAGS = {"continue_final_message": True, "add_generation_prompt": False}
_REFUSED = frozenset({"http_400", "http_422", "http_501", "server"})
_TOKENS = 16
_THINKING_TOKENS = 512


class ThinkingMethod(StrEnum):
    """How a server treats a prefill over chat."""

    CONTINUES = "continued"
    FLAGGED = "continue_final_message"
    NEW_TURN = "new turn"

    @property
    def fields(self) -> dict[str, Any]:
        """What a request with a prefill needs besides it."""
        return dict(_FLAGS) if self is ThinkingMethod.FLAGGED else {}


Send = Callable[[dict[str, Any]], Awaitable[Completion]]
"""Sends a body's fields, ``messages`` among them, and returns the reply."""


@dataclass
class PrefillWays:
    """The way of each model, asked once however many samples want it at the same time."""

    known: dict[str, ThinkingMethod] = field(default_factory=dict)
    _asking: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def find(self, model: str, prefill: str, send: Send) -> ThinkingMethod:
        """Return how the server treats a prefill to this model; raises what ``send`` raises for other faults."""
        if model not in self.known:
            async with self._asking.setdefault(model, asyncio.Lock()):
                if model not in self.known:
                    self.known[model] = await _find(prefill, send)
        return self.known[model]


async def _find(prefill: str, send: Send) -> ThinkingMethod:
    plain = await _reply(send, BEGUN, _TOKENS, {})
    if _goes_on(plain):
        return ThinkingMethod.CONTINUES
    thought = await _reply(send, prefill, _THINKING_TOKENS, {})
    if _closes(thought):
        return ThinkingMethod.CONTINUES
    if _goes_on(await _reply(send, BEGUN, _TOKENS, _FLAGS)) or _closes(
        await _reply(send, prefill, _THINKING_TOKENS, _FLAGS)
    ):
        return ThinkingMethod.FLAGGED
    # A small model cannot count: only a reply that begins anew shows that the server begins a new turn.
    return ThinkingMethod.NEW_TURN if _begins_anew(plain) or _begins_anew(thought) else ThinkingMethod.CONTINUES


async def _reply(send: Send, begun: str, tokens: int, fields: dict[str, Any]) -> Completion | None:
    """Return the reply; None where the server refuses such a request."""
    messages = [{"role": "user", "content": _COUNT}, {"role": "assistant", "content": begun}]
    try:
        return await send({"messages": messages, "max_tokens": tokens, "temperature": 0, **fields})
    except SamplingError as error:
        if error.kind in _REFUSED:
            return None
        raise


def _goes_on(reply: Completion | None) -> bool:
    if reply is None:
        return False
    return (reply.text or "").startswith((CONTINUED, BEGUN))  # some servers repeat what was prefilled


def _closes(reply: Completion | None) -> bool:
    """Whether a reply ends a block that only the prefill can have opened."""
    text = reply.text if reply else None
    return bool(text and "</think>" in text and "<think>" not in text.partition("</think>")[0])


def _begins_anew(reply: Completion | None) -> bool:
    """Whether a reply opens a block of thinking itself, or counts from the start."""
    text = (reply.text or "").lstrip().lower() if reply else ""
    return text.startswith(("<think", "one"))
