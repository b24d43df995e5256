"""Keys: what makes two items the same item. Planning is set difference over them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

KEY_LENGTH = 32
"""Hexadecimal characters in a key (128 bits)."""


def digest(*parts: Any) -> str:
    """Return a key over JSON-like values: equal values give equal keys, in every process and version."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY_LENGTH // 2).hexdigest()


def _plain(value: Any) -> Any:
    if hasattr(value, "value"):
        return value.value
    return str(value)
