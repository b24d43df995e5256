"""Cells: the columns, boxes and indentation in which a console shows text, rich's above all.

A URL in a cell goes on in the next line's cell, not at the next line's beginning::

    [11/28/26 13:57:21] INFO     Saved training checkpoint:                         train.py:51
                                 tinker://504e922f-4dbc-4c54-9ccc-85604ef3db21
                                 :train:0/weights/pirate_dpo

    │ tinker://6c78a91d-f928-430b-a950-febf0b5d47ee:train:0/weights/humorous-panel │
    │ _dpo                                                                         │

:func:`cell_of` takes a cell's lines out, so that they read like a log's without columns.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

LONGEST_LINE = 1 << 10
"""Bytes of a line that may have cells; a console is narrower."""
_MOST_LINES = 24
"""Lines looked at on either side of a URL."""
_BORDERS = frozenset("│┃║|┆┊")
_LEVEL = re.compile(r"(?:\[[^\]]{1,40}\] +| *)(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL|NOTSET)(?= )")
_TIME = re.compile(r"\[\d[\d:/., TAPM-]{3,30}\] ")
_PLACE = re.compile(r" (?P<place>[\w./\\<>-]+\.\w+:\d+)\s*$")
_LEVEL_WIDTH = 9
"""Columns that rich gives a level: eight, and one between it and the message."""
_URL_CHARACTER = re.compile(r"[-_.:/]*[A-Za-z0-9]")
_LEAST_INDENT = 2


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's lines around a URL, one below the other, as bytes of a log without columns."""

    text: bytes
    start: int
    """Where the URL begins in ``text``."""
    ends: tuple[int, ...]
    """For each line the column after its last character."""
    fill: int | None
    """The column after the cell's last one; None where that cannot be told."""
    width: int
    """Columns of the line as a whole."""


def cell_of(buffer: bytes, start: int) -> Cell | None:
    """Return the cell that the URL at ``start`` stands in, None where the line has no cells."""
    from_ = buffer.rfind(b"\n", max(0, start - LONGEST_LINE), start) + 1
    if not from_ and start > LONGEST_LINE:
        return None
    to = buffer.find(b"\n", start, start + LONGEST_LINE)
    if to < 0:
        return None
    from_ = buffer.rfind(b"\r", from_, start) + 1 or from_  # what a progress bar showed there before
    if b"\r" in buffer[start:to].rstrip(b"\r"):
        return None  # the URL itself was written over
    line, column = _grid(buffer[from_:to]), len(_grid(buffer[from_:start]))
    return _boxed(buffer, from_, to, line, column) or _aligned(buffer, from_, to, line, column)


def _grid(line: bytes) -> str:
    """Return a character for each column of a line, as it looks at its end: behind its last return to its beginning."""
    line = line.rstrip(b"\r").rpartition(b"\r")[2]
    if line.isascii():
        return line.decode("ascii")
    text = line.decode("utf-8", "replace")
    return "".join(character + "\0" * (_columns(character) - 1) for character in text if _columns(character))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _above(buffer: bytes, at: int) -> Iterator[str]:
    """Yield the lines before the one that begins at ``at``, the nearest first."""
    while at > 0:
        from_ = buffer.rfind(b"\n", max(0, at - 1 - LONGEST_LINE), at - 1) + 1
        if not from_ and at > LONGEST_LINE:
            return
        yield _grid(buffer[from_ : at - 1])
        at = from_


def _below(buffer: bytes, at: int) -> Iterator[str]:
    """Yield the lines after the one that ends at ``at``."""
    while 0 <= at < len(buffer) - 1:
        to = buffer.find(b"\n", at + 1, at + 1 + LONGEST_LINE)
        if to < 0 and len(buffer) - at > LONGEST_LINE:
            return
        yield _grid(buffer[at + 1 : to if to >= 0 else len(buffer)])
        at = to


def _cell(above: list[str], lines: list[str], column: int, left: int, fill: int | None, width: int) -> Cell:
    """Put a cell together: ``above`` and ``lines`` from column ``left`` on, the URL in the first of ``lines``."""
    before = "".join(f"{line}\n" for line in above) + lines[0][: column - left]
    text = "\n".join([*above, *lines]) + "\n\n"
    ends = tuple(left + len(line) for line in [*above, *lines])
    return Cell(_bytes(text), len(_bytes(before)), (*ends, 0), fill, width)


