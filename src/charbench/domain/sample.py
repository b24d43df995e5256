"""Samples: one prompt answered once by one checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from charbench.domain.forms import number_from, whole_from
from charbench.domain.prompt import Prompt

DEFAULT_CONDITION = "default"
"""The only condition that enters headlines."""


class Channel(StrEnum):
    """Where text stands: in the thinking, or in the response that a user sees."""

    RESPONSE = "response"
    THINKING = "thinking"


_RESPONSE, _THINKING = Channel  # to find a member by its name is slow in Python 3.11


class ThinkingState(StrEnum):
    """How thinking and response were separated."""

    CLOSED = "closed"
    """Thinking, its end, and a response after it."""
    CLOSED_EMPTY = "closed_empty"
    """The thinking ended, and nothing came after it."""
    UNCLOSED_STOP = "unclosed_stop"
    """The model stopped by itself inside its thinking."""
    UNCLOSED_LENGTH = "unclosed_length"
    """The token limit was reached inside the thinking."""
    UNCLOSED_UNKNOWN = "unclosed_unknown"
    """Thinking without a response, and no recorded finish reason."""
    MISFILED = "misfiled"
    """The server put the answer into the reasoning field."""
    NONE = "none"
    """No thinking at all."""
    FILTERED = "filtered"
    """A content filter ended the reply: it says nothing of the character."""
    TOOL_CALL = "tool_call"
    """The model called a tool in place of an answer."""
    ERROR = "error"
    """No answer: the sample failed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a sample or a score is missing. ``kind`` is a slug, ``message`` a line without secrets."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; None where it did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None

    def __post_init__(self) -> None:
        for name in ("prompt_tokens", "completion_tokens", "reasoning_tokens"):
            given = getattr(self, name)
            if given is not None and type(given) is not int:
                object.__setattr__(self, name, whole_from(given, f"usage: {name}"))

    def __add__(self, other: Usage) -> Usage:
        """Return both together; what only one of them knows is taken from that one."""
        return Usage(
            _sum(self.prompt_tokens, other.prompt_tokens),
            _sum(self.completion_tokens, other.completion_tokens),
            _sum(self.reasoning_tokens, other.reasoning_tokens),
        )


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What served a request: stored with the sample and shown where it differs; never part of a key.

    None where it is not known.
    """

    endpoint: str | None = None
    """The endpoint's name, or its URL without userinfo."""
    server_model: str | None = None
    """The model's name as the server gave it."""
    renderer: str | None = None
    """What made the prompt's text, where charbench did."""
    prefill: str | None = None
    """How the server was made to continue a prefill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a server gave, untouched. Fill in what there is; the engine separates the channels.

    Either ``text`` (and ``reasoning`` where the server has such a field), or ``thinking`` and
    ``response`` where they are already split.
    """

    text: str | None = None
    reasoning: str | None = None
    response: str | None = None
    thinking: str | None = None
    prefill: str = ""
    """What the prompt's own text ends with, before ``text``: what was prefilled, or what the chat template opens
    (``<think>\\n``); not part of ``text``."""
    thinking_off: bool = False
    """Whether the request asked for an answer without thinking."""
    finish_reason: str | None = None
    """``stop``, ``length``, ...; None where it is not known."""
    usage: Usage = Usage()
    max_tokens: int | None = None
    latency: float | None = None
    """Seconds from request to answer; None: the engine's own measure is kept."""
    failure: Failure | None = None
    """Set where a recording holds an error instead of an answer."""
    sampled_at: datetime | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further columns to keep and to export again."""
    provenance: Provenance | None = None
    remarks: tuple[str, ...] = ()
    """Lines about how the server answers; each is reported once for a checkpoint."""

    def __post_init__(self) -> None:
        for name in _TEXTS:
            given = getattr(self, name)
            if given is not None and not isinstance(given, str):
                raise TypeError(f"a completion's {name} is text or None, not {given!r:.100}")
        if not isinstance(self.prefill, str) or not isinstance(self.usage, Usage):
            raise TypeError(
                f"a completion's prefill is text and its usage a Usage, not {self.prefill!r}, {self.usage!r}"
            )
        if self.failure is not None and not isinstance(self.failure, Failure):
            raise TypeError(f"a completion's failure is a Failure or None, not {self.failure!r:.100}")
        if self.latency is not None and type(self.latency) is not float:
            object.__setattr__(self, "latency", number_from(self.latency, "a completion's latency"))
        if self.max_tokens is not None and type(self.max_tokens) is not int:
            object.__setattr__(self, "max_tokens", whole_from(self.max_tokens, "a completion's max_tokens"))


_TEXTS = ("text", "reasoning", "response", "thinking", "finish_reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One prompt answered once by one checkpoint, its channels separated."""

    key: str
    checkpoint: str
    """URI of the checkpoint."""
    prompt: Prompt
    sampler: str
    epoch: int = 0
    condition: str = DEFAULT_CONDITION
    response: str = ""
    thinking: str = ""
    state: ThinkingState = ThinkingState.NONE
    finish_reason: str | None = None
    raw: str | None = None
    """The server's text, untouched; None where there was none (recordings without one)."""
    raw_reasoning: str | None = None
    """The server's reasoning field, untouched; None where it has none."""
    tags: tuple[tuple[int, int, bool], ...] = ()
    """Thinking tags in ``raw``: start, end, and whether it closes."""
    prefill: str = ""
    usage: Usage = Usage()
    max_tokens: int | None = None
    latency: float | None = None
    failure: Failure | None = None
    sampled_at: datetime | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    provenance: Provenance | None = None

    def channels(self) -> Iterator[tuple[Channel, str]]:
        """Yield each channel that holds more than white space, with its text."""
        if self.response and not self.response.isspace():  # unlike strip() it copies no text
            yield _RESPONSE, self.response
        if self.thinking and not self.thinking.isspace():
            yield _THINKING, self.thinking
