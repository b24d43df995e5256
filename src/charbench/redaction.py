"""Takes secrets out of text before it is stored or printed."""

from __future__ import annotations

import re

_SECRET = re.compile(r"\b(tml|sk)-[A-Za-z0-9_\-]{6,}")
_USERINFO = re.compile(r"(?<=://)([^/\s:@]+):([^/\s@]+)@")
_HEADER = re.compile(r"(?i)\b(bearer|api[-_ ]?key[\"']?\s*[:=]\s*[\"']?)\s*[A-Za-z0-9_\-.]{12,}")


def redact(text: str) -> str:
    """Return ``text`` with API keys (``tml-...``, ``sk-...``, bearer tokens) and URL passwords hidden."""
    if "-" in text:
        text = _SECRET.sub(r"\1-[redacted]", text)
    if "://" in text:
        text = _USERINFO.sub(r"\1:[redacted]@", text)
    return _HEADER.sub(lambda match: f"{match.group(1)} [redacted]", text)
