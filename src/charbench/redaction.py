"""Takes out of text what must not be stored or printed: secrets, and what no database can hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

_SECRET = re.compile(r"\b(tml|sk)-[A-Za-z0-9_\-]{6,}")
_USERINFO = re.compile(r"(?<=://)([^/\s:@]+):([^/\s@]+)@")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_HEADER = re.compile(r"(?i)\b(bearer|api[-_ ]?key[\"']?\s*[:=]\s*[\"']?)\s*[A-Za-z0-9_\-.]{12,}")


def redact(text: str) -> str:
    """Return ``text`` with API keys (``tml-...``, ``sk-...``, bearer tokens) and URL passwords hidden."""
    if "-" in text:
        text = _SECRET.sub(r"\1-[redacted]", text)
    if "://" in text:
        text = _USERINFO.sub(r"\1:[redacted]@", text)
    return _HEADER.sub(lambda match: f"{match.group(1)} [redacted]", text)


def hide_keys(text: str) -> str:
    """Return ``text`` with API keys hidden, and nothing else changed: for what a model wrote."""
    return _SECRET.sub(r"\1-[redacted]", text) if "tml-" in text or "sk-" in text else text


def storable(value: Any) -> Any:
    """Return ``value`` with half surrogate pairs and NULs in its text as U+FFFD; looks into JSON and dataclasses."""
    return map_text(value, lambda text: _UNSTORABLE.sub("\ufffd", text))


def redact_all(value: Any) -> Any:
    """Return a JSON-like value with secrets in its text hidden."""
    return map_text(value, redact)


def map_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return a JSON-like value, or a dataclass, with every text in it changed."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {map_text(name, change): map_text(item, change) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map_text(item, change) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: map_text(getattr(value, f.name), change) for f in fields(value)})
    return value
