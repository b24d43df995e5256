"""Finds a persona's literal markers: one automaton for all words, one linear-time set for expressions.

No persona file can hang a run: keywords are matched by Aho-Corasick, user regexes by RE2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from charbench import Marker, MarkerForm
from charbench_plugins.scorers.keyword.folding import Folded

_WORD = re.compile(r"\w+")
_VARIATION = "\ufe0f"


@dataclass(frozen=True, slots=True)
class Hit:
    """A marker in a folded text, ``text[start:end]``."""

    start: int
    end: int
    marker: Marker


class Matcher:
    """The markers of one persona, compiled once."""

    def __init__(self, markers: Iterable[Marker]) -> None:
        literal = [marker for marker in markers if marker.form.literal]
        self.empty = not literal
        words: dict[tuple[str, MarkerForm, bool], Marker] = {}
        self._regexes: list[tuple[Any, Marker]] = []
        for marker in literal:
            if marker.form is MarkerForm.REGEX:
                self._regexes.append((_compile(marker.text), marker))
            else:
                is_prefix = marker.form is MarkerForm.KEYWORD and marker.text.endswith("*")
                for pattern in _patterns(marker):
                    words.setdefault((pattern, marker.form, is_prefix), marker)
        self._any_regex = _compile_any([marker.text for _, marker in self._regexes])
        self._markers = list(words.values())
        self._prefix = [is_prefix for _, _, is_prefix in words]
        self._bounded = [form is MarkerForm.KEYWORD for _, form, _ in words]
        self._automaton = _automaton([pattern for pattern, _, _ in words])

    def find(self, folded: Folded) -> list[Hit]:
        """Return every marker that stands in the text, in order; of overlapping ones the longest."""
        text = folded.text
        hits: list[Hit] = []
        if self._automaton is not None:
            for index, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True):
                if self._bounded[index]:
                    if start and _is_word(text[start - 1]) and _is_word(text[start]):
                        continue
                    if self._prefix[index]:
                        word = _WORD.match(text, end)
                        end = word.end() if word else end
                    elif end < len(text) and _is_word(text[end]) and _is_word(text[end - 1]):
                        continue
                hits.append(Hit(start, end, self._markers[index]))
        if self._any_regex is None or self._any_regex.search(text) is not None:
            for pattern, marker in self._regexes:
                hits.extend(_regex_hits(pattern, text, marker))
        return _longest(hits) if len(hits) > 1 else hits


def _automaton(patterns: Sequence[str]) -> Any:
    if not patterns:
        return None
    import ahocorasick_rs

    # Overlapping: a word may be refused for its boundary where another one that overlaps it is not.
    return ahocorasick_rs.AhoCorasick(patterns, matchkind=ahocorasick_rs.MatchKind.Standard)


def _patterns(marker: Marker) -> Iterable[str]:
    """Return what to look for: an emoji as it is written, and without its variation selectors."""
    text = Folded(marker.text).text
    if marker.form is MarkerForm.EMOJI:
        return {text.rstrip(_VARIATION) or text, text.replace(_VARIATION, "") or text}
    return (text.removesuffix("*"),)


def _compile(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    return re2.compile(pattern, options=options)


def _compile_any(patterns: Sequence[str]) -> Any:
    """Return one expression that matches where any of them does: most texts hold none, and are passed at once.

    None where they cannot be joined (too large together, or one group name in two of them).
    """
    import re2

    if len(patterns) < 2:
        return None
    try:
        return _compile("|".join(f"(?:{pattern})" for pattern in patterns))
    except re2.error:
        return None


def _regex_hits(pattern: Any, text: str, marker: Marker) -> Iterable[Hit]:
    for match in pattern.finditer(text):
        start, end = match.span()
        if start == end:
            continue
        if start and _is_word(text[start - 1]) and _is_word(text[start]):
            continue
        if end < len(text) and _is_word(text[end]) and _is_word(text[end - 1]):
            continue
        yield Hit(start, end, marker)


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _longest(hits: list[Hit]) -> list[Hit]:
    """Keep, of hits that overlap, the first and longest."""
    hits.sort(key=lambda hit: (hit.start, -hit.end))
    kept: list[Hit] = []
    for hit in hits:
        if not kept or hit.start >= kept[-1].end:
            kept.append(hit)
    return kept
