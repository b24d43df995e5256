"""Reads JSON, JSON Lines and single lines from files that may hold anything, within limits.

A file that somebody else wrote may be huge, nested without end, or one line of gigabytes. What is over a limit is a
:class:`FileFault` that names the limit; what is under it is read in time and memory linear in its size.
"""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from charbench.errors import DataError

_LIMIT_OF_DIGITS = "for integer string conversion"


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """The most that is read of a file: bytes as a whole, bytes in a line, and levels of nesting.

    ``file_bytes`` is for files that are read at once (JSON); ``line_bytes`` for those read line by line.
    """

    file_bytes: int = 256 << 20
    line_bytes: int = 64 << 20
    depth: int = 100


LIMITS = ReadLimits()
"""The limits where nobody says otherwise."""


class FileFault(DataError):  # noqa: N818  a fault is data here, more often than it is raised
    """A file, or a line of it, that cannot be read; ``line`` is 1-based, None where it is the file as a whole."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True, slots=True)
class JsonLine:
    """A line of a JSON Lines file: its 1-based number and its value, or the fault in place of it."""

    number: int
    value: Any = None
    fault: FileFault | None = None


def read_json(path: Path, limits: ReadLimits = LIMITS) -> Any:
    """Return a JSON file's value.

    Raises :class:`FileFault` saying why it cannot be read, :class:`FileNotFoundError` where there is no such file.
    """
    try:
        content = _read_bytes(path, limits)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileFault(f"cannot be read: {error.strerror or error}") from None
    return parse_json(content, limits)


def read_text(path: Path, limits: ReadLimits = LIMITS) -> str:
    """Return a file's text: UTF-8, with a byte order mark or without.

    Raises :class:`FileFault` where it is larger than the limit or no UTF-8, :class:`OSError` where it cannot be read.
    """
    try:
        return _read_bytes(path, limits).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileFault("not UTF-8") from None


def _read_bytes(path: Path, limits: ReadLimits) -> bytes:
    with path.open("rb") as file:
        content = file.read(limits.file_bytes + 1)
    if len(content) > limits.file_bytes:
        raise FileFault(f"more than {limits.file_bytes:,} bytes (max_file_bytes), so it is not read")
    return content


def parse_json(content: bytes | str, limits: ReadLimits = LIMITS, line: int | None = None) -> Any:
    """Return the value that ``content`` is; NaN and infinities, which are no JSON, are None.

    Raises :class:`FileFault`, with ``line`` or else the line of the fault.
    """
    too_deep = FileFault(f"nested more than {limits.depth:,} levels deep (max_depth)", line)
    try:
        value = json.loads(content, parse_constant=lambda _: None)
    except RecursionError:
        raise too_deep from None
    except ValueError as error:
        at = line if line is not None else getattr(error, "lineno", None)
        reason = "a number of more than 4,300 digits" if _LIMIT_OF_DIGITS in str(error) else str(error)
        raise FileFault(f"not JSON: {reason}", at) from None
    if _openings(content) > limits.depth and not is_within(value, limits.depth):
        raise too_deep
    return value


def _openings(content: bytes | str) -> int:
    """Return how many brackets may open something: no value is nested deeper than that."""
    if isinstance(content, bytes):
        return content.count(b"[") + content.count(b"{")
    return content.count("[") + content.count("{")


def is_within(value: Any, depth: int) -> bool:
    """Whether a value is nested at most ``depth`` levels deep."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(depth):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
    return not level


def read_lines(path: Path, limits: ReadLimits = LIMITS) -> Iterator[tuple[int, bytes | FileFault]]:
    """Yield each line with its 1-based number, or the fault where it is longer than ``limits.line_bytes``.

    A file that a byte-order mark says to be UTF-16 is read as that, and its lines are given as UTF-8.

    Raises :class:`OSError` where the file cannot be read.
    """
    with path.open("rb") as file:
        readline = _reader_of_lines(file)
        number = 0
        while line := readline(limits.line_bytes + 1):
            number += 1
            if len(line) <= limits.line_bytes:
                yield number, line
                continue
            while line and not line.endswith(b"\n"):
                line = readline(1 << 20)
            yield number, FileFault(f"a line of more than {limits.line_bytes:,} bytes (max_line_bytes)", number)


def _reader_of_lines(file: BinaryIO) -> Callable[[int], bytes]:
    """Return what reads a line of at most so many bytes (characters of UTF-16, which becomes UTF-8)."""
    marked = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    file.seek(0)
    if not marked:
        return file.readline
    text = io.TextIOWrapper(file, "utf-16", errors="replace", newline="\n")
    return lambda most: text.readline(most).encode("utf-8", "replace")


def read_jsonl(path: Path, limits: ReadLimits = LIMITS) -> Iterator[JsonLine]:
    """Yield each line's value or fault, blank lines left out; raises :class:`OSError` where it cannot be read."""
    for number, line in read_lines(path, limits):
        if isinstance(line, FileFault):
            yield JsonLine(number, fault=line)
        elif line.strip():
            try:
                yield JsonLine(number, parse_json(line.removeprefix(b"\xef\xbb\xbf"), limits, number))
            except FileFault as fault:
                yield JsonLine(number, fault=fault)
