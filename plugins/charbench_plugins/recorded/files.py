"""Recorded samples as files of rows hold them, under charbench's names or others."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from charbench import (
    LAB_COLUMNS,
    OWN_COLUMNS,
    Completion,
    Failure,
    Message,
    Prompt,
    ReadLimits,
    UnusableRow,
    Usage,
    as_written,
    redact,
)
from charbench_plugins.exchanges import RESPONSE_ID
from charbench_plugins.recorded.columns import THINKING_COLUMNS, URI_COLUMNS, Reading, messages_text
from charbench_plugins.recorded.tables import BadRow, Notes, csv_rows, json_rows, jsonl_rows

MARK_COLUMN = "formula_mark"
"""Where charbench's CSV says that texts which would be formulas are marked."""
_ABSENT = frozenset({"nan", "none", "null", "n/a", "na", "<na>", "nat", "undefined"})
"""How tables write that there is nothing."""
_OWN_KEY = re.compile(r"[0-9a-f]{32}")
_SLUG_LENGTH = 40
_SLACK = 2
_MOST_DIGITS = 15
"""Characters by which a length may differ: white space that was stripped."""
_LONGEST = 500
_SHORT = (
    *URI_COLUMNS,
    "checkpoint_name",
    "persona",
    "base_model",
    "prompt_id",
    "prompt_family",
    "language",
    "condition",
)
_MOST = 2**31 - 1
_KNOWN = {*LAB_COLUMNS, *OWN_COLUMNS, *URI_COLUMNS, *THINKING_COLUMNS, "scores", MARK_COLUMN, RESPONSE_ID} - {"source"}
"""Columns that are read; others are kept as they are, ``source`` (who found the checkpoint) among them."""
_SAYS = (
    "prompt_id", "prompt_family", "language", "response", "thinking", "raw", "raw_reasoning", "prefill",
    "finish_reason", "prompt_tokens", "completion_tokens", "reasoning_tokens", "max_tokens", "latency_seconds",
    "error_kind", "error", "timestamp",
)  # fmt: skip
"""Columns that decide what is stored of a sample, besides what its key is made of."""
_TELLING = ("seed", "sample_id", "sample_index", "sample_idx", "repeat", "repetition", "replicate", "rollout", "trial")
"""Columns by which rows of several files that are alike otherwise are different samples."""
_COUNTS = ("prompt_tokens", "completion_tokens", "reasoning_tokens")
_NO_USAGE = Usage()
_LENGTHS = (("response", "response_length"), ("thinking", "thinking_length"))
_CELLS = frozenset({*LAB_COLUMNS, *OWN_COLUMNS, *URI_COLUMNS})
"""Names by which the header of a CSV is known, whatever stands between them."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One row."""

    uri: str
    name: str
    persona: str
    kind: str
    base_model: str
    prompt: Prompt
    completion: Completion
    identity: str
    epoch: int
    condition: str
    key: str | None
    line: int
    says: str
    """A digest of all that the row says of the sample."""


_LIMITS = ReadLimits()
_AS_IT_IS = Reading()
TABLES = (".csv", ".tsv")
"""Endings of the names of files that hold rows in lines of cells."""


def read_recordings(
    path: Path, reading: Reading = _AS_IT_IS, limits: ReadLimits = _LIMITS
) -> Iterator[Recording | BadRow]:
    """Yield a file's rows, then what was odd about it, each thing once."""
    notes = Notes()
    try:
        if path.suffix.lower() in (".jsonl", ".ndjson"):
            rows = jsonl_rows(path, reading.encoding, notes, limits)
        elif path.suffix.lower() in (".json", ".parquet"):
            rows = json_rows(path, limits)
        else:
            names = {*_CELLS, *THINKING_COLUMNS, *reading.names()}
            rows = csv_rows(path, reading.encoding, notes, names, reading.missing, limits)
        counter = _Repeats()
        for line, row in rows:
            for one in (row,) if isinstance(row, str) or reading.is_standard(row) else reading.rows(row):
                yield _read(one, line, reading, counter, notes)
        yield from notes.lines()
    except LookupError as error:
        yield BadRow(f"cannot be read: {error}")
    except UnicodeDecodeError as error:
        yield BadRow(f"cannot be read: {error}; name its encoding in the option source.recorded.encoding")
    except OSError as error:
        yield BadRow(f"cannot be read: {error.strerror or error}")
    except csv.Error as error:
        if "field limit" in str(error):
            yield BadRow(
                f"a line or a field of more than {limits.line_bytes:,} bytes (max_line_bytes); nothing after it is read"
            )
        else:
            yield BadRow(f"not CSV: {error}")


