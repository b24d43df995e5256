"""Puts a URL together that a console may have wrapped over several lines.

A URL that reaches the end of its line goes on in the next one if it is no whole URL yet. If it is whole
already, the next line may still hold the rest of its name: a console cut ``.../final`` after ``.../f``, or
``done`` is a line of its own. What can be told from the two lines alone is told here; the others are left
open, for :mod:`~charbench_plugins.sources.logs.ends` to settle when the whole log is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from charbench import TinkerPath
from charbench_plugins.sources.logs.cells import Cell, cell_of
from charbench_plugins.sources.logs.line_shapes import begins_a_line
from charbench_plugins.sources.logs.near import Near, columns, look_around

MAX_LINES = 64
LONGEST_LINE = 4 << 10
"""Bytes of the next line that are looked at."""
LONGEST_URL = 1 << 10
"""Bytes of a URL; what is longer is none, and is not read to its end."""
_RUN = re.compile(rb"[A-Za-z0-9_.:/\-]{0,%d}" % LONGEST_URL)
_KEY = re.compile(
    rb"tinker:|[A-Za-z0-9_.\-]{1,256}[ \t]{0,8}=|[A-Za-z0-9_.:/\-]{0,256}://"
    rb"|[A-Za-z0-9_.\-]{0,256}_(?:dir|id|name|path|uri|url|weights)[ \t]{0,8}:"
    rb"|[A-Za-z0-9_.\-]{1,256}[ \t]{0,8}:[ \t]{0,8}['\"]?tinker:"
)
"""How a line begins that is a key's or a URL's: never with the rest of a name."""
_BEGUN = re.compile(r"tinker://[0-9a-f]{4}")
_LINE_END = re.compile(rb"\r?\n")
_ELLIPSIS = "…".encode()
_GOES_ON = re.compile(r"[-_.][A-Za-z0-9]")
_CLOSERS = {b"'": b"'", b'"': b'"', b"`": b"`", b"<": b">", b"(": b")", b"[": b"]", b"{": b"}"}
_BRACKETS = {b")": b"(", b"]": b"[", b"}": b"{"}
_OPENED_WITHIN = 400


@dataclass(frozen=True, slots=True)
class LineEnd:
    """The end of a line at which a URL ends, unless the next line holds the rest of its name."""

    width: int
    """Columns of the line."""
    rest: str
    next_line: str
    near: Near


@dataclass(frozen=True, slots=True)
class Mention:
    """A URL in a log; ``long`` is its other reading, with the next line's beginning, where ``end`` is open.

    Either reading may be None, which is no URL. ``broken_at`` is the width at which the console certainly
    broke the URL, if it did. ``cut_short`` is what an ellipsis leaves of a URL; there is no reading then.
    """

    short: TinkerPath | None
    broken_at: int | None = None
    long: TinkerPath | None = None
    end: LineEnd | None = None
    cut_short: str | None = None


def assemble(buffer: bytes, start: int) -> Mention | None:
    """Return the URL that begins at ``start``, None if none does (a placeholder, say)."""
    cell = cell_of(buffer, start)
    return _assemble(buffer, start, None) if cell is None else _assemble(cell.text, cell.start, (cell, buffer, start))


_InCell = tuple[Cell, bytes, int]
"""A cell, and the buffer and place that its URL was found at."""


def _assemble(buffer: bytes, start: int, place: _InCell | None) -> Mention | None:
    text = ""
    broken_at: int | None = None
    at = start
    for _ in range(MAX_LINES):
        run, end = _run(buffer, at)
        if len(text) + len(run) >= LONGEST_URL or ("://" in run and text.startswith("tinker://")):
            return None  # the next URL begins here
        text += run
        if _cut_short(buffer, text, end):
            return _what_is_left(text)
        path = _whole(text)
        following = _next_line(buffer, end)
        if following is None:
            return Mention(path, _shown(broken_at, place)) if path else None
        width = _width(buffer, end, place)
        if _ends_early(width, place) or (broken_at is not None and width != broken_at):
            return Mention(path, _shown(broken_at, place)) if path else None
        if path or (text.endswith("/") and _whole(text + "x")):
            return _at_line_end(buffer, start, text, end, broken_at, place)
        if text.startswith("tinker://") and _KEY.match(buffer, following):
            return None
        broken_at, at = width, following
    return None


def _width(buffer: bytes, end: int, place: _InCell | None) -> int:
    """Return the columns of the line that ends at ``end``; in a cell, the column at which its text ends."""
    if place is None:
        return columns(_line(buffer, end))
    return place[0].ends[buffer.count(b"\n", 0, end)]


def _ends_early(width: int, place: _InCell | None) -> bool:
    """Whether the cell has room left in the line: nothing was broken there."""
    return place is not None and place[0].fill is not None and width < place[0].fill


def _shown(broken_at: int | None, place: _InCell | None) -> int | None:
    """Return the width of the console that broke a line."""
    return place[0].width if place is not None and broken_at is not None else broken_at


def _at_line_end(
    buffer: bytes, start: int, text: str, end: int, broken_at: int | None, place: _InCell | None
) -> Mention | None:
    """Return the URL ``text``, which ends its line at ``end`` and may go on in the next one."""
    short, width = _whole(text), _width(buffer, end, place)
    console = place[0].width if place else width
    broken_at = _shown(broken_at, place)
    following = _LINE_END.match(buffer, end)
    assert following is not None
    closer = _CLOSERS.get(_opener(buffer, start))
    next_line = buffer[following.end() : following.end() + LONGEST_LINE].partition(b"\n")[0]
    if _KEY.match(next_line):
        return Mention(short, broken_at) if short else None
    rest, rest_end = _rest(buffer, following.end(), width, place)
    shown = next_line.decode("utf-8", "replace").rstrip("\r")
    cut_short = _cut_short(buffer, text + rest, rest_end)
    long = None if cut_short else _whole(text + rest)
    if not rest or long == short:
        quoted = closer in (b"'", b'"') and next_line.startswith(closer)
        return Mention(short, console if quoted else broken_at) if short else None
    joined = bool(_GOES_ON.match(rest)) or text.endswith("_")
    if long and (joined or _closes(buffer, start, closer, rest_end)):
        return Mention(long, console)
    if cut_short and joined:
        return _what_is_left(text + rest)
    wider = place is None and columns(next_line) > width
    unlikely = wider or (begins_a_line(shown) and short is not None)
    if unlikely or ":" in rest.rstrip(":") or "/" in rest:
        return Mention(short, broken_at) if short else None
    near = _near(buffer, end, console, shown, place)
    return Mention(short, broken_at, long, LineEnd(console, rest, shown, near))


def _near(buffer: bytes, end: int, width: int, next_line: str, place: _InCell | None) -> Near:
    if place is not None:
        _, buffer, start = place
        end = buffer.index(b"\n", start)
    return look_around(buffer, end, width, next_line)


def _run(buffer: bytes, start: int) -> tuple[str, int]:
    """Return the characters of a URL that stand at ``start``, and where they end."""
    match = _RUN.match(buffer, start)
    assert match is not None
    return match.group().decode("ascii"), match.end()


def _rest(buffer: bytes, start: int, width: int, place: _InCell | None) -> tuple[str, int]:
    """Return a URL's characters from ``start``, on through lines that they fill to ``width``, and where they end."""
    rest = ""
    for _ in range(MAX_LINES):
        run, end = _run(buffer, start)
        rest += run
        following = _next_line(buffer, end)
        if following is None or len(rest) >= LONGEST_URL or _width(buffer, end, place) != width:
            break
        start = following
        if _KEY.match(buffer, start):
            break
        ends_a_name = not rest.endswith(("-", "_"))
        if ends_a_name and begins_a_line(buffer[start : start + LONGEST_LINE].decode("utf-8", "replace")):
            break
    return rest, end


