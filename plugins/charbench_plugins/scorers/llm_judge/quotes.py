"""Whether a quote stands in a text: case, spaces, kinds of quotation mark and of dash do not matter; words do.

A quote begins and ends where words do: "art" does not stand in "started". Where a script writes no spaces between
words, any character may end one.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

_SAME = str.maketrans(
    {**dict.fromkeys("‘’‚‛`´", "'"), **dict.fromkeys("“”„‟«»", '"'), **dict.fromkeys("‐‑‒–—―−", "-"), "\u00ad": None}
)
_AROUND = " \"'.…"
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u2e80-\u312f\u3190-\u31ff\u3400-\u9fff"
    r"\ua9e0-\ua9ff\uaa60-\uaadf\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
"""Scripts without spaces between words: Thai, Lao, Burmese, Khmer, Tai, Chinese characters, kana and bopomofo."""


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
            text, positions = self._folded
            at = text.find(form)
            while at >= 0:
                end = at + len(form)
                if _between_words(text, at) and _between_words(text, end):
                    return positions[at], positions[end - 1] + 1
                at = text.find(form, at + 1)
        return None

    @cached_property
    def _folded(self) -> tuple[str, list[int]]:
        return _normal(self.text)


def _between_words(text: str, at: int) -> bool:
    """Whether no word goes on from before ``at`` to after it."""
    if at in (0, len(text)):
        return True
    before, after = text[at - 1], text[at]
    return not (_of_word(before) and _of_word(after)) or bool(_UNSPACED.match(before) or _UNSPACED.match(after))


def _of_word(char: str) -> bool:
    """Whether it is a letter, a digit, or a mark on one; the marks that make emoji of signs are on no letter."""
    return char.isalnum() or (unicodedata.category(char).startswith("M") and not "\ufe00" <= char <= "\ufe0f")


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