def _read(
    row: Mapping[str, Any] | str, line: int, reading: Reading, repeats: _Repeats, notes: Notes
) -> Recording | BadRow:
    if isinstance(row, str):
        return BadRow(row, line)
    if reading.is_standard(row):
        return _recording(_present(row), line, reading, repeats, notes)
    if missing := reading.missing(row):
        return BadRow(missing, line)
    try:
        return _recording(_present(reading.standard(row)), line, reading, repeats, notes)
    except UnusableRow as error:
        return BadRow(str(error), line)


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without the fields that say that there is nothing; thinking and family have one name each."""
    kept = {name: value for name, value in _as_written(row).items() if _is_there(value)}
    if thinking := next((kept[name] for name in THINKING_COLUMNS if kept.get(name)), None):
        kept["thinking"] = thinking
    if "family" in kept and "prompt_family" not in kept:
        kept["prompt_family"] = kept.pop("family")
    return kept


def _as_written(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row without the marks that :func:`charbench.as_written` knows, if it says that it has them."""
    if row.get(MARK_COLUMN) != "'":
        return row
    return {as_written(name): as_written(value) if isinstance(value, str) else value for name, value in row.items()}


def _is_there(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) > 9 or (value != "" and value.strip().lower() not in _ABSENT)
    return value is not None and bool(value == value)


