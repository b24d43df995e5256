"""Finds literal markers: one automaton for all words, one linear-time set for expressions.

No persona file can hang a run: keywords are matched by Aho-Corasick, user regexes by RE2.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from charbench import Marker, MarkerForm, Tier
from charbench_plugins.scorers.keyword.expression import Expression, options
from charbench_plugins.scorers.keyword.folding import Folded
from charbench_plugins.scorers.keyword.word_ends import is_cut, is_unspaced

_WORD = re.compile(r"\w+")
_WEAK = Tier.WEAK
_VARIATION = "\ufe0f"
_COUNTED = re.compile(r"\{(?:\d+,)?(\d+)\}")
_FEW = 9
"""Repetitions up to which an expression is searched for together with others."""
_SMALL = 20_000
"""Letters of all words up to which they become the automaton that takes a third of the time, and the more memory.

Left to itself the library makes it of 100 words at most, and many a persona has more.
"""
_ALWAYS = 0
"""The number, in a set of expressions, of the one that always matches: where it does not, RE2 gave up."""


class Hit(NamedTuple):
    """A marker in a folded text, ``text[start:end]``."""

    start: int
    end: int
    marker: Marker


class Matcher:
    """Groups of markers, compiled once and looked for together: a text is gone over once for all of them."""

    def __init__(self, *groups: Iterable[Marker]) -> None:
        words: dict[tuple[int, str, MarkerForm, bool], Marker] = {}
        self._regexes: list[tuple[int, Expression, bool, Marker]] = []
        for group, markers in enumerate(groups):
            for marker in (one for one in markers if one.form.literal):
                if marker.form is MarkerForm.REGEX:
                    self._regexes.append((group, Expression(marker.text), is_unspaced(marker.text), marker))
                else:
                    is_prefix = marker.form is MarkerForm.KEYWORD and marker.text.endswith("*")
                    for pattern in _patterns(marker):
                        words.setdefault((group, pattern, marker.form, is_prefix), marker)
        self._groups = len(groups)
        self._alone = [at for at, (*_, marker) in enumerate(self._regexes) if _is_wide(marker.text)]
        """Those that are searched for one by one."""
        self._joined = [at for at in range(len(self._regexes)) if at not in self._alone]
        self._which = _compile_set([self._regexes[at][-1].text for at in self._joined])
        self._words = [
            (group, form is MarkerForm.KEYWORD, is_prefix, is_unspaced(marker.text), marker)
            for (group, _, form, is_prefix), marker in words.items()
        ]
        self._automaton = _automaton([pattern for _, pattern, _, _ in words])

    def find(self, folded: Folded) -> list[list[Hit]]:
        """Return, for each group, every marker that stands in the text, in order; of overlapping ones the longest."""
        text = folded.text
        found: list[list[Hit]] = [[] for _ in range(self._groups)]
        if self._automaton is not None:
            for index, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True):
                group, is_bounded, is_prefix, unspaced, marker = self._words[index]
                if is_bounded:
                    if is_cut(text, start, start if unspaced else None):
                        continue
                    if is_prefix:
                        end = _end_of_word(text, end, unspaced)
                    elif is_cut(text, end, end - 1 if unspaced else None):
                        continue
                found[group].append(Hit(start, end, marker))
        if self._regexes:
            searched = text.encode() if text.isascii() else text  # of bytes RE2's wrapper counts no characters
            for group, pattern, unspaced, marker in self._regexes_in(searched):
                for start, end in pattern.spans(searched):
                    if start >= end or is_cut(text, start, start if unspaced else None):
                        continue
                    if not is_cut(text, end, end - 1 if unspaced else None):
                        found[group].append(Hit(start, end, marker))
        return [_longest(hits) if len(hits) > 1 else hits for hits in found]

    def _regexes_in(self, text: str | bytes) -> Iterable[tuple[int, Expression, bool, Marker]]:
        """Return the expressions that may match: one pass tells, or all of them where one has no memory for it."""
        found = self._which.Match(text) if self._which else ()
        if _ALWAYS not in found:
            return self._regexes
        matching = [self._joined[index - 1] for index in found if index != _ALWAYS]
        return [self._regexes[at] for at in sorted((*matching, *self._alone))]


def _is_wide(pattern: str) -> bool:
    """Whether an expression repeats something often (``.{3,60}``): with others it has more states than are kept.

    RE2 would then make them anew for each text, which takes longer than to search for each expression by itself.
    """
    return any(int(most) > _FEW for most in _COUNTED.findall(pattern))


def _automaton(patterns: Sequence[str]) -> Any:
    if not patterns:
        return None
    import ahocorasick_rs

    is_small = sum(map(len, patterns)) <= _SMALL
    # Overlapping: a word may be refused for its boundary where another one that overlaps it is not.
    return ahocorasick_rs.AhoCorasick(
        patterns,
        matchkind=ahocorasick_rs.MatchKind.Standard,
        implementation=ahocorasick_rs.Implementation.DFA if is_small else None,
    )


def _patterns(marker: Marker) -> Iterable[str]:
    """Return what to look for: an emoji as it is written, and without its variation selectors."""
    text = Folded(marker.text).text
    if marker.form is MarkerForm.EMOJI:
        return {text.rstrip(_VARIATION) or text, text.replace(_VARIATION, "") or text}
    return (text.removesuffix("*"),)


def _compile_set(patterns: Sequence[str]) -> Any:
    """Return a set of expressions that tells in one pass which of them match; None where one pass gains nothing."""
    import re2

    if len(patterns) < 2:
        return None
    found = re2.Set.SearchSet(options())
    try:
        for pattern in ("", *patterns):
            found.Add(pattern)
        found.Compile()
    except re2.error:  # too large together
        return None
    return found


def _end_of_word(text: str, end: int, unspaced: bool) -> int:
    """Return where the word ends that a marker begins: at once in a script that is written without spaces."""
    if not is_cut(text, end, end - 1 if unspaced else None):
        return end
    word = _WORD.match(text, end)
    return word.end() if word else end


def _overlaps(hit: Hit, others: Sequence[Hit]) -> bool:
    """Whether a hit overlaps one of these, which are in order and do not overlap each other."""
    before = bisect_left(others, hit.end, key=lambda other: other.start) - 1
    return before >= 0 and others[before].end > hit.start


def _are_apart(hits: Sequence[Hit]) -> bool:
    """Whether none of these hits, which are in order, overlaps the one before it."""
    last = 0
    for start, end, _ in hits:
        if start < last:
            return False
        last = end
    return True


def _longest(hits: list[Hit]) -> list[Hit]:
    """Keep, of hits that overlap, the first and longest; a weak one only where no other marker is."""
    hits.sort(key=lambda hit: (hit.start, -hit.end))
    if _are_apart(hits):  # as in most texts
        return hits
    firm = [hit for hit in hits if hit.marker.tier is not _WEAK]
    if 0 < len(firm) < len(hits):
        apart = _longest(firm)
        free = [hit for hit in hits if hit.marker.tier is _WEAK and not _overlaps(hit, apart)]
        return sorted([*apart, *_longest(free)], key=lambda hit: hit.start)
    kept: list[Hit] = []
    for hit in hits:
        if not kept or hit.start >= kept[-1].end:
            kept.append(hit)
    return kept
