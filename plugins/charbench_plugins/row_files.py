"""What a lab's files of rows hold, as their first rows tell: for the sources of training data and of recordings."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from charbench import (
    Contents,
    Finding,
    Holds,
    LabFile,
    ReadLimits,
    RecordedFile,
    RecordedSample,
    SourceProblem,
    column_names,
    contents_of,
    read_rows,
    spelling,
)
from charbench_plugins.exchanges import exchange
from charbench_plugins.own_columns import own_columns

ROWS = frozenset({".jsonl", ".ndjson", ".json", ".parquet"})
TABLES = frozenset({".csv", ".tsv"})
DELIMITERS = ",;\t|"
_LOOKED_AT = 20
_LIMITS = ReadLimits(file_bytes=32 << 20)
_KEYS = re.compile(
    r'(?i)"(?:messages|conversations?|prompt[\w ]*|question[\w ]*|instruction|query|input|user[\w ]*|chosen|comparison'
    r'|human[\w ]*|ask(?:s|ed)?|contents|sampler_path|custom_id|req(?:uest)?(?:_?body|_?payload)?)"\s*:'
)
_ANSWERS = r"[\w ]{0,60}(?:response|answer|completion|generation|output|reply)s?|generated[\w ]*|predict\w*"
_PAIRED = re.compile(
    rf'(?i)"(?:messages|conversations?|chosen|comparison|choices|samples|text|{_ANSWERS}|response_text'
    r"|model[_ ]\w+|assistant[\w ]*|(?:bot|ai|llm|gpt)(?:[A-Z_ ]\w*)?|result|custom_id"
    r'|resp(?:onse)?_?(?:body|payload)?)"\s*:'
)
"""Names of what is answered, or of both at once."""
_LINES = frozenset({".jsonl", ".ndjson"})
_ENDS_OF_QUESTIONS = ('?"', '\uff1f"', '\u061f"', '\\uff1f"', '\\u061f"')
"""A question mark before a quote; those of other scripts as they are, or as JSON escapes them."""
_LIST_OF_OBJECTS = re.compile(r"\[\s*\{")
_LARGE = 4 << 20
"""Objects are read at once: of larger ones only those whose names are known."""
_INSPECT = re.compile(r'\A\s*\{\s*"version"\s*:\s*\d.*"(?:run_id|task_id)"\s*:', re.DOTALL)
_NAMES = column_names()
_OWN_NAMES = frozenset({"prompt", "response", "sampler_path"})
_OTHER = Contents(Holds.OTHER)
_PACKED = Contents(Holds.UNCLEAR, reason="seems to hold rows, and is packed: to have it read, unpack it with gunzip -k")


def folded(names: Sequence[str], known: Collection[str]) -> list[str]:
    """Return a header's names, those of a spreadsheet ("Model Name") as the known ones that they are (model_name).

    A name is as it was where it is known itself, where it is none of ``known`` when folded either, or where another
    column has that name.
    """
    taken = {*names}
    found = []
    for name in names:
        plain = spelling(name) if isinstance(name, str) else name  # a Parquet file's may be a number
        takes = name not in known and plain in known and plain not in taken
        taken |= {plain} if takes else set()
        found.append(plain if takes else name)
    return found


def known_cells(names: Sequence[str], known: Collection[str]) -> tuple[int, int]:
    """Return how many cells of a header are known, and how many are when they are folded."""
    return len({*names} & {*known}), len({*folded(names, known)} & {*known})


def contents_of_file(file: LabFile) -> Contents:
    """Return what a file's first rows say that it holds; that it holds something else where they cannot be read."""
    if file.name.lower().endswith(".gz"):
        return _PACKED if _seems_to_hold_rows(file) else _OTHER
    if file.suffix in TABLES:
        rows = list(_cells(file))
        return _told_by(rows) if rows else _OTHER
    if file.suffix not in ROWS:
        return _OTHER
    if file.suffix != ".parquet" and not _may_hold_rows(file):
        return _OTHER
    return _contents(file.path, file.size, file.mtime_ns)


def _may_hold_rows(file: LabFile) -> bool:
    """Whether the first bytes of a file of JSON name what rows have, or hold questions under other names."""
    text = file.text
    if _INSPECT.match(text):
        return False
    if any(end in text for end in _ENDS_OF_QUESTIONS):
        is_array = text.lstrip("\ufeff \r\n\t").startswith("[")
        if file.suffix in _LINES or is_array or (file.size <= _LARGE and _LIST_OF_OBJECTS.search(text)):
            return True
    is_whole = file.size <= len(file.head)
    return bool(_KEYS.search(text)) and not (is_whole and not _PAIRED.search(text))


def _seems_to_hold_rows(file: LabFile) -> bool:
    """Whether a packed file begins as one with samples or training data does."""
    if file.suffix in TABLES:
        return contents_of(list(_cells(file))).holds is not Holds.OTHER
    if file.suffix not in ROWS or _INSPECT.match(file.text):
        return False
    return bool(_KEYS.search(file.text) and _PAIRED.search(file.text))


def recordings_of(file: LabFile, findings: Iterable[Finding]) -> Iterator[RecordedSample | RecordedFile]:
    """Yield a file's samples alone, and then whether they were all of it: nothing of it was a problem."""
    samples = problems = 0
    for finding in findings:
        problems += isinstance(finding, SourceProblem)
        if isinstance(finding, RecordedSample):
            samples += 1
            yield finding
    yield RecordedFile(file.shown, whole=samples > 0 and not problems)


@lru_cache(maxsize=4096)
def _contents(path: Path, _size: int, _mtime_ns: int) -> Contents:
    try:
        return _told_by([row.value for row in islice(read_rows(path, _LIMITS), _LOOKED_AT) if not row.fault])
    except OSError:
        return _OTHER


def _told_by(rows: Sequence[Any]) -> Contents:
    """Return what rows say that they are: those that hold requests with responses are recordings too."""
    if any(isinstance(row, dict) and exchange(row) is not None for row in rows):
        return Contents(Holds.RECORDINGS)
    contents = contents_of(rows)
    if contents.holds is Holds.OTHER and any(isinstance(row, dict) and row.keys() >= _OWN_NAMES for row in rows):
        return Contents(Holds.RECORDINGS)  # whose first answers are all empty
    if contents.holds is Holds.OTHER and (columns := own_columns(rows)):
        return Contents(Holds.UNCLEAR, reason=columns)
    return contents


def _cells(file: LabFile) -> Iterator[dict[str, Any]]:
    """Yield the rows that the first bytes of a table hold; where they hold the header alone, one in its place."""
    text = (file.text or file.head.decode("latin-1")).removeprefix("\ufeff")
    first = text.partition("\n")[0]
    delimiter = max(
        DELIMITERS, key=lambda mark: known_cells([cell.strip(' "\r') for cell in first.split(mark)], _NAMES)
    )
    try:
        read = list(
            islice(csv.reader(text.replace("\0", " ").splitlines(keepends=True), delimiter=delimiter), _LOOKED_AT)
        )
    except csv.Error:
        return
    header = [name.strip() for name in read[0]] if read else []
    may_be_cut = file.size > len(file.head) and len(read) < _LOOKED_AT
    whole = [row for row in read[1 : -1 if may_be_cut else None] if len(row) == len(header)]
    if not whole and len(read) == 2 and len(read[1]) == len(header):
        whole = [read[1]]
    if not whole:
        yield dict.fromkeys(header, "?")
    yield from (dict(zip(header, row, strict=True)) for row in whole)