class _Repeats:
    """Counts rows that are alike and carry nothing (a time, an epoch, a key) that tells them apart."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def number(self, identity: str) -> int:
        count = self.seen.get(identity, 0)
        self.seen[identity] = count + 1
        return count


def _recording(
    row: Mapping[str, Any], line: int, reading: Reading, repeats: _Repeats, notes: Notes
) -> Recording | BadRow:
    uri = next((reading.uri_or_folder(str(row[name])) for name in URI_COLUMNS if row.get(name)), "")
    try:
        prompt = row.get("prompt")
        prompt_text = messages_text(prompt) if isinstance(prompt, tuple) else _text(prompt)
        completion = _completion(row, line, notes)
        epoch = _optional(_whole, row, "epoch", line, notes) or 0
    except (ValueError, TypeError) as error:
        return BadRow(f"{error}", line)
    if not uri or not prompt_text:
        return BadRow("no sampler_path in it" if not uri else "no prompt in it", line)
    for name in _SHORT:
        if (short := row.get(name)) and len(str(short)) > _LONGEST:
            return BadRow(f"{name}: {len(str(short)):,} characters; at most {_LONGEST:,} can be kept", line)
    message = completion.failure.message if completion.failure else None
    key = str(row.get("key") or "")
    is_bare = not row.get("timestamp") and not row.get("epoch") and not key
    apart = [f"{name} {row[name]}" for name in _TELLING if name in row] if is_bare else []
    if RESPONSE_ID in row:
        apart.append(str(row[RESPONSE_ID]))
        is_bare = False
    identity = _identity(
        uri, prompt_text, row.get("timestamp"), epoch, completion.response, completion.thinking, message, *apart
    )
    if is_bare:
        epoch = repeats.number(identity)
    return Recording(
        uri=uri,
        name=str(row.get("checkpoint_name") or ""),
        persona=str(row.get("persona") or ""),
        kind=str(row.get("checkpoint_type") or "").lower(),
        base_model=str(row.get("base_model") or ""),
        prompt=_prompt(
            prompt if isinstance(prompt, tuple) else prompt_text,
            str(row.get("prompt_id") or ""),
            str(row.get("prompt_family") or "general"),
            str(row.get("language") or "en"),
        ),
        completion=completion,
        identity=identity,
        epoch=epoch,
        condition=str(row.get("condition") or "default"),
        key=key if _OWN_KEY.fullmatch(key) else None,
        line=line,
        says=_says(row),
    )


def _says(row: Mapping[str, Any]) -> str:
    """Return a digest of the row's fields that are stored, in whatever order its columns are."""
    parts = [f"{name}\0{value}" for name in _SAYS if (value := row.get(name)) is not None]
    return hashlib.blake2b("\0\0".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()


def _identity(*parts: str | int | None) -> str:
    """Return a hash of what makes a row itself; a field that is empty and one that is missing are the same."""
    joined = "\0".join(str(part or "") for part in parts)  # no part holds a NUL: see _text
    return hashlib.blake2b(joined.encode("utf-8", "replace"), digest_size=16).hexdigest()


@lru_cache(maxsize=4096)
def _prompt(asked: str | tuple[Message, ...], prompt_id: str, family: str, language: str) -> Prompt:
    if isinstance(asked, str):
        return replace(Prompt.from_text(asked, prompt_id, family), language=language)
    last = next((turn.content for turn in reversed(asked) if turn.role == "user"), "")
    named = Prompt.from_text(last, prompt_id, family)
    return replace(named, messages=asked, language=language)


def _completion(row: Mapping[str, Any], line: int, notes: Notes) -> Completion:
    error = _text(row.get("error"))
    _check_lengths(row, line, notes)
    thinking, response = _text(row.get("thinking")), _text(row.get("response"))
    return Completion(
        text=_text(row["raw"]) if row.get("raw") else None,
        reasoning=_text(row["raw_reasoning"]) if row.get("raw_reasoning") else None,
        response=response,
        thinking=thinking,
        prefill=_text(row.get("prefill")),
        finish_reason=str(row["finish_reason"])[:_SLUG_LENGTH] if row.get("finish_reason") else None,
        usage=_usage(row, line, notes),
        max_tokens=_optional(_whole, row, "max_tokens", line, notes),
        latency=_optional(_seconds, row, "latency_seconds", line, notes),
        failure=Failure(str(row.get("error_kind") or "recorded")[:_SLUG_LENGTH], redact(error)) if error else None,
        sampled_at=_optional(_date, row, "timestamp", line, notes),
        extra={}
        if _KNOWN.issuperset(row)
        else {name: value for name, value in row.items() if name not in _KNOWN and value != ""},
    )


def _usage(row: Mapping[str, Any], line: int, notes: Notes) -> Usage:
    if not any(name in row for name in _COUNTS):
        return _NO_USAGE
    return Usage(*(_optional(_whole, row, name, line, notes) for name in _COUNTS))


T = TypeVar("T")


def _optional(
    read: Callable[[Mapping[str, Any], str], T | None], row: Mapping[str, Any], name: str, line: int, notes: Notes
) -> T | None:
    """Return a field that a sample can do without; one that cannot be read is None, and noted."""
    if name not in row:
        return None
    try:
        return read(row, name)
    except ValueError as error:
        notes.add(name, f"{error}; the field is left out", line)
        return None


def _check_lengths(row: Mapping[str, Any], line: int, notes: Notes) -> None:
    """Note where a row says that its text was longer than what stands in it.

    Thinking may stand inside the response's cell: what one text lacks and the other has more than it says is not lost.
    """
    for name, length in _LENGTHS:
        said = _characters(row.get(length))
        if said is None or said <= (found := len(str(row.get(name, "")))) + _SLACK:
            continue
        others = [
            len(str(row.get(one, ""))) - more
            for one, other in _LENGTHS
            if one != name and (more := _characters(row.get(other))) is not None
        ]
        if said > found + sum(more for more in others if more > 0) + _SLACK:
            told = f"{length} says {said:,} characters where {found:,} stand: the file was truncated"
            notes.add(length, told, line)


def _characters(value: Any) -> int | None:
    """Return a number of characters; None where none is said."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"found {type(value).__name__} where text is needed")
    return value


def _number(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}: found {str(value)[:60]!r}; a number is needed") from None
    return number if number == number and abs(number) != float("inf") else None


def _seconds(row: Mapping[str, Any], name: str) -> float | None:
    number = _number(row, name)
    if number is not None and number < 0:
        raise ValueError(f"{name}: found {str(row[name])[:60]!r}; a number of seconds from 0 is needed")
    return number


def _whole(row: Mapping[str, Any], name: str) -> int | None:
    number = _number(row, name)
    if number is None:
        return None
    if not (number.is_integer() and 0 <= number <= _MOST):
        raise ValueError(f"{name}: found {str(row[name])[:60]!r}; a whole number from 0 to {_MOST:,} is needed")
    return int(number)


def _date(row: Mapping[str, Any], name: str) -> datetime | None:
    value = row.get(name)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(str(value))
        return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise ValueError(f"{name}: found {value!r:.60}; a time such as 2024-12-12T09:11:22 is needed") from None
