"""Puts a URL together that a console may have wrapped over several lines.

A URL that reaches the end of its line goes on in the next one if it is no whole URL yet. If it is whole
already, the next line may still hold the rest of its name; that is taken so only where the line is as wide
as the console is known to be: the usual 80 columns, or a width at which a URL was seen to be broken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from charbench import TinkerPath

USUAL_WIDTHS = frozenset({80, 100, 120, 132, 160, 200})
MAX_LINES = 64
_RUN = re.compile(rb"[A-Za-z0-9_.:/\-]*")
_ELLIPSIS = "…".encode()


@dataclass(frozen=True, slots=True)
class Assembled:
    """A URL; ``doubtful`` where only the line's width says that it goes on, ``shorter`` the URL without that."""

    path: TinkerPath
    doubtful: bool = False
    shorter: TinkerPath | None = None


def assemble(buffer: bytes, start: int, widths: set[int]) -> Assembled | None:
    """Return the URL that begins at ``start``, None if none does (a placeholder, one cut short by ``…``).

    ``widths`` holds the widths at which this log was seen to be wrapped; one that is learned is added.
    """
    text = ""
    shorter: TinkerPath | None = None
    first_width: int | None = None
    for _ in range(MAX_LINES):
        match = _RUN.match(buffer, start)
        assert match is not None
        run, end = match.group(), match.end()
        if shorter is not None and not run:
            return Assembled(shorter)
        if b"://" in run and text.startswith("tinker://"):
            return Assembled(shorter) if shorter else None  # the next URL begins here
        text += run.decode("ascii")
        path = _whole(text)
        at_line_end = buffer.startswith((b"\n", b"\r\n"), end) and end + 1 < len(buffer)
        if buffer.startswith(_ELLIPSIS, end) or text.endswith("..."):
            return Assembled(shorter) if shorter else None
        if not at_line_end:
            break
        width = _width(buffer, end)
        first_width = first_width if first_width is not None else width
        if path is not None and not (width in widths or width in USUAL_WIDTHS):
            break
        may_end_here = path is not None or (text.endswith("/") and width not in USUAL_WIDTHS)
        if may_end_here and width not in widths and _is_prose(buffer, buffer.index(b"\n", end) + 1):
            break  # a word that others follow is no part of a name
        if path is None and run and width == first_width:
            widths.add(width)
        elif path is not None:
            shorter = shorter or path
        if width < first_width:
            break
        start = buffer.index(b"\n", end) + 1
        if buffer[start : start + 1] in (b"\n", b"\r", b""):
            break
    if path is None:
        return Assembled(shorter) if shorter else None
    if shorter is not None and shorter != path:
        return Assembled(path, doubtful=True, shorter=shorter)
    return Assembled(path)


def _whole(text: str) -> TinkerPath | None:
    """Return the URL that ``text`` is, leaving out punctuation that ends a sentence."""
    return TinkerPath.parse(text.rstrip(".:/"))


def _is_prose(buffer: bytes, start: int) -> bool:
    """Whether the line at ``start`` begins with a word of its own (``Saved sampler``, ``INFO:``), not a name's rest."""
    match = _RUN.match(buffer, start)
    assert match is not None
    return buffer[match.end() : match.end() + 1] in (b" ", b"\t") or match.group().endswith(b":")


def _width(buffer: bytes, end: int) -> int:
    """Return how many characters the line that ends at ``end`` has."""
    line_start = buffer.rfind(b"\n", 0, end) + 1
    return len(buffer[line_start:end].decode("utf-8", "replace"))
