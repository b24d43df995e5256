"""From a raw completion to channels and a thinking state: one place, for every sampler.

The rule. Tags that are meant as tags cut the text into segments. A segment is thinking if an opening tag
begins it, or a closing tag ends it (so a closing tag without an opening one makes thinking of what is before
it); every other segment is response. Tags themselves belong to neither channel; every other character belongs
to exactly one. A response is a response whatever the server's own parser said. Thinking that a server sends twice,
in the text and in a field of its own, is counted once.

A tag in quotes or in code is not meant, only talked about. An opening tag is meant only where a block can begin
(at the start or the end of a line, or right after another tag), or where a closing tag follows to end it. Inside
a block a closing tag is meant even in code, unless quotes stand right around it: thinking ends where its tag is.

``charbench.testing.THINKING_CASES`` shows what follows from this for every shape that servers send.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from charbench.domain.delimiters import Delimiters, delimiters
from charbench.domain.end_reasons import EndReason, end_reason
from charbench.domain.sample import Completion, ThinkingState

OPEN_PREFILL = "<think>\n"
CLOSED_PREFILL = "<think>\n\n</think>\n\n"

MOST_LEFT_OPEN = 10
"""Blocks of thinking that end in code, in one text; behind more of them no code quotes a tag. Keeps the time linear."""

_FENCE_LINE = re.compile(r"^ {0,3}(?P<ticks>`{3,})(?P<rest>[^`\n]*)$", re.MULTILINE)
_INLINE_CODE = re.compile(r"(?<!`)(?P<ticks>`+)(?!`)[^\n]*?(?<!`)(?P=ticks)(?!`)")
_QUOTE_PAIRS = frozenset(("``", '""', "''", "“”", "„“", "‘’", "‚‘", "«»"))
_BEFORE_A_QUOTE = frozenset(" \t\n\u00a0([{=:/—–*_")
_Span = tuple[int, int]


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


def attribute(completion: Completion, thinking_tags: Sequence[str] = ()) -> Attribution:
    """Separate thinking and response.

    ``thinking_tags`` are delimiters besides the known ones (:func:`charbench.domain.delimiters.delimiters`).
    A completion whose channels somebody else has split (a recording) keeps them, except that thinking between
    tags in its response is thinking; its state follows from which of them hold text, and from the finish reason
    where there is one. A reply that a content filter or a tool call ended has a state of its own.
    """
    told = _attribute(completion, delimiters(tuple(thinking_tags)))
    reason = end_reason(completion.finish_reason)
    state = _ENDED_OTHERWISE.get(reason) if reason else None
    if state is None or told.state is ThinkingState.ERROR:
        return told
    return Attribution(told.response, told.thinking, state, told.tags)


def _recorded(completion: Completion, response: str, thinking: str, split: _Split) -> Attribution:
    """Keep channels that somebody else has split; ``split`` is the response, whose tags may hold thinking yet."""
    if not split.tags and not split.open:
        return Attribution(response, thinking, _state(_Split(response, thinking), completion.finish_reason))
    thought = split.thinking if thinking.split() == split.thinking.split() else _joined(thinking, split.thinking)
    both = _Split(split.response, thought, split.tags, split.open)
    return Attribution(both.response, both.thinking, _state(both, completion.finish_reason, ended=split.ended))


_ENDED_OTHERWISE = {EndReason.FILTERED: ThinkingState.FILTERED, EndReason.TOOL_CALL: ThinkingState.TOOL_CALL}


def _attribute(completion: Completion, known: Delimiters) -> Attribution:
    response, thinking = completion.response or "", completion.thinking or ""
    if completion.failure is not None:
        return Attribution(response, thinking, ThinkingState.ERROR)
    cut = end_reason(completion.finish_reason) is EndReason.LENGTH
    if completion.text is None and completion.reasoning is None:
        return _recorded(completion, response, thinking, _split(response, known, cut=cut))
    text, reasoning = completion.text or "", completion.reasoning or ""
    if reasoning.strip():
        return _with_reasoning(completion, _split(reasoning, known, opened=True), _split(text, known), known)
    split = _split(text, known, opened=_is_open(completion.prefill, known), cut=cut)
    ended = split.ended or (not split.tags and _is_closed(completion.prefill, known))
    state = _state(split, completion.finish_reason, ended=ended)
    return Attribution(split.response, split.thinking, state, split.tags)


def find_tags(text: str, *, opened: bool = False, thinking_tags: Sequence[str] = ()) -> Iterator[Tag]:
    """Yield the tags of a text that are meant as tags; ``opened``: the text begins inside a block."""
    return _find_tags(text, delimiters(tuple(thinking_tags)), opened=opened)


def _find_tags(text: str, known: Delimiters, *, opened: bool) -> Iterator[Tag]:
    found = [match for match in known.find(text) if not _is_quoted(text, match)]
    if not found:
        return
    in_code = _tags_in_code(text, 0, known)
    last_end = max((m.start() for m in found if known.closes(m) and m.start() not in in_code), default=-1)
    inside, behind, left_open = opened, 0, 0
    for match in found:
        start, end = match.span()
        closes = known.closes(match)
        if start in in_code and not (inside and closes):
            continue
        if not closes and start > last_end and not _can_begin(text, match, behind):
            continue
        if start in in_code:  # code that the thinking left open quotes nothing behind it
            in_code = _tags_in_code(text, end, known) if left_open < MOST_LEFT_OPEN else set()
            left_open += 1
        inside, behind = not closes, end
        yield Tag(start, end, closes)


def opened_by(prompt: str) -> str:
    """Return what a rendered prompt ends with where it opens a block of thinking (``<think>\\n``), else nothing.

    A sampler that renders its prompts sets :attr:`Completion.prefill` to this and what it adds.
    """
    known = delimiters()
    end = prompt[-200:]
    tags = list(known.find(end))
    if not tags or known.closes(tags[-1]) or end[tags[-1].end() :].strip():
        return ""
    return end[tags[-1].start() :]


@dataclass(frozen=True, slots=True)
class _Split:
    """A text cut in two. ``open``: it ends inside a block; ``ended``: its last tag closes one."""

    response: str
    thinking: str
    tags: tuple[Tag, ...] = ()
    open: bool = False

    @property
    def ended(self) -> bool:
        return bool(self.tags) and not self.open


def _split(text: str, known: Delimiters, *, opened: bool = False, cut: bool = False) -> _Split:
    """Cut a text; ``opened``: it begins inside a block; ``cut``: a token limit ended it."""
    tags = tuple(_find_tags(text, known, opened=opened))
    opened = opened or (cut and not tags and known.begins_a_tag(text))
    response: list[str] = []
    thinking: list[str] = []
    at = 0
    for tag in tags:
        (thinking if opened or tag.closes else response).append(text[at : tag.start].strip())
        opened, at = not tag.closes, tag.end
    (thinking if opened else response).append(text[at : max(at, known.end(text))].strip())
    return _Split(_joined(*response), _joined(*thinking), tags, opened)


def _with_reasoning(completion: Completion, reasoning: _Split, content: _Split, known: Delimiters) -> Attribution:
    """Join a reasoning field to the content; what stands behind a closing tag in it is response.

    The content stands behind the reasoning, so it never begins inside the block that a prefill opened. Reasoning
    that stands in the content too, between tags, is left out.
    """
    if not reasoning.response and content.tags and reasoning.thinking.split() == content.thinking.split():
        reasoning = _Split("", "", reasoning.tags, reasoning.open)
    response = _joined(reasoning.response, content.response)
    thinking = _joined(reasoning.thinking, content.thinking)
    if not response and thinking and (completion.thinking_off or _is_closed(completion.prefill, known)):
        return Attribution(thinking, "", ThinkingState.MISFILED, content.tags)
    if reasoning.response and not content.response:
        return Attribution(response, thinking, ThinkingState.MISFILED, content.tags)
    last = content if content.tags else reasoning
    both = _Split(response, thinking, content.tags, last.open)
    return Attribution(response, thinking, _state(both, completion.finish_reason, ended=last.ended), content.tags)


def _state(split: _Split, finish_reason: str | None, *, ended: bool = False) -> ThinkingState:
    if split.response.strip():
        return ThinkingState.CLOSED if split.thinking.strip() or split.tags else ThinkingState.NONE
    if ended:
        return ThinkingState.CLOSED_EMPTY
    if not split.open and not split.thinking.strip():
        return ThinkingState.NONE
    if finish_reason is None:
        return ThinkingState.UNCLOSED_UNKNOWN
    cut = end_reason(finish_reason) is EndReason.LENGTH
    return ThinkingState.UNCLOSED_LENGTH if cut else ThinkingState.UNCLOSED_STOP


def _joined(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))


def _is_open(prefill: str, known: Delimiters) -> bool:
    """Whether the prefilled text leaves a thinking block open."""
    tags = list(known.find(prefill))
    return bool(tags) and not known.closes(tags[-1])


def _is_closed(prefill: str, known: Delimiters) -> bool:
    """Whether the prefilled text ends a thinking block."""
    tags = list(known.find(prefill))
    return bool(tags) and known.closes(tags[-1])


def _can_begin(text: str, tag: re.Match[str], behind: int) -> bool:
    """Whether a block can begin at this opening tag; ``behind`` is where the tag before it ends."""
    before = text[max(behind, text.rfind("\n", behind, tag.start()) + 1) : tag.start()]
    return not before.strip() or text.startswith(("\n", "\r\n"), tag.end())


def _is_quoted(text: str, tag: re.Match[str]) -> bool:
    """Whether quotes or backticks stand right around a tag: the first one opening, the second one closing.

    What opens stands behind a space or a bracket, so the end of one quotation and the start of the next
    (``"Arr"</think>"Ahoy"``) are not taken for quotes around the tag.
    """
    start, end = tag.span()
    if text[start - 1 : start] + text[end : end + 1] not in _QUOTE_PAIRS:
        return False
    opens = start == 1 or text[start - 2] in _BEFORE_A_QUOTE or text[start - 2] in "`\"'“‘«"
    return opens and (text[end] == "`" or not text[end + 1 : end + 2].isalnum())


def _tags_in_code(text: str, start: int, known: Delimiters) -> set[int]:
    """Return where tags stand in code behind ``start``: in fenced blocks, or in backticks within a line."""
    if "`" not in text:
        return set()
    code = [*_fences(text, start), *(inline.span() for inline in _INLINE_CODE.finditer(text, start))]
    return {tag.start() for span in code for tag in known.find(text, *span)}


def _fences(text: str, start: int) -> list[_Span]:
    """Return the fenced code blocks that begin behind ``start`` and are closed."""
    fences: list[_Span] = []
    begun: re.Match[str] | None = None
    for line in _FENCE_LINE.finditer(text, start):
        if begun is None:
            begun = line
        elif len(line["ticks"]) >= len(begun["ticks"]) and not line["rest"].strip():
            fences.append((begun.start(), line.end()))
            begun = None
    return fences
