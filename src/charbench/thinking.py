"""From a raw completion to channels and a thinking state: one place, for every sampler.

The rule. Tags that are meant as tags cut the text into segments. A segment is thinking if an opening tag
begins it, or a closing tag ends it (so a closing tag without an opening one makes thinking of what is before
it); every other segment is response. Tags themselves belong to neither channel; every other character belongs
to exactly one. A response is a response whatever the server's own parser said.

A tag is not meant, only talked about, where it stands in quotes or in code. Inside a block that is open, a
closing tag in code is meant all the same: a model's thinking ends where its tag stands. An opening tag is
meant only where a block can begin (at the start or the end of a line, right after another tag), or where a
closing tag follows that ends the block.

``charbench.testing.THINKING_CASES`` shows what follows from this for every shape that servers send.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from charbench.domain.sample import Completion, ThinkingState

OPEN_PREFILL = "<think>\n"
CLOSED_PREFILL = "<think>\n\n</think>\n\n"

_TAG = re.compile(r"<(?P<end>/?)(?:think|thinking)>|\[(?P<bracket_end>/?)THINK\]", re.IGNORECASE)
_OPENINGS = ("<think>", "<thinking>", "[think]")
_FENCE = re.compile(r"^ {0,3}(?P<ticks>`{3,})[^`\n]*\n.*?^ {0,3}(?P=ticks)`*\s*$", re.DOTALL | re.MULTILINE)
_INLINE_CODE = re.compile(r"(?<!`)(?P<ticks>`+)(?!`)[^\n]*?(?<!`)(?P=ticks)(?!`)")
_QUOTE_PAIRS = frozenset({"``", '""', "''", "“”", "„“", "‘’", "‚‘", "«»"})
_BEFORE_A_QUOTE = frozenset(" \t\n\u00a0([{=:/—–*_") | {""}
_LENGTH = frozenset({"length", "max_tokens", "model_length"})


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that was taken for one: where it stands in the server's text, and whether it closes."""

    start: int
    end: int
    closes: bool


@dataclass(frozen=True, slots=True)
class Attribution:
    """What stands in which channel, how that was told, and the tags that told it."""

    response: str
    thinking: str
    state: ThinkingState
    tags: tuple[Tag, ...] = ()


def attribute(completion: Completion) -> Attribution:
    """Tell thinking and response apart.

    A completion whose channels somebody else has split (a recording) keeps them; its state follows from
    which of them hold text, and from the finish reason where there is one.
    """
    if completion.failure is not None:
        return Attribution(completion.response or "", completion.thinking or "", ThinkingState.ERROR)
    if completion.text is None and completion.reasoning is None:
        split = _Channels([completion.thinking or ""], [completion.response or ""])
        return Attribution(completion.response or "", completion.thinking or "", _state(split, completion))
    text, reasoning = completion.text or "", completion.reasoning or ""
    # Beside a reasoning field the content is out of the block that a prefill opened.
    opened = _is_open(completion.prefill) and not reasoning.strip()
    tags = tuple(find_tags(text, opened=opened))
    if reasoning.strip():
        return _with_reasoning(completion, tags)
    channels = _Channels(blocks=bool(tags) or opened, ended=_is_closed(completion.prefill))
    channels.add(text, tags, opened=opened or (not tags and _is_cut_tag(text, completion)))
    return Attribution(channels.response, channels.thinking, _state(channels, completion), tags)


def find_tags(text: str, *, opened: bool = False) -> Iterator[Tag]:
    """Yield the tags of a text that are meant as tags; ``opened``: the text begins inside a block."""
    found = list(_TAG.finditer(text))
    fences = _fences(text, 0) if found else []
    last_end = max((m.start() for m in found if _closes(m) and not _in_code(text, m, 0, fences)), default=-1)
    boundary, inside = 0, opened
    for match in found:
        start, end = match.span()
        closes = _closes(match)
        if _is_quoted(text, start, end) or not (closes and inside) and _in_code(text, match, boundary, fences):
            continue
        if not closes and start > last_end and not _can_begin(text, start, end, boundary):
            continue
        if inside and closes:
            fences = _fences(text, end)  # a fence that the thinking left open quotes nothing behind it
        boundary, inside = end, not closes
        yield Tag(start, end, closes)


@dataclass(slots=True)
class _Channels:
    """The two channels as they are put together, and what is known of the blocks."""

    thinking_parts: list[str] = field(default_factory=list)
    response_parts: list[str] = field(default_factory=list)
    blocks: bool = False
    """Whether there is a thinking block, be it an empty one."""
    ended: bool = False
    """Whether the last tag closes."""
    open: bool = False
    """Whether the text ends inside a block."""

    @property
    def response(self) -> str:
        return "\n\n".join(self.response_parts)

    @property
    def thinking(self) -> str:
        return "\n\n".join(self.thinking_parts)

    def add(self, text: str, tags: tuple[Tag, ...], *, opened: bool) -> None:
        """Add a text; ``opened``: it begins inside a block."""
        at = 0
        for tag in tags:
            self._add(text[at : tag.start], thinking=opened or tag.closes)
            self.ended = tag.closes
            opened, at = not tag.closes, tag.end
        self._add(text[at:], thinking=opened)
        self.open = opened

    def _add(self, segment: str, *, thinking: bool) -> None:
        if stripped := segment.strip():
            (self.thinking_parts if thinking else self.response_parts).append(stripped)


def _with_reasoning(completion: Completion, tags: tuple[Tag, ...]) -> Attribution:
    """Join a reasoning field to the content; what stands behind a closing tag in it is response."""
    reasoning = completion.reasoning or ""
    channels = _Channels(blocks=True)
    channels.add(reasoning, tuple(find_tags(reasoning, opened=True)), opened=True)
    misfiled = bool(channels.response_parts)
    if completion.text:
        channels.add(completion.text, tags, opened=False)
        misfiled = misfiled and channels.response == "\n\n".join(channels.response_parts[:1]) and not tags
    if not channels.response and channels.thinking and (completion.thinking_off or _is_closed(completion.prefill)):
        return Attribution(channels.thinking, "", ThinkingState.MISFILED, tags)
    return Attribution(channels.response, channels.thinking, _state(channels, completion), tags)