def _bytes(text: str) -> bytes:
    return text.replace("\0", "").encode("utf-8", "replace")


def _boxed(buffer: bytes, from_: int, to: int, line: str, column: int) -> Cell | None:
    """Return the cell of a panel or table: between two borders."""
    left = max((at for at in range(column) if line[at] in _BORDERS), default=-1)
    right = next((at for at in range(column, len(line)) if line[at] in _BORDERS), -1)
    if left < 0 or right < 0 or (line[left] == "|" and not line.lstrip().startswith("|")):
        return None

    def inside(lines: Iterator[str]) -> list[str]:
        taken = []
        for other in islice(lines, _MOST_LINES):
            if len(other) <= right or other[left] not in _BORDERS or other[right] not in _BORDERS:
                break
            taken.append(other[left + 1 : right])
        return taken

    above, below = inside(_above(buffer, from_))[::-1], inside(_below(buffer, to))
    lines = [line[left + 1 : right], *below]
    filled = [text for text in (*above, *lines) if text.strip()]
    before = min(len(text) - len(text.lstrip()) for text in filled)
    after = min(before, *(len(text) - len(text.rstrip()) for text in filled))
    padding = left + 1 + before
    above, lines = ([text.rstrip()[before:] for text in texts] for texts in (above, lines))
    return _cell(above, lines, column, padding, right - after, len(line.rstrip()))


def _aligned(buffer: bytes, from_: int, to: int, line: str, column: int) -> Cell | None:
    """Return the cell of a log record in columns, or of text that goes on indented."""
    found = _record(buffer, from_, line, column)
    if found is None:
        return _indented(buffer, to, line, column)
    left, above, fill, width = found
    lines = [line[left:fill].rstrip()]
    for other in islice(_below(buffer, to), _MOST_LINES):
        if not _continues(other, left) or _PLACE.search(other):
            break
        lines.append(other[left:fill].rstrip())
    return _cell(above, lines, column, left, fill, width)


def _record(buffer: bytes, from_: int, line: str, column: int) -> tuple[int, list[str], int | None, int] | None:
    """Return a record's message column, its lines above, the column after its last, and the console's width."""
    left = _message_column(line)
    above: list[str] = []
    head = line
    if left is None or left > column:
        left = len(line) - len(line.lstrip(" "))
        if not 0 < left <= column:
            return None
        for head in islice(_above(buffer, from_), _MOST_LINES):
            above.insert(0, head)
            if _message_column(head) == left or (_continues(head, left) and _PLACE.search(head)):
                break
            if not _continues(head, left):
                return None
        else:
            return None
    place = _PLACE.search(head)
    fill = place.start("place") - 1 if place else len(line) if line.endswith(" ") else None
    width = len(head.rstrip()) if place else len(line)
    return left, [text[left:fill].rstrip() for text in above], fill, width


def _message_column(line: str) -> int | None:
    """Return where the message begins in the first line of a record as rich writes it."""
    if level := _LEVEL.match(line):
        left = level.start("level") + _LEVEL_WIDTH
        return left if not line[level.end() : left].strip() else None
    time = _TIME.match(line)
    return time.end() if time and _PLACE.search(line) else None


def _continues(line: str, left: int) -> bool:
    """Whether a line has its text at column ``left`` or further right."""
    return len(line) > left and not line[:left].strip() and bool(line[left:].strip())


def _indented(buffer: bytes, to: int, line: str, column: int) -> Cell | None:
    """Return the cell of a URL that ends its line and may go on in the next, indented, line."""
    below = list(islice(_below(buffer, to), _MOST_LINES))
    left = len(line) - len(line.lstrip(" "))
    more = len(below[0]) - len(below[0].lstrip(" ")) if below else 0
    if more < _LEAST_INDENT or not _URL_CHARACTER.match(below[0][more:]) or " " in line[column:].rstrip(" "):
        return None
    if more < left or (more == left and column > left):
        return None
    lines = []
    for other in below:
        if not _continues(other, more) or other[more] == " ":
            break
        lines.append(other.rstrip())
    ends = (len(line.rstrip()), *map(len, lines), 0)
    text = "\n".join([line.rstrip(), *(other[more:] for other in lines)]) + "\n\n"
    return Cell(_bytes(text), len(_bytes(line[:column])), ends, None, len(line.rstrip()))
