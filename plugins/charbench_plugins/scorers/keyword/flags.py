"""Why a marker that stands in a text may be no evidence: negated, quoted, code, a link, or the prompt's own."""

from __future__ import annotations

import re
from bisect import bisect_right

from charbench_plugins.scorers.keyword.negation import is_negated

_CODE = re.compile(r"(?s)(```|~~~).*?(?:\1|\Z)|`[^`\n]+`")
_LINK = re.compile(r"\b(?:https?|ftp|file|tinker)://\S+|\bwww\.\S+|(?<=\]\()[^)\[\]\s]+(?=\))")
_QUOTE = re.compile(r'(?m)^[ \t]*>.*$|"[^"\n]{1,400}"|«[^»\n]{1,400}»')
_MENTION = re.compile(r"\b(?:words?|terms?|phrases?|expressions?)(?: like| such as| of)?[ \t]+['*_]{0,2}$")
"""What speaks of the words that follow: "the word ahoy"."""
_MENTION_LENGTH = 40
_COPIED_WORDS = 4
_WORD = re.compile(r"\w+(?:'\w+)*")

Spans = list[tuple[int, int]]


class Masks:
    """The parts of one text that are not the model's own words; found only when there is a marker to judge."""

    def __init__(self, folded: str, prompt: str) -> None:
        self._folded = folded
        self._prompt = prompt
        self._spans: dict[str, Spans] = {}
        """Those that the text has, by why they are no evidence."""
        if "`" in folded or "~~~" in folded:
            self._spans["code"] = _spans(_CODE, folded)
        if "://" in folded or "www." in folded or "](" in folded:
            self._spans["link"] = _spans(_LINK, folded)
        if '"' in folded or ">" in folded or "«" in folded:
            self._spans["quote"] = _spans(_QUOTE, folded)
        self._starts = {name: [start for start, _ in spans] for name, spans in self._spans.items()}
        self._prompt_words: str | None = None
        self._in_prompt: dict[str, bool] = {}

    def flags(self, start: int, end: int) -> tuple[str, ...]:
        """Return why ``text[start:end]`` may be no evidence; empty if it is the model's own word."""
        found = [name for name in self._spans if self._inside(name, start, end)] if self._spans else []
        if "quote" not in found and self._mentioned(start, end):
            found.append("quote")
        if self._prompt and self._copied(start, end):
            found.append("prompt")
        if is_negated(self._folded, start, end):
            found.append("negated")
        return tuple(found)

    @property
    def code(self) -> int:
        """Characters that stand in code."""
        return sum(end - start for start, end in self._spans.get("code", ()))

    def _inside(self, name: str, start: int, end: int) -> bool:
        """Whether the hit stands in one of these spans, which are in order and do not overlap."""
        before = bisect_right(self._starts[name], start) - 1
        return before >= 0 and end <= self._spans[name][before][1]

    def _mentioned(self, start: int, end: int) -> bool:
        """Whether the hit is spoken of as a word: in single quotes of its own, or as "the word ahoy"."""
        text = self._folded
        if text[start - 1 : start] == "'" and not text[max(0, start - 2) : start - 1].isalnum():
            closing = end + (text[end : end + 1] in (",", ".", "!", "?"))
            if text[closing : closing + 1] == "'" and not text[closing + 1 : closing + 2].isalnum():
                return True
        reach = max(0, start - _MENTION_LENGTH)
        before = text[reach:start]
        if not ("word" in before or "term" in before or "phrase" in before or "expression" in before):
            return False
        return _MENTION.search(text, reach, start) is not None

    def _copied(self, start: int, end: int) -> bool:
        """Whether the hit stands in a run of four words that the prompt has too."""
        hit = self._folded[start:end]
        if hit not in self._in_prompt:
            self._in_prompt[hit] = hit in self._prompt
        if not self._in_prompt[hit]:
            return False
        if self._prompt_words is None:
            self._prompt_words = " " + " ".join(_WORD.findall(self._prompt)) + " "
        before = [m.group() for m in _WORD.finditer(self._folded, max(0, start - 80), start)]
        inside = [m.group() for m in _WORD.finditer(self._folded, start, end)]
        after = [m.group() for m in _WORD.finditer(self._folded, end, end + 80)]
        reach = _COPIED_WORDS - 1
        words = [*before[-reach:], *inside, *after[:reach]]
        first = min(len(before), reach)
        size = max(_COPIED_WORDS, len(inside))
        for at in range(max(0, first + len(inside) - size), first + 1):
            run = words[at : at + size]
            if len(run) == size and f" {' '.join(run)} " in self._prompt_words:
                return True
        return False


def _spans(pattern: re.Pattern[str], text: str) -> Spans:
    return [match.span() for match in pattern.finditer(text)]
