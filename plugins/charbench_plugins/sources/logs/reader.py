"""Reads ``tinker://`` URLs out of logs of any size: bytes, not text, and in one pass.

Logs are what consoles left behind: coloured, of broken encodings, and wrapped, so that a URL may be
broken by a line end anywhere, its ``tinker://`` included. The reader looks for two short anchors, ``://``
and ``tinker:``; a single break leaves at least one of them whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from charbench import LabFile, TinkerPath
from charbench_plugins.sources.logs.ends import settle
from charbench_plugins.sources.logs.phrases import UrlRole, parents, roles, said_role
from charbench_plugins.sources.logs.progress import Progress, progress_at
from charbench_plugins.sources.logs.wrapped import Mention, assemble

CHUNK = 4 << 20
"""Bytes read at once."""
MARGIN = 16 << 10
"""Bytes kept around a chunk's end: the longest line prefix and the longest wrapped URL that are understood."""
LONGEST_ROLE = 256
"""Bytes before a URL in which ``Resumed training from`` and the like are looked for."""

_ANSI = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_BREAK = rb"(?:(?: [^\n]{0,200}?)?\r?\n(?:[ |]|\xe2\x94[\x82\x83]){0,160})?"
"""The end of a line, or of its cell: padding, a border or what stands in the next column may follow and go before."""
_SCHEME = re.compile(_BREAK.join(re.escape(bytes([byte])) for byte in b"tinker://"))
_WHOLE_SCHEME = b"tinker://"
_ANCHORS = (b"://", b"nker:")
"""What stands whole in one line wherever lines of six columns or more break the scheme."""
_INTO_SCHEME = tuple(_WHOLE_SCHEME.index(anchor) for anchor in _ANCHORS)
FILE_ANCHOR = b": file:"
"""What stands before the URI of an adapter that a log says was saved."""
_LONGEST_SCHEME = 400
_BEFORE_ANCHOR = b"r \n\r|\x82\x83"
"""Bytes before a ``://`` that may be a ``tinker://``: its last letter, or the beginning of a line or a cell."""
_SHORT_BEGINNING = 24
_HEAD = 64 << 10
_RUN_ID = re.compile(
    rb"(?i)\b(?:run|training[ _]run|session|model)(?:[ _-]?id)?[\"' ]{0,2}[:=][\"' ]{0,3}"
    rb"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?::train:\d+)?)"
)
_LABEL = re.compile(r"([A-Za-z0-9][\w.+-]{1,80})[\"'`*]{0,3} ?(?:[:=|]|->|→) ?[\"'`(<\[]{0,3}$")
_PLACE = re.compile(r"\s+[\w./\\<>-]+\.\w+:\d+$")


@dataclass(frozen=True, slots=True)
class LogUrl:
    """A URL in a log: its 1-based line, what it is to the run, and what the run was trained from by then."""

    path: TinkerPath
    line: int
    role: UrlRole
    parent: str | None = None
    progress: Progress | None = None
    """How far the run had come; None where the log does not say."""
    label: str = ""
    """The name that the URL is given in its line (``NAME: URL``, ``"NAME": "URL"``, ``NAME=URL``, ``| NAME | URL``)."""

    @property
    def product(self) -> bool:
        """Whether the run made it."""
        return self.role.product

    @property
    def note(self) -> str:
        """What the evidence says of it."""
        return self.role.value


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
            f"cannot determine whether the console wrapped this line at {self.width} columns, so neither is used: "
            f"{ends} (if not), {goes_on} (if so); choose with -o source.logs.columns=0 or ={self.width}"
        )


@dataclass(frozen=True, slots=True)
class CutShort:
    """A URL that was printed with an ellipsis in place of its end, with its 1-based line, and is nowhere whole."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.text}… was cut short where it was printed, so it is no URL; print it in a line of its own"


@dataclass(frozen=True, slots=True)
class LogReading:
    """The URLs of one log in their order, those that cannot be told, and those that are not there as a whole."""

    urls: tuple[LogUrl, ...]
    doubts: tuple[Doubt, ...]
    cut_short: tuple[CutShort, ...] = ()
    names_files: bool = False
    """Whether there may be ``file:`` URIs of adapters in it."""

    @property
    def faults(self) -> tuple[Doubt | CutShort, ...]:
        """What is to be told of URLs that are not taken."""
        return (*self.doubts, *self.cut_short)


def read_log(path: Path) -> Iterator[LogUrl]:
    """Yield the URLs of one log in their order; raises :class:`OSError` where it cannot be read."""
    yield from scan_log(LabFile.at(path, path.name)).urls


def scan_log(file: LabFile, width: int | None = None, run: str | None = None, own: Iterable[str] = ()) -> LogReading:
    """Read one log; raises :class:`OSError` where it cannot be read.

    ``width`` is how many columns the console had that broke its lines, 0 if none did, None if that is to be
    found out. ``run`` is the run's name (None: the file's), ``own`` are the ids of runs known to be it.
    """
    scan = _Scan()
    found = list(scan.candidates(file))
    name = file.path.stem if run is None else run
    taken: list[tuple[TinkerPath, int, UrlRole | None]] = []
    progress: list[Progress | None] = []
    labels: list[str] = []
    doubts: list[Doubt] = []
    goes_on = settle([item.mention for item in found], name, width)
    for item, verdict in zip(found, goes_on, strict=True):
        mention = item.mention
        if verdict is None and mention.end:
            doubts.append(Doubt(item.line, mention.end.width, mention.short, mention.long))
        elif path_found := mention.long if verdict else mention.short:
            taken.append((path_found, item.line, said_role(item.before)))
            progress.append(item.progress)
            labels.append(_label(item.before))
    paths = [url for url, _, _ in taken]
    if any(role is None for _, _, role in taken):
        own = {*own, *_run_ids(file)}
    known = roles(list(zip(paths, (role for _, _, role in taken), strict=True)), name, own)
    made_from = parents(list(zip(paths, known, strict=True)))
    urls = (
        LogUrl(url, line, role, parent, far, label)
        for (url, line, _), role, parent, far, label in zip(taken, known, made_from, progress, labels, strict=True)
    )
    cut_short = tuple(_cut_short(found, {str(path) for path in paths}))
    return LogReading(tuple(urls), tuple(doubts), cut_short, scan.names_files)


def _label(before: str) -> str:
    """Return the name that a line gives the URL after ``before``; empty where it gives none."""
    match = _LABEL.search(before)
    return match[1] if match else ""


def _run_ids(file: LabFile) -> set[str]:
    """Return the ids that a log says are its run's, at its beginning or its end (``Run ID: UUID:train:0``)."""
    with file.open() as stream:
        head = tail = stream.read(_HEAD)
        while chunk := stream.read(CHUNK):
            tail = (tail + chunk)[-_HEAD:]
    return {found.decode() for part in (head, tail) for found in _RUN_ID.findall(part)}


