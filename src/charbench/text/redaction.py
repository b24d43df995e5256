"""Takes out of text what must not be stored or printed: secrets, and what no database can hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

_SECRET = re.compile(
    # Tinker's: nothing but "html-" is written like it, so it is one even where it is glued to what stands before it.
    r"(?<![hH])(tml)-[A-Za-z0-9_\-.~+/=]{3,}"
    # OpenAI's: "risk-averse" is none. A key is a word of its own (after an escape or a percent sign too), or ends in
    # twenty letters and figures.
    r"|((?<![A-Za-z0-9])sk|(?<=\\[nrt])sk|(?<=%[0-9A-Fa-f]{2})sk|(?<=\x1b\[[0-9]m)sk|(?<=\x1b\[[0-9]{2}m)sk)"
    r"-[A-Za-z0-9_\-]{6,}"
    r"|(sk)-(?:[A-Za-z0-9]{2,8}-){0,2}(?=[A-Za-z_]*[0-9])[A-Za-z0-9_]{20,}"
)
_USERINFO = re.compile(r"(?<=://)([^/\s:@]+):([^/\s@]+)@")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_HEADER = re.compile(r"(?i)\b(bearer|api[-_ ]?key[\"']?\s*[:=]\s*[\"']?)\s*[A-Za-z0-9_\-.]{12,}")


_SHORTEST = 6
"""Characters of the shortest text that is hidden as a key: a shorter one would be hidden in ordinary words."""
_kept: set[str] = set()


def keep_secret(key: str) -> str:
    """Return ``key``, and hide it from now on wherever text is stored or printed, whatever it looks like.

    For components that read a key of their own: ``tml-...``, ``sk-...`` and bearer tokens are hidden anyway. Keys
    of fewer than six characters are not.
    """
    if len(key) >= _SHORTEST and key != "none":
        _kept.add(key)
    return key


def redact(text: str) -> str:
    """Return ``text`` with API keys hidden (``tml-...``, ``sk-...``, bearer tokens, those that
    :func:`keep_secret` knows), and passwords in URLs.
    """
    text = hide_keys(text)
    if "://" in text:
        text = _USERINFO.sub(r"\1:[redacted]@", text)
    return _HEADER.sub(lambda match: f"{match.group(1)} [redacted]", text)


def holds_key(text: str) -> bool:
    """Whether a key may stand in ``text``; asked of every sample, so it has to be fast."""
    return "tml-" in text or "sk-" in text or any(key in text for key in _kept)


def hide_keys(text: str) -> str:
    """Return ``text`` with API keys hidden, and nothing else changed: for what a model wrote."""
    if not holds_key(text):
        return text
    text = _SECRET.sub(lambda match: f"{match[1] or match[2] or match[3]}-[redacted]", text)
    for key in sorted(_kept, key=len, reverse=True):
        text = text.replace(key, "[redacted]")
    return text


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
