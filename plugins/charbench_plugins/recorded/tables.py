"""Files of rows: CSV in whatever delimiter and encoding, and JSONL.

Reading is lazy: a file of a million rows takes no more memory than one of ten.
"""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from charbench import FileFault, ReadLimits, parse_json, read_lines, read_rows
from charbench_plugins.row_files import known_cells
from charbench_plugins.storable_rows import fit, without_keys

DELIMITERS = ",;\t|"
_BLOCK = 1 << 20
_HEAD = 1 << 16
_TELLING = 4
"""Bytes that are not ASCII that there must be, for lines to be in a code page and not damaged."""
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CODE_PAGES = ["cp1252", "cp1250", "cp1251", "mac_roman", "shift_jis", "gb18030", "big5", "euc_kr"]
_READ_AS = "read as {}, as it is not UTF-8; the option source.recorded.encoding names another"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row, or a whole file, that cannot be read, and why; or what was odd about rows that can."""

    message: str
    line: int | None = None
    is_lost: bool = True
    """Whether what stands there is not read: False for what was only odd."""


@dataclass
class Notes:
    """What was odd about a file's rows: each thing once, with the first line that it is about."""

    _seen: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    _rows: Counter[str] = field(default_factory=Counter)

    def add(self, what: str, message: str, line: int | None = None) -> None:
        """Note a thing about one row, or about the file; ``message`` is that of the first row with this ``what``."""
        self._seen.setdefault(what, (message, line))
        self._rows[what] += 1

    def lines(self) -> Iterator[BadRow]:
        """Yield each thing, with how many rows it is about."""
        for what, (message, line) in self._seen.items():
            rows = self._rows[what]
            count = f" ({rows:,} {'row' if rows == 1 else 'rows'})" if line else ""
            yield BadRow(message + count, line, is_lost=False)


def csv_rows(
    path: Path,
    encoding: str | None,
    notes: Notes,
    names: Collection[str],
    fault: Callable[[Collection[str]], str | None],
    limits: ReadLimits,
) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Yield each row's line with its mapping, or with why it is none; ``names`` are known columns.

    The delimiter is the one by which the header holds most of them. ``fault`` says what a header lacks: nothing is
    read then. Raises :class:`LookupError` for an encoding
    that does not exist or cannot be told, and :class:`UnicodeDecodeError` where the text is not in it.
    """
    csv.field_size_limit(limits.line_bytes)
    if encoding is None:
        encoding = _encoding(path)
        if not encoding.startswith("utf"):
            notes.add("encoding", _READ_AS.format(encoding))
    errors = "replace" if encoding.startswith("utf-8") else "strict"
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        lines = map(_fit_line, _lines(file, limits))
        first = next(lines, None)
        if first is None:
            return
        delimiter = max(DELIMITERS, key=lambda mark: _known(first, mark, names))
        text = _Lines(first, lines)
        reader = csv.reader(text, delimiter=delimiter)
        header = [name.strip() for name in next(reader)]
        if lacking := fault(header):
            yield 1, lacking
            return
        width, line = len(header), reader.line_num + 1
        for row in reader:
            if text.ended:  # a whole row is given before the reader asks for another line
                yield line, "a quote that begins here is never closed; is the file cut off?"
            elif len(row) == width:
                yield line, dict(zip(header, row, strict=True))
            elif row:
                yield line, f"{len(row)} fields where the header has {width}; is the file cut off?"
            line = reader.line_num + 1


def _lines(file: TextIO, limits: ReadLimits) -> Iterator[str]:
    """Yield a file's lines; raises :class:`csv.Error`, as for a long field, where one is too long to be read whole."""
    while line := file.readline(limits.line_bytes + 1):
        if len(line) > limits.line_bytes:
            raise csv.Error("line larger than field limit")
        yield line


def _known(header: str, delimiter: str, names: Collection[str]) -> tuple[int, int]:
    return known_cells([name.strip().strip('"') for name in header.split(delimiter)], names)


class _Lines:
    """The first line and the rest; ``ended`` once all were given and another one was asked for."""

    def __init__(self, first: str, rest: Iterator[str]) -> None:
        self._lines = chain((first,), rest)
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        return line


def _encoding(path: Path) -> str:
    """Return a file's encoding: by its byte-order mark, UTF-8 where it is that, else what a detector finds."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        head = file.read(_BLOCK)
        if marked := next((name for mark, name in _MARKS if head.startswith(mark)), None):
            return marked
        block = head
        try:
            while block:
                if not block.isascii():
                    decoder.decode(block)
                block = file.read(_BLOCK)
        except UnicodeDecodeError:
            return _detected(head[:_HEAD] if not head.isascii() else block[:_HEAD])
    return "utf-8"


def _detected(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=_CODE_PAGES).best()
    if best is None or b"\0" in sample:
        raise LookupError("neither UTF-8 nor another encoding that is known; name it in source.recorded.encoding")
    # cp1250 differs from cp1252 in letters that English text lacks: a detector cannot tell them apart by its quotes.
    return "cp1252" if best.encoding == "cp1250" else best.encoding


def jsonl_rows(
    path: Path, encoding: str | None, notes: Notes, limits: ReadLimits
) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Yield each line's number with its mapping, or with why it is none."""
    decoded = _Decoder(path, encoding, notes)
    for line, text in read_lines(path, limits):
        if isinstance(text, FileFault):
            yield line, text.reason
            continue
        if not text.strip():
            continue
        try:
            row = parse_json(without_keys(decoded(text, line)), limits, line)
        except (UnicodeDecodeError, FileFault) as error:
            yield line, f"{error}" if isinstance(error, FileFault) else f"not JSON: {error}"
            continue
        if b"\\u" in text:  # only escapes can be half surrogate pairs or NULs
            row = fit(row)
        yield line, row if isinstance(row, dict) else f"found {type(row).__name__}; a mapping is needed"


class _Decoder:
    """Decodes lines of UTF-8; where the first of them that is not ASCII is no UTF-8, they are in a code page."""

    def __init__(self, path: Path, encoding: str | None, notes: Notes) -> None:
        self._path = path
        self._encoding = encoding
        self._notes = notes

    def __call__(self, text: bytes, line: int) -> str:
        if self._encoding is None and not text.isascii():
            self._encoding = self._told_by(text)
        encoding = self._encoding or "utf-8"
        return text.decode("utf-8-sig" if line == 1 and encoding == "utf-8" else encoding)

    def _told_by(self, text: bytes) -> str:
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            with self._path.open("rb") as file:
                head = file.read(_HEAD)
            sample = text[:_HEAD] if head.isascii() else head
            if sum(byte > 127 for byte in sample) < _TELLING:
                return "utf-8"
            try:
                encoding = _detected(sample)
            except LookupError:
                return "utf-8"
            self._notes.add("encoding", _READ_AS.format(encoding))
            return encoding
        return "utf-8"


def json_rows(path: Path, limits: ReadLimits) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Yield the rows of a JSON or Parquet file, each with its line, or with why it is no mapping."""
    for row in read_rows(path, limits):
        if row.fault:
            yield row.number, row.fault.reason
        elif isinstance(row.value, dict):
            yield row.number, fit(row.value, hide=True)
        else:
            yield row.number, f"found {type(row.value).__name__}; a mapping is needed"


def _fit_line(line: str) -> str:
    """Return a line of CSV without NULs and keys; decoding has left no half surrogate pairs in it."""
    return without_keys(line.replace("\x00", "\ufffd") if "\x00" in line else line)
