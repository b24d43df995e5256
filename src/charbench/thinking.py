"""From a raw completion to channels and a thinking state: one place, for every sampler.

The rule. Unquoted thinking tags cut the text into segments. A segment is thinking if an opening tag begins
it, or a closing tag ends it (so a closing tag without an opening one makes thinking of what is before it);
every other segment is response. Tags themselves belong to neither channel; every other character belongs
to exactly one. A response is a response whatever the server's own parser said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from charbench.domain.sample import Completion, ThinkingState

OPEN_PREFILL = "<think>\n"
CLOSED_PREFILL = "<think>\n\n</think>\n\n"

_TAG = re.compile(r"<(?P<end>/?)(?:think|thinking)>|\[(?P<bracket_end>/?)THINK\]", re.IGNORECASE)
_OPENINGS = ("<think>", "<thinking>", "[think]")
_QUOTES = "`\"'“”‘’«»"
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
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
        response, thinking = completion.response or "", completion.thinking or ""
        return Attribution(response, thinking, _state(response, thinking, False, completion.finish_reason))
    tags = tuple(find_tags(completion.text or ""))
    segments = _Segments()
    segments.add_text(completion.text or "", tags, opened=_is_open(completion.prefill), completion=completion)
    if completion.reasoning:
        return _with_reasoning(completion, segments, tags)
    response, thinking = segments.response, segments.thinking
    ended = segments.ended or _is_closed(completion.prefill)
    state = _state(response, thinking, ended, completion.finish_reason, opened=_is_open(completion.prefill))
    if state is ThinkingState.NONE and tags:
        state = ThinkingState.CLOSED
    return Attribution(response, thinking, state, tags)


def find_tags(text: str) -> Iterator[Tag]:
    """Yield the tags of a text that are meant as tags.

    A tag that stands between quotes, in backticks or in a fenced code block is talked about, not meant. An
    opening tag is meant only where a block can begin: at the start of a line, or right after another tag.
    """
    fences = [match.span() for match in _FENCE.finditer(text)] if "```" in text else []
    boundary = 0
    for match in _TAG.finditer(text):
        start, end = match.span()
        if _is_quoted(text, start, end) or any(a <= start < b for a, b in fences):
            continue
        closes = bool(match["end"] or match["bracket_end"])
        if not closes:
            line = text[max(boundary, text.rfind("\n", 0, start) + 1) : start]
            if line.strip():
                continue
        boundary = end
        yield Tag(start, end, closes)


class _Segments:
    """The two channels as they are put together."""

    def __init__(self) -> None:
        self._response: list[str] = []
        self._thinking: list[str] = []
        self.ended = False

    @property
    def response(self) -> str:
        return "\n\n".join(self._response)

    @property
    def thinking(self) -> str:
        return "\n\n".join(self._thinking)

    def add_text(self, text: str, tags: tuple[Tag, ...], *, opened: bool, completion: Completion) -> None:
        begins_open = opened
        at = 0
        for tag in tags:
            self._add(text[at : tag.start], thinking=begins_open or tag.closes)
            self.ended = tag.closes
            begins_open, at = not tag.closes, tag.end
        rest = text[at:]
        self._add(rest, thinking=begins_open or (not tags and _is_cut_tag(rest, completion)))

    def _add(self, text: str, *, thinking: bool) -> None:
        if stripped := text.strip():
            (self._thinking if thinking else self._response).append(stripped)


def _with_reasoning(completion: Completion, content: _Segments, tags: tuple[Tag, ...]) -> Attribution:
    """Join a reasoning field to the content; what stands behind a closing tag in it is response."""
    reasoning = completion.reasoning or ""
    inside = _Segments()
    reasoning_tags = tuple(find_tags(reasoning))
    opened = not reasoning_tags or not reasoning_tags[0].closes
    inside.add_text(reasoning, reasoning_tags, opened=opened, completion=completion)
    thinking = "\n\n".join(filter(None, (inside.thinking, content.thinking)))
    response = "\n\n".join(filter(None, (inside.response, content.response)))
    if not response and (completion.thinking_off or _is_closed(completion.prefill)):
        return Attribution(thinking, "", ThinkingState.MISFILED, tags)
    if inside.response and not content.response:
        return Attribution(response, thinking, ThinkingState.MISFILED, tags)
    ended = inside.ended or content.ended
    return Attribution(response, thinking, _state(response, thinking, ended, completion.finish_reason), tags)


def _state(
    response: str, thinking: str, ended: bool, finish_reason: str | None, *, opened: bool = False
) -> ThinkingState:
    if response.strip():
        return ThinkingState.CLOSED if thinking.strip() or (ended and opened) else ThinkingState.NONE
    if ended:
        return ThinkingState.CLOSED_EMPTY
    if not thinking.strip() and not opened:
        return ThinkingState.NONE
    if finish_reason is None:
        return ThinkingState.UNCLOSED_UNKNOWN
    return ThinkingState.UNCLOSED_LENGTH if finish_reason in _LENGTH else ThinkingState.UNCLOSED_STOP


def _is_open(prefill: str) -> bool:
    """Whether what was put into the model's mouth leaves a thinking block open."""
    tags = list(_TAG.finditer(prefill))
    return bool(tags) and not (tags[-1]["end"] or tags[-1]["bracket_end"])


def _is_closed(prefill: str) -> bool:
    return bool(prefill) and not _is_open(prefill) and _TAG.search(prefill) is not None


def _is_quoted(text: str, start: int, end: int) -> bool:
    return text[max(0, start - 1) : start] in tuple(_QUOTES) and text[end : end + 1] in tuple(_QUOTES)


def _is_cut_tag(text: str, completion: Completion) -> bool:
    """Whether the whole text is the beginning of an opening tag that the token limit cut."""
    begun = text.strip().lower()
    if not begun or completion.finish_reason not in _LENGTH:
        return False
    return any(tag.startswith(begun) and tag != begun for tag in _OPENINGS)
