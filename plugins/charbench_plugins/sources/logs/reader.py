"""Reads ``tinker://`` URLs out of logs of any size: bytes, not text, and in one pass.

Logs are what consoles left behind: coloured, of broken encodings, and wrapped, so that a URL may be
broken by a line end anywhere, its ``tinker://`` included. The reader looks for two short anchors, ``://``
and ``tinker:``; a single break leaves at least one of them whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from charbench import TinkerPath
from charbench_plugins.sources.logs.ends import settle
from charbench_plugins.sources.logs.wrapped import Mention, assemble

CHUNK = 4 << 20
"""Bytes read at once."""
MARGIN = 16 << 10
"""Bytes kept around a chunk's end: the longest line prefix and the longest wrapped URL that are understood."""
LONGEST_ROLE = 256
"""Bytes before a URL in which ``Resumed training from`` and the like are looked for."""

_ANSI = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_BREAK = rb"(?:\r?\n)?"
_SCHEME = re.compile(_BREAK.join(re.escape(bytes([byte])) for byte in b"tinker://"))
_ANCHORS = (b"://", b"tinker:")
_LONGEST_SCHEME = len("tinker://") * 3
_INPUT = re.compile(
    r"(?i)(?:resum\w*|load\w*|start\w*|continu\w*|initiali[sz]\w*|restor\w*)\b[^:]*"
    r"\b(?:from|state)(?:\s+(?:the\s+)?(?:adapter|checkpoint|state|weights))?\W*$"
    r"|\b(?:resum|load|restor)ing\s+(?:adapter|checkpoint|weights)\W*$"
    r"|load_checkpoint_path\W*$|\b(?:from_state|init_from|parent)\W*$"
)
_USED = re.compile(r"(?i)\b(?:evaluat\w*|sampl(?:ing|ed) from|using|judge|teacher|compar\w*)\b[^:]*:?\W*$")


@dataclass(frozen=True, slots=True)
class LogUrl:
    """A URL in a log: its 1-based line, and whether the run made it (or took it as its input)."""

    path: TinkerPath
    line: int
    product: bool
    note: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """A URL whose end cannot be told: ``ends`` with its 1-based line, or ``goes_on`` in the next; None is no URL."""

    line: int
    width: int
    """Columns of the line."""
    ends: TinkerPath | None
    goes_on: TinkerPath | None

    def __str__(self) -> str:
        ends, goes_on = (str(path) if path else "no URL" for path in (self.ends, self.goes_on))
        return (
            f"cannot tell whether the console broke this line at {self.width} columns, so neither is taken: "
            f"{ends} (if not), {goes_on} (if so); say which with -o source.logs.columns=0 or ={self.width}"
        )


@dataclass(frozen=True, slots=True)
class LogReading:
    """The URLs of one log in their order, and those that cannot be told."""

    urls: tuple[LogUrl, ...]
    doubts: tuple[Doubt, ...]


def read_log(path: Path) -> Iterator[LogUrl]:
    """Yield the URLs of one log in their order; raises :class:`OSError` where it cannot be read."""
    yield from scan_log(path).urls


def scan_log(path: Path, width: int | None = None) -> LogReading:
    """Read one log; raises :class:`OSError` where it cannot be read.

    ``width`` is how many columns the console had that broke its lines, 0 if none did, None if that is to be
    found out.
    """
    found = list(_candidates(path))
    urls: list[LogUrl] = []
    doubts: list[Doubt] = []
    goes_on = settle([item.mention for item in found], path.stem, width)
    for item, verdict in zip(found, goes_on, strict=True):
        mention = item.mention
        if verdict is None and mention.end:
            doubts.append(Doubt(item.line, mention.end.width, mention.short, mention.long))
        elif path_found := mention.long if verdict else mention.short:
            product, note = _role(item.before)
            urls.append(LogUrl(path_found, item.line, product, note))
    return LogReading(tuple(urls), tuple(doubts))


@dataclass(frozen=True, slots=True)
class _Found:
    line: int
    mention: Mention
    before: str
    """What stands before the URL in its line."""


def _candidates(path: Path) -> Iterator[_Found]:
    newlines_before = 0
    buffer = b""
    first = 0
    with path.open("rb", buffering=0) as file:
        while True:
            chunk = file.read(CHUNK)
            buffer = buffer + chunk if buffer else chunk
            if b"\x1b" in buffer:
                buffer = _ANSI.sub(b"", buffer)
            last = len(buffer) - MARGIN if chunk else len(buffer)
            newlines, counted = newlines_before, 0
            for start in _starts(buffer, first, last) if last > first else ():
                newlines, counted = newlines + buffer.count(b"\n", counted, start), start
                mention = assemble(buffer, start)
                if mention is not None:
                    yield _Found(newlines + 1, mention, _before(buffer, start))
            if not chunk:
                return
            first = max(first, last)
            keep = max(0, first - MARGIN)
            newlines_before += buffer.count(b"\n", 0, keep)
            buffer, first = buffer[keep:], first - keep


def _before(buffer: bytes, start: int) -> str:
    """Return what stands before ``start`` in its line, as far as it may tell the URL's role."""
    from_ = max(0, start - LONGEST_ROLE)
    return buffer[max(from_, buffer.rfind(b"\n", from_, start) + 1) : start].decode("utf-8", "replace")


def _starts(buffer: bytes, first: int, last: int) -> list[int]:
    """Return where a ``tinker://``, possibly broken, begins in ``buffer[first:last]``."""
    starts: set[int] = set()
    for anchor in _ANCHORS:
        at = buffer.find(anchor, max(0, first - _LONGEST_SCHEME))
        while 0 <= at < last + _LONGEST_SCHEME:
            for match in _SCHEME.finditer(buffer, max(0, at - _LONGEST_SCHEME), at + _LONGEST_SCHEME):
                if first <= match.start() < last:
                    starts.add(match.start())
            at = buffer.find(anchor, at + 1)
    return sorted(starts)


def _role(before: str) -> tuple[bool, str]:
    """Tell from the text before a URL whether the run made it."""
    if _INPUT.search(before):
        return False, "input"
    if _USED.search(before):
        return False, "used"
    return True, "saved" if "saved" in before.lower() else "mentioned"