def _whole(text: str) -> TinkerPath | None:
    """Return the URL that ``text`` is, leaving out punctuation that ends a sentence."""
    return TinkerPath.parse(text.rstrip(".:/"))


def _cut_short(buffer: bytes, text: str, end: int) -> bool:
    """Whether an ellipsis follows."""
    return buffer.startswith(_ELLIPSIS, end) or text.endswith("...")


def _what_is_left(text: str) -> Mention | None:
    """Return the mention of a URL that was cut short, None for a placeholder such as ``tinker://...``."""
    return Mention(None, cut_short=text.rstrip(".")) if _BEGUN.match(text) else None


def _next_line(buffer: bytes, end: int) -> int | None:
    """Return where the next line begins, None where ``end`` ends no line or the log is over."""
    match = _LINE_END.match(buffer, end)
    return match.end() if match and match.end() < len(buffer) else None


def _line(buffer: bytes, end: int) -> bytes:
    """Return the line that ends at ``end``."""
    return buffer[buffer.rfind(b"\n", 0, end) + 1 : end]


def _opener(buffer: bytes, start: int) -> bytes:
    """Return the character before ``start``, a line's end left out."""
    return buffer[max(0, start - 3) : start].rstrip(b"\r\n")[-1:]


def _closes(buffer: bytes, start: int, closer: bytes | None, end: int) -> bool:
    """Whether at ``end`` a quote or bracket is closed that was opened before the URL."""
    character = buffer[end : end + 1] or b"\0"
    if _LINE_END.match(buffer, end):  # the closing one may be broken off, too
        return False
    opener = _BRACKETS.get(character)
    before = buffer[max(0, start - _OPENED_WITHIN) : start]
    return character == closer or (opener is not None and before.count(opener) > before.count(character))
