"""Makes foreign text fit to be shown: it may say what it likes, and command nothing."""

from __future__ import annotations

import re
import unicodedata

_KEPT = {"\n", "\t"}
_BIDI = {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"}


def sanitize(text: str) -> str:
    """Return text with control characters and direction overrides made visible: ``\\x1b`` for an escape."""
    if text.isprintable():
        return text
    return "".join(
        char
        if char in _KEPT or (unicodedata.category(char) not in ("Cc", "Cs") and char not in _BIDI)
        else char.encode("unicode_escape").decode()
        for char in text
    )


_UNSEEN = re.compile("[\x7f-\x9f\ud800-\udfff" + "".join(sorted(_BIDI)) + "]")


def sanitize_json(text: str) -> str:
    """Return JSON with what a terminal would obey, or not be able to print, written as ``\\u009b``: the same JSON."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


_COMMANDS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff" + "".join(sorted(_BIDI)) + "]")


def harmless_output(text: str) -> str:
    """Return text of any format with what a terminal would obey written as ``\\u001b``; line ends stay as they are."""
    return _COMMANDS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
