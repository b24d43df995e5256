"""Text in lines of a given width: broken at spaces, then after separators in names, in a word only where it must."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SPLIT = re.compile(r"(?<=\w)[-_/|=@]+(?=\w)|(?<=\w)[:.,]+(?=[^\W\d])|:?/+(?=\w)|(?<=[a-z])(?=[A-Z])")
"""After these a name may go on in the next line: never inside a figure such as 1,300 or 0.5."""
LONGEST = 32
"""A word without separators that is longer is taken for a code, and broken anywhere."""


def pieces(word: str) -> list[str]:
    """Return the parts of a word that stay together, which joined are the word."""
    found, start = [], 0
    for match in _SPLIT.finditer(word):
        found.append(word[start : match.end()])
        start = match.end()
    found.append(word[start:])
    return [part for piece in found for part in _short(piece)]


def longest_piece(text: str) -> int:
    """Return the width of the longest part that stays together."""
    from rich.cells import cell_len

    return max((cell_len(piece) for word in text.split() for piece in pieces(word)), default=0)


def wrap(text: str, width: int) -> list[str]:
    """Return a text in lines of at most ``width`` columns of a terminal, its own line ends kept."""
    from rich.cells import cell_len

    if "\n" not in text and cell_len(text) <= width:
        return [text]
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            line = f"{line} {word}" if line else word
            if cell_len(line) > width:
                *done, line = _folded(line, width)
                lines += done
        lines.append(line)
    return lines


def _folded(line: str, width: int) -> list[str]:
    """Return a line that is too long, only by its last word, as several."""
    from rich.cells import cell_len

    before, _, word = line.rpartition(" ")
    lines = [before] if before else []
    parts = list(pieces(word))
    current = ""
    if before and cell_len(word) > width and cell_len(f"{before} {parts[0]}") <= width:
        current = lines.pop() + " "  # a word that has to be broken anyway begins where there is room
    for part in parts:
        if cell_len(current + part) > width and current:
            lines.append(current.rstrip())
            current = ""
        while cell_len(part) > width:
            head = next(_chopped(part, width))
            lines.append(head)
            part = part[len(head) :]
        current += part
    return [*lines, current]


def _short(piece: str) -> Iterator[str]:
    from rich.cells import cell_len

    return _chopped(piece, LONGEST) if cell_len(piece) > LONGEST else iter([piece])


def _chopped(text: str, width: int) -> Iterator[str]:
    """Yield a text in parts of at most ``width`` columns, and of one character at least."""
    from rich.cells import cell_len

    part = ""
    for char in text:
        if part and cell_len(part + char) > width:
            yield part
            part = ""
        part += char
    yield part
