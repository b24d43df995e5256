"""Values of rows as every database can hold them, without the keys that somebody left in them."""

from __future__ import annotations

import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_KEY = re.compile(r"(?<![\w/])(sk|tml)-[A-Za-z0-9_\-]{12,}")


def without_keys(text: str) -> str:
    """Hide API keys that stand in a row, whoever wrote them there; paths that only look like one stay."""
    return _KEY.sub(r"\1-[redacted]", text) if "sk-" in text or "tml-" in text else text


def fit(value: Any, *, hide: bool = False) -> Any:
    """Return a JSON value that every database can hold: half surrogate pairs and NULs become U+FFFD.

    With ``hide``, keys in it are hidden too.
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", without_keys(value) if hide else value)
    if isinstance(value, list):
        return [fit(item, hide=hide) for item in value]
    if isinstance(value, dict):
        return {fit(str(name), hide=hide): fit(item, hide=hide) for name, item in value.items()}
    return value if value is None or isinstance(value, (int, float)) else str(value)  # Parquet has dates and bytes
