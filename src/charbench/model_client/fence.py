"""Other people's text as data in a prompt: fenced in, and escaped."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata

_SPECIAL = re.compile(r"<|\[(?=/?[A-Z]{3,})")
"""Where a chat template's own marks may begin (``<|im_end|>``, ``</s>``, ``[INST]``): never sent as such."""
_SHOWN = {"\u200d", "\ufe0f"}
"""Invisible, but parts of emoji."""


class Fence:
    """The line before and after data in a prompt; no text can hold the fence that is made from it.

    Make one from all texts of a prompt that others wrote, tell the model that what stands between two such lines
    (:attr:`line`) is data, and put each text in by calling the fence.
    """

    def __init__(self, *texts: str) -> None:
        content = "\0".join(texts).encode("utf-8", "surrogatepass")
        self.line = f"=====DATA-{hashlib.blake2b(content, digest_size=10, person=b'charbench-fence').hexdigest()}====="

    def __call__(self, text: str) -> str:
        """Return ``text`` as data: one JSON string between two fences."""
        return f"{self.line}\n{escaped(text)}\n{self.line}"


def escaped(text: str) -> str:
    """Return ``text`` as a JSON string on one line in which nothing is invisible and no template's mark is whole."""
    quoted = without_marks(json.dumps(text, ensure_ascii=False))
    if quoted.isprintable():
        return quoted
    return "".join(char if char.isprintable() or char in _SHOWN else _as_escape(char) for char in quoted)


def without_marks(text: str) -> str:
    """Return ``text`` with the beginning of what may be a template's mark escaped, as JSON does it."""
    return _SPECIAL.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def _as_escape(char: str) -> str:
    if unicodedata.category(char) == "Cs":
        return "\\ufffd"
    return json.dumps(char)[1:-1]
