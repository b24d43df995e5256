"""The form of recorded samples: the lab's columns, and charbench's own after them.

Reading is lazy: a file of a million rows takes no more memory than one of ten.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from charbench import Completion, Failure, FileFault, Prompt, ReadLimits, Usage, parse_json, read_lines, redact

REQUIRED = ("prompt", "response")
URI_COLUMNS = ("sampler_path", "checkpoint", "uri")
LAB_COLUMNS = frozenset(
    [
        "timestamp",
        "checkpoint_name",
        "persona",
        "checkpoint_type",
        "base_model",
        "prompt_id",
        "prompt",
        "response",
        "thinking",
        "latency_seconds",
        "error",
        "response_length",
        "thinking_length",
    ]
)
OWN_COLUMNS = frozenset(
    [
        "key",
        "epoch",
        "condition",
        "prompt_family",
        "language",
        "state",
        "finish_reason",
        "prompt_tokens",
        "completion_tokens",
        "reasoning_tokens",
        "max_tokens",
        "prefill",
        "raw",
        "raw_reasoning",
        "error_kind",
        "sampler",
    ]
)
_LIMITS = ReadLimits()
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_KEY = re.compile(r"(?<![\w/])(sk|tml)-[A-Za-z0-9_\-]{12,}")
_OWN_KEY = re.compile(r"[0-9a-f]{32}")
_SLUG_LENGTH = 40
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
_KNOWN = LAB_COLUMNS | OWN_COLUMNS | {*URI_COLUMNS, "scores"}


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


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row, or a whole file, that cannot be read, and why."""

    message: str
    line: int | None = None


def read_recordings(path: Path, limits: ReadLimits = _LIMITS) -> Iterator[Recording | BadRow]:
    """Yield a file's rows, and what cannot be read of it."""
    try:
        rows = _jsonl_rows(path, limits) if path.suffix == ".jsonl" else _csv_rows(path, limits)
        counter = _Repeats()
        for line, row in rows:
            if isinstance(row, str):
                yield BadRow(row, line)
            else:
                yield _recording(row, line, counter)
    except OSError as error:
        yield BadRow(f"cannot be read: {error.strerror or error}")
    except csv.Error as error:
        if "field limit" in str(error):
            yield BadRow(
                f"a line or a field of more than {limits.line_bytes:,} bytes (max_line_bytes); nothing after it is read"
            )
        else:
            yield BadRow(f"not CSV: {error}")


def _csv_rows(path: Path, limits: ReadLimits) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    csv.field_size_limit(limits.line_bytes)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(map(_fit_line, _lines(file, limits)))
        header = next(reader, None)
        if header is None:
            return
        if missing := _missing(header):
            yield 1, missing
            return
        width = len(header)
        line = reader.line_num + 1
        for row in reader:
            if len(row) == width:
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


def _jsonl_rows(path: Path, limits: ReadLimits) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    for line, text in read_lines(path, limits):
        if isinstance(text, FileFault):
            yield line, text.reason
            continue
        if not text.strip():
            continue
        try:
            row = parse_json(_without_keys(text.decode("utf-8-sig" if line == 1 else "utf-8")), limits, line)
        except (UnicodeDecodeError, FileFault) as error:
            yield line, f"{error}" if isinstance(error, FileFault) else f"not JSON: {error}"
            continue
        if b"\\u" in text:  # only escapes can be half surrogate pairs or NULs
            row = _fit(row)
        if not isinstance(row, dict):
            yield line, f"found {type(row).__name__}; a mapping is needed"
        elif missing := _missing(row):
            yield line, missing
        else:
            yield line, {name: value for name, value in row.items() if value is not None}


def _missing(names: Any) -> str | None:
    lacking = [name for name in REQUIRED if name not in names]
    if not any(name in names for name in URI_COLUMNS):
        lacking.append("sampler_path")
    return f"no column {', '.join(lacking)}; this is no file of recorded samples" if lacking else None


