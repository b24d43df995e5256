"""Whether a quote stands in a text: case, spaces, kinds of quotation mark and of dash do not matter; words do."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property

_SAME = str.maketrans(
    {**dict.fromkeys("‘’‚‛`´", "'"), **dict.fromkeys("“”„‟«»", '"'), **dict.fromkeys("‐‑‒–—―−", "-"), "\u00ad": None}
)
_AROUND = " \"'.…"


@dataclass(frozen=True)
class Quotable:
    """A text that quotes are looked up in."""

    text: str

    def find(self, quote: str) -> tuple[int, int] | None:
        """Return where ``quote`` stands (``text[start:end]``), None if it is made up."""
        wanted, _ = _normal(quote)
        for form in (wanted.strip(), wanted.strip(_AROUND)):
            if not any(char.isalnum() for char in form) and not _is_pictures(form):
                continue
            at = self._folded[0].find(form)
            if at >= 0:
                positions = self._folded[1]
                return positions[at], positions[at + len(form) - 1] + 1
        return None

    @cached_property
    def _folded(self) -> tuple[str, list[int]]:
        return _normal(self.text)


def _is_pictures(text: str) -> bool:
    return bool(text) and all(unicodedata.category(char) in ("So", "Sk", "Mn", "Cf") for char in text)


def _normal(text: str) -> tuple[str, list[int]]:
    """Return the text in the form that is compared, and for each of its characters where it came from.

    Each character is taken apart by itself (NFKD), so that a position can be followed back.
    """
    out: list[str] = []
    positions: list[int] = []
    for at, char in enumerate(text):
        for piece in unicodedata.normalize("NFKD", char).translate(_SAME).casefold():
            if piece.isspace():
                if out and out[-1] == " ":
                    continue
                piece = " "
            out.append(piece)
            positions.append(at)
    return "".join(out), positions
