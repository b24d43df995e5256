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
from charbench_plugins.sources.logs.wrapped import Assembled, assemble

CHUNK = 4 << 20
"""Bytes read at once."""
MARGIN = 16 << 10
"""Bytes kept around a chunk's end: the longest line prefix and the longest wrapped URL that are understood."""

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


def read_log(path: Path) -> Iterator[LogUrl]:
    """Yield the URLs of one log in their order; raises :class:`OSError` where it cannot be read."""
    found = list(_candidates(path))
    whole = {str(item.url.path) for _, item in found if not item.url.doubtful}
    for line, item in found:
        path_found = item.url.path
        if item.url.doubtful and item.url.shorter is not None and str(item.url.shorter) in whole:
            path_found = item.url.shorter
        product, note = _role(item.before)
        yield LogUrl(path_found, line, product, note)


@dataclass(frozen=True, slots=True)
class _Found:
    url: Assembled
    before: str
    """What stands before the URL in its line."""


def _candidates(path: Path) -> Iterator[tuple[int, _Found]]:
    """Yield (line, URL)."""
    widths: set[int] = set()
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
            if last > first:
                for start in _starts(buffer, first, last):
                    url = assemble(buffer, start, widths)
                    if url is not None:
                        line_start = buffer.rfind(b"\n", 0, start) + 1
                        before = buffer[line_start:start].decode("utf-8", "replace")
                        yield newlines_before + buffer.count(b"\n", 0, start) + 1, _Found(url, before)
            if not chunk:
                return
            first = max(first, last)
            keep = max(0, first - MARGIN)
            newlines_before += buffer.count(b"\n", 0, keep)
            buffer, first = buffer[keep:], first - keep


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