class _Repeats:
    """Counts rows that are alike and carry nothing (a time, an epoch, a key) that tells them apart."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def number(self, identity: str) -> int:
        count = self.seen.get(identity, 0)
        self.seen[identity] = count + 1
        return count


def _recording(row: Mapping[str, Any], line: int, repeats: _Repeats) -> Recording | BadRow:
    uri = next((str(row[name]) for name in URI_COLUMNS if row.get(name)), "")
    try:
        prompt_text = _text(row.get("prompt"))
        completion = _completion(row)
        epoch = _whole(row, "epoch") or 0
    except (ValueError, TypeError) as error:
        return BadRow(f"{error}", line)
    if not uri or not prompt_text:
        return BadRow("no sampler_path in it" if not uri else "no prompt in it", line)
    if long := next((name for name in _SHORT if len(str(row.get(name) or "")) > _LONGEST), None):
        return BadRow(f"{long}: {len(str(row[long])):,} characters; at most {_LONGEST:,} can be kept", line)
    message = completion.failure.message if completion.failure else None
    identity = _identity(
        uri, prompt_text, row.get("timestamp"), epoch, completion.response, completion.thinking, message
    )
    key = str(row.get("key") or "")
    if not row.get("timestamp") and not row.get("epoch") and not key:
        epoch = repeats.number(identity)
    return Recording(
        uri=uri,
        name=str(row.get("checkpoint_name") or ""),
        persona=str(row.get("persona") or ""),
        kind=str(row.get("checkpoint_type") or "").lower(),
        base_model=str(row.get("base_model") or ""),
        prompt=_prompt(
            prompt_text,
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
    )


def _identity(*parts: str | int | None) -> str:
    """Return a hash of what makes a row itself; a field that is empty and one that is missing are the same."""
    joined = "\0".join(str(part or "") for part in parts)  # no part holds a NUL: see _text
    return hashlib.blake2b(joined.encode("utf-8", "replace"), digest_size=16).hexdigest()


@lru_cache(maxsize=4096)
def _prompt(text: str, prompt_id: str, family: str, language: str) -> Prompt:
    return replace(Prompt.from_text(text, prompt_id, family), language=language)


def _completion(row: Mapping[str, Any]) -> Completion:
    error = _text(row.get("error"))
    thinking, response = _text(row.get("thinking")), _text(row.get("response"))
    return Completion(
        text=_text(row["raw"]) if row.get("raw") else None,
        reasoning=_text(row["raw_reasoning"]) if row.get("raw_reasoning") else None,
        response=response,
        thinking=thinking,
        prefill=_text(row.get("prefill")),
        finish_reason=str(row["finish_reason"])[:_SLUG_LENGTH] if row.get("finish_reason") else None,
        usage=Usage(*(_whole(row, name) for name in ("prompt_tokens", "completion_tokens", "reasoning_tokens"))),
        max_tokens=_whole(row, "max_tokens"),
        latency=_number(row, "latency_seconds"),
        failure=Failure(str(row.get("error_kind") or "recorded")[:_SLUG_LENGTH], redact(error)) if error else None,
        sampled_at=_date(row.get("timestamp")),
        extra={name: value for name, value in row.items() if name not in _KNOWN and value != ""},
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"found {type(value).__name__} where text is needed")
    return value


def _fit_line(line: str) -> str:
    """Return a line of CSV without NULs and keys; decoding has left no half surrogate pairs in it."""
    return _without_keys(line.replace("\x00", "\ufffd") if "\x00" in line else line)


def _without_keys(text: str) -> str:
    """Hide API keys that stand in a row, whoever wrote them there; paths that only look like one stay."""
    return _KEY.sub(r"\1-[redacted]", text) if "sk-" in text or "tml-" in text else text


def _fit(value: Any) -> Any:
    """Return a JSON value that every database can hold: half surrogate pairs and NULs become U+FFFD."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_fit(item) for item in value]
    if isinstance(value, dict):
        return {_fit(name): _fit(item) for name, item in value.items()}
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


def _whole(row: Mapping[str, Any], name: str) -> int | None:
    number = _number(row, name)
    if number is None:
        return None
    if not (number.is_integer() and 0 <= number <= _MOST):
        raise ValueError(f"{name}: found {row[name]!r}; a whole number from 0 to {_MOST:,} is needed")
    return int(number)


def _date(value: Any) -> datetime | None:
    if not value:
        return None
    try:
        found = datetime.fromisoformat(str(value))
        return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise ValueError(f"timestamp: found {value!r}; a time such as 2024-12-12T09:11:22 is needed") from None
