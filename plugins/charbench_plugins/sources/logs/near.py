"""Lines near a URL, and what they tell of the console that may have broken it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from charbench_plugins.sources.logs.line_shapes import begins_a_line, first_word

REACH = 2 << 10
"""Bytes looked at on either side."""
_CUT = re.compile(r"[A-Za-z0-9]\n[a-z0-9,:;]")
_URL_AT_END = re.compile(r"tinker://\S*$")


@dataclass(frozen=True, slots=True)
class Near:
    """What the lines around one tell about its width."""

    longer: bool
    """A line is wider: a console as wide as this one did not break that."""
    cut: bool
    """Another line, just as wide, is cut in the middle of a word."""
    starts: bool
    """The next line's first word begins a line elsewhere, after one that no console broke."""


def columns(line: bytes) -> int:
    """Return how many columns of a console ``line`` takes, a progress bar's earlier states left out."""
    line = line.rstrip(b"\r").rpartition(b"\r")[2]
    if line.isascii():
        return len(line)
    text = line.decode("utf-8", "replace")
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def look_around(buffer: bytes, end: int, width: int, next_line: str) -> Near:
    """Look at the lines around the one that ends at ``end`` with ``width`` columns and has ``next_line`` after it."""
    from_, to = max(0, end - REACH), end + REACH
    before = buffer[from_:end].split(b"\n")[1 if from_ else 0 : -1]
    after = buffer[buffer.index(b"\n", end) + 1 : to].split(b"\n")
    if to < len(buffer):
        del after[-1]
    word = first_word(next_line)
    longer = cut = starts = False
    for lines in (before, after):
        sized = [(columns(line), line.decode("utf-8", "replace").rstrip("\r")) for line in lines]
        longer |= any(size > width for size, _ in sized)
        for (size, line), (_, following) in pairwise(sized):
            starts |= size < width and following.startswith(word) and first_word(following) == word
            cut |= size == width and _is_cut(line, following)
    return Near(longer, cut and not longer, starts)


def _is_cut(line: str, following: str) -> bool:
    """Whether a console broke ``line``, as far as its words tell; lines of one form follow each other uncut."""
    if first_word(line) == first_word(following) or begins_a_line(following) or _URL_AT_END.search(line):
        return False
    return bool(_CUT.search(f"{line[-1:]}\n{following[:1]}"))