def _cut_short(found: Iterable[_Found], whole: set[str]) -> Iterator[CutShort]:
    """Yield what is left of URLs that were cut short, once each, unless the URL stands in the log as a whole."""
    seen: set[str] = set()
    for item in found:
        text = item.mention.cut_short
        if text and text not in seen and not any(url.startswith(text) for url in whole):
            seen.add(text)
            yield CutShort(item.line, text)


@dataclass(frozen=True, slots=True)
class _Found:
    line: int
    mention: Mention
    before: str
    """What stands before the URL in its line."""
    progress: Progress | None


class _Scan:
    """One pass through a log."""

    def __init__(self) -> None:
        self.names_files = False

    def candidates(self, file: LabFile) -> Iterator[_Found]:
        """Yield what may be URLs, in their order."""
        newlines_before = 0
        buffer = b""
        first = 0
        with file.open() as stream:
            while True:
                chunk = stream.read(CHUNK)
                buffer = buffer + chunk if buffer else chunk
                if b"\x1b" in buffer:
                    buffer = _ANSI.sub(b"", buffer)
                last = len(buffer) - MARGIN if chunk else len(buffer)
                newlines, counted = newlines_before, 0
                for start in self._starts(buffer, first, last) if last > first else ():
                    newlines, counted = newlines + buffer.count(b"\n", counted, start), start
                    mention = assemble(buffer, start)
                    if mention is not None:
                        yield _Found(newlines + 1, mention, _before(buffer, start), progress_at(buffer, start))
                if not chunk:
                    return
                first = max(first, last)
                keep = max(0, first - MARGIN)
                newlines_before += buffer.count(b"\n", 0, keep)
                buffer, first = buffer[keep:], first - keep

    def _starts(self, buffer: bytes, first: int, last: int) -> list[int]:
        """Return where a ``tinker://``, possibly broken, begins in ``buffer[first:last]``."""
        starts: set[int] = set()
        for anchor, at, _ in _automaton().find_matches_as_indexes(buffer):
            if anchor == len(_ANCHORS):
                self.names_files = True
            elif at < first - _LONGEST_SCHEME or at >= last + _LONGEST_SCHEME:
                continue
            elif buffer.startswith(_WHOLE_SCHEME, max(0, at - _INTO_SCHEME[anchor])):
                starts.add(at - _INTO_SCHEME[anchor])
            elif _may_be_broken(buffer, at, _ANCHORS[anchor]):
                found = _SCHEME.finditer(buffer, max(0, at - _LONGEST_SCHEME), at + _LONGEST_SCHEME)
                starts.update(match.start() for match in found)
        return sorted(start for start in starts if first <= start < last)


@cache
def _automaton() -> Any:
    """Return what finds all anchors in one pass."""
    from ahocorasick_rs import BytesAhoCorasick

    return BytesAhoCorasick([*_ANCHORS, FILE_ANCHOR])


def _before(buffer: bytes, start: int) -> str:
    """Return what stands before ``start``, as far as it may tell the URL's role.

    A console may have broken that text too: where the URL is near the beginning of its line, the line before
    belongs to it, unless it names a URL of its own.
    """
    from_ = max(0, start - LONGEST_ROLE)
    begins = max(from_, buffer.rfind(b"\n", from_, start) + 1)
    here = _plain(buffer[begins:start])
    if len(here) > _SHORT_BEGINNING or begins <= from_ or said_role(here):
        return here
    above = _plain(buffer[max(from_, buffer.rfind(b"\n", from_, begins - 1) + 1) : begins - 1])
    return here if "://" in above or not above else f"{above}{' ' if not here else ''}{here}"


def _plain(line: bytes) -> str:
    """Return a line's text without borders, padding and the place at its right that rich adds."""
    return _PLACE.sub("", line.decode("utf-8", "replace").strip("\r │┃║|┆┊"))


def _may_be_broken(buffer: bytes, at: int, anchor: bytes) -> bool:
    """Whether a ``tinker://`` that a line's end breaks may stand around an anchor."""
    if anchor == b"nker:":
        return True
    return buffer[at - 1 : at] in _BEFORE_ANCHOR
