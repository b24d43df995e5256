"""Rows of a file, whatever holds them: JSON Lines, a JSON array or object, Parquet.

An array and JSON Lines are read piece by piece, in memory that a row's size decides; an object is read at once. What a
file is, its first characters tell, and not its name: many a ``train.json`` holds JSON Lines.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from charbench.text.bounded_files import LIMITS, FileFault, JsonLine, ReadLimits, is_within, read_json, read_jsonl

ROW_SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet")
"""Endings of the names of files that :func:`read_rows` reads."""
_LINE_SUFFIXES = (".jsonl", ".ndjson")
_PARQUET = b"PAR1"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BLOCK = 1 << 20
_CUT = 16
"""Characters from the end of what was read within which a fault may be that the rest is missing."""
_BATCH = 500
_SPACE = re.compile(r"\s*")
_BETWEEN = re.compile(r"[\s,]*")
_NOT_TEXT = re.compile("[\udc80-\udcff]")
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)


def read_rows(path: Path, limits: ReadLimits = LIMITS) -> Iterator[JsonLine]:
    """Yield a file's rows, each with the line it begins in (in Parquet and objects: its number), or a fault instead.

    A row is any JSON value; whether it is a mapping is for the caller to see. A fault of the file as a whole is the
    last row, and has the line 0 where there is none. Raises :class:`OSError` where the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(4)
    if head == _PARQUET or path.suffix.lower() == ".parquet":
        yield from _parquet_rows(path)
    elif (form := _json_form(path, limits)) == "array":
        with _text(path, head) as text:
            yield from _Array(text, limits).rows()
    elif form == "object":
        try:
            value = read_json(path, limits)
        except FileFault as fault:
            yield JsonLine(fault.line or 0, fault=fault)
        else:
            yield from (JsonLine(number, row) for number, row in enumerate(rows_of(value), 1))
    else:
        yield from read_jsonl(path, limits)


def rows_of(value: Any) -> Sequence[Any]:
    """Return the rows that a JSON value holds.

    They are a list's items; of an object, its longest list of objects; or its columns, as lists of one length or as
    pandas writes them (``{column: {"0": ..., "1": ...}}``). Of a summary of promptfoo they are its ``results``, which
    stand beside its prompts. Any other value is one row.
    """
    if isinstance(value, list):
        return value
    if not isinstance(value, dict) or not value:
        return [value]
    for summary in (value.get("results"), value):
        if isinstance(summary, dict) and "stats" in summary and isinstance(results := summary.get("results"), list):
            return results
    lists = [item for item in value.values() if isinstance(item, list) and item and isinstance(item[0], dict)]
    longest = max(lists, key=len, default=None)
    columns = list(value.values())
    if _are_columns(columns, list):
        return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]
    if _are_columns(columns, dict) and len({tuple(column) for column in columns}) == 1:
        return [{name: column[at] for name, column in value.items()} for at in columns[0]]
    return longest if longest is not None else [value]


def _are_columns(columns: Sequence[Any], kind: type) -> bool:
    """Whether there are at least two columns, and all are of one kind and length."""
    return len(columns) > 1 and all(isinstance(c, kind) for c in columns) and len({len(c) for c in columns}) == 1


def _json_form(path: Path, limits: ReadLimits) -> str:
    """Return ``array``, ``object`` or ``lines``."""
    with path.open("rb") as file:
        head = file.read(2)
    with _text(path, head) as text:
        first, rest = "", ""
        while not first.strip():
            if not (first := text.readline(_BLOCK)):
                return "lines"
        rest = text.read(1024).lstrip()
    opener = first.lstrip()[0]
    ends = first.rstrip()[-1]
    goes_on = bool(rest) and rest[0] not in ",]}"
    if opener == "[":
        return "lines" if ends == "]" and goes_on else "array"
    if opener != "{" or path.suffix.lower() in _LINE_SUFFIXES or (ends == "}" and goes_on):
        return "lines"
    return "lines" if len(first) == _BLOCK and _has_second_object(path, head, limits) else "object"


