"""Folds text so that markers are found whatever their case, width or quotes, and finds the way back.

NFKC, curly quotes to straight ones, case-folding. Folding may change lengths (``…`` becomes ``...``,
``ß`` becomes ``ss``), so positions in the folded text are mapped back to the original.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right

_QUOTES = str.maketrans({"‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "‟": '"'})
_NON_ASCII = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")


class Folded:
    """A folded text; ``original(position)`` is where a position of it stands in the original."""

    __slots__ = ("_folded_at", "_original_at", "text")

    def __init__(self, original: str) -> None:
        self._folded_at: list[int] = []
        self._original_at: list[int] = []
        if original.isascii():
            self.text = original.lower()
            return
        quoted = original.translate(_QUOTES)
        folded = quoted.casefold()
        if len(folded) == len(quoted) and unicodedata.is_normalized("NFKC", quoted):
            self.text = folded
            return
        self.text = self._fold_pieces(quoted)

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return where ``text[start:end]`` stands in the original, its whole pieces."""
        if not self._folded_at:
            return start, end
        return self.original(start), self.original_end(end)

    def original(self, position: int) -> int:
        """Return the position in the original; inside a piece that changed its length, the piece's start."""
        index = bisect_right(self._folded_at, position) - 1
        if index < 0:
            return position
        # Pieces alternate: an even entry starts a changed piece, an odd one the unchanged text after it.
        if index % 2 == 0:
            return self._original_at[index]
        return self._original_at[index] + position - self._folded_at[index]

    def original_end(self, position: int) -> int:
        """Return the end in the original: inside a changed piece, the piece's end."""
        index = bisect_right(self._folded_at, position - 1) - 1
        if index >= 0 and index % 2 == 0:
            return self._original_at[index + 1]
        return self.original(position - 1) + 1

    def _fold_pieces(self, text: str) -> str:
        """Fold each run of non-ASCII text by itself, with the letter that a combining mark may belong to."""
        pieces: list[str] = []
        length = at = 0
        for match in _NON_ASCII.finditer(text):
            before = text[at : match.start()].lower()
            pieces.append(before)
            length += len(before)
            at = match.start()
            for piece in _clusters(match.group()):
                folded = unicodedata.normalize("NFKC", piece.casefold())
                if len(folded) != len(piece):
                    self._folded_at += (length, length + len(folded))
                    self._original_at += (at, at + len(piece))
                pieces.append(folded)
                length += len(folded)
                at += len(piece)
        pieces.append(text[at:].lower())
        return "".join(pieces)


def _clusters(run: str) -> list[str]:
    """Split a run into characters with the combining marks that follow them."""
    clusters: list[str] = []
    for char in run:
        if clusters and unicodedata.combining(char):
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters
