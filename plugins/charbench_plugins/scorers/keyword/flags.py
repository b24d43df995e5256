"""Why a marker that stands in a text may be no evidence: negated, quoted, code, a link, or the prompt's own."""

from __future__ import annotations

import re

_CODE = re.compile(r"(?s)(```|~~~).*?(?:\1|\Z)|`[^`\n]+`")
_LINK = re.compile(r"\b(?:https?|ftp|file|tinker)://\S+|\bwww\.\S+|(?<=\]\()[^)\s]+(?=\))")
_LINK_SIGNS = ("://", "www.", "](")
_QUOTE = re.compile(r'(?m)^[ \t]*>.*$|"[^"\n]{1,400}"')
_NEGATION = re.compile(
    r"(?:\b(?:not|no|never|nor|without|cannot|hardly|neither|nothing|none)\b|\b\w+n't\b)"
    r"(?:[ \t]+[\w']+){0,2}[ \t]*$"
)
_WINDOW = 60
_COPIED_WORDS = 4
_WORD = re.compile(r"\w+(?:'\w+)*")

Spans = list[tuple[int, int]]


class Masks:
    """The parts of one text that are not the model's own words; found only when there is a marker to judge."""

    def __init__(self, folded: str, prompt: str) -> None:
        self._folded = folded
        self._prompt = prompt
        self._spans: dict[str, Spans] = {
            "code": _spans(_CODE, folded) if "`" in folded or "~~~" in folded else [],
            "link": _spans(_LINK, folded) if any(sign in folded for sign in _LINK_SIGNS) else [],
            "quote": _spans(_QUOTE, folded) if '"' in folded or ">" in folded else [],
        }

    def flags(self, start: int, end: int) -> tuple[str, ...]:
        """Return why ``text[start:end]`` may be no evidence; empty if it is the model's own word."""
        found = [name for name, spans in self._spans.items() if any(a <= start and end <= b for a, b in spans)]
        if self._prompt and self._copied(start, end):
            found.append("prompt")
        if _NEGATION.search(self._folded, max(0, start - _WINDOW), start):
            found.append("negated")
        return tuple(found)

    def _copied(self, start: int, end: int) -> bool:
        """Whether the hit stands in a run of four words that the prompt has too."""
        if self._folded[start:end] not in self._prompt:
            return False
        before = [m.group() for m in _WORD.finditer(self._folded, max(0, start - 80), start)]
        inside = [m.group() for m in _WORD.finditer(self._folded, start, end)]
        after = [m.group() for m in _WORD.finditer(self._folded, end, end + 80)]
        reach = _COPIED_WORDS - 1
        words = [*before[-reach:], *inside, *after[:reach]]
        prompt_words = " " + " ".join(_WORD.findall(self._prompt)) + " "
        first = min(len(before), reach)
        size = max(_COPIED_WORDS, len(inside))
        for at in range(max(0, first + len(inside) - size), first + 1):
            run = words[at : at + size]
            if len(run) == size and f" {' '.join(run)} " in prompt_words:
                return True
        return False


def _spans(pattern: re.Pattern[str], text: str) -> Spans:
    return [match.span() for match in pattern.finditer(text)]