def _has_second_object(path: Path, head: bytes, limits: ReadLimits) -> bool:
    """Whether another object follows the first line, which is a long one."""
    with _text(path, head) as text:
        first = text.readline(limits.line_bytes)
        return first.rstrip().endswith("}") and text.read(1024).lstrip().startswith("{")


def _text(path: Path, head: bytes) -> TextIO:
    """Open a file of JSON as text; a byte that is no UTF-8 becomes a character that :data:`_NOT_TEXT` finds."""
    if head[:2] in _UTF16:
        return path.open(encoding="utf-16", errors="replace", newline="\n")
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n")


class _Array:
    """An array whose items are read one by one; a fault ends it, since nobody knows where the next item begins."""

    def __init__(self, file: TextIO, limits: ReadLimits) -> None:
        self._file = file
        self._limits = limits
        self._text = ""
        self._at = 0
        self._line = 1
        self._ended = False

    def rows(self) -> Iterator[JsonLine]:
        self._skip(_SPACE)
        self._at += 1  # the bracket
        while True:
            self._skip(_BETWEEN)
            if self._at >= len(self._text):
                yield self._fault("the array is not closed: the file is cut off")
                return
            if self._text[self._at] == "]":
                return
            try:
                yield self._item()
            except FileFault as fault:
                yield self._fault(f"{fault.reason}; nothing after it is read")
                return

    def _item(self) -> JsonLine:
        """Read an item. Raises :class:`FileFault` where its end cannot be told."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError:
                raise FileFault(f"nested more than {self._limits.depth:,} levels deep (max_depth)") from None
            except ValueError as error:
                if len(self._text) - self._at > self._limits.line_bytes:
                    raise FileFault(f"more than {self._limits.line_bytes:,} bytes (max_line_bytes)") from None
                if not (_is_cut(error, self._text) and self._fill()):
                    raise FileFault(f"not JSON: {getattr(error, 'msg', error)}") from None
                continue
            if end == len(self._text) and self._fill():
                continue  # a number may go on
            return self._read(value, end)

    def _read(self, value: Any, end: int) -> JsonLine:
        text, begin, line = self._text, self._at, self._line
        self._at = end
        self._line += text.count("\n", begin, end)
        if _NOT_TEXT.search(text, begin, end):
            return JsonLine(line, fault=FileFault("not UTF-8", line))
        opened = text.count("[", begin, end) + text.count("{", begin, end)
        if opened > self._limits.depth and not is_within(value, self._limits.depth):
            return JsonLine(
                line, fault=FileFault(f"nested more than {self._limits.depth:,} levels deep (max_depth)", line)
            )
        return JsonLine(line, value)

    def _fault(self, reason: str) -> JsonLine:
        return JsonLine(self._line, fault=FileFault(reason, self._line))

    def _skip(self, what: re.Pattern[str]) -> None:
        while True:
            match = what.match(self._text, self._at)
            assert match is not None  # it matches the empty string
            self._line += self._text.count("\n", self._at, match.end())
            self._at = match.end()
            if self._at < len(self._text) or not self._fill():
                return

    def _fill(self) -> bool:
        """Read on, as much again as is waiting; return whether there was more."""
        more = "" if self._ended else self._file.read(max(_BLOCK, len(self._text) - self._at))
        self._text, self._at, self._ended = self._text[self._at :] + more, 0, not more
        return bool(more)


def _is_cut(fault: ValueError, text: str) -> bool:
    """Whether a fault may be that the rest of an item was not read yet."""
    if not isinstance(fault, json.JSONDecodeError):
        return False
    return fault.msg.startswith("Unterminated string") or fault.pos >= len(text) - _CUT


def _parquet_rows(path: Path) -> Iterator[JsonLine]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        yield JsonLine(0, fault=FileFault("reading Parquet needs pyarrow: pip install 'charbench[parquet]'"))
        return
    number = 0
    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield JsonLine(number, row)
    except (ArrowException, ValueError, OverflowError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        yield JsonLine(number + 1 if number else 0, fault=FileFault(f"not Parquet: {lines[0]:.200}"))
