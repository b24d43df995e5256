"""The form of a Tinker key: what can be told before anybody is asked."""

from __future__ import annotations

import re

_KEY = re.compile(r"tml-[!-~]{4,}")
"""What a header can carry: ASCII without white space."""


def fault_of_tinker_key(key: str) -> str | None:
    """Return what is wrong with a key's form, None if nothing is; the key itself is not in it."""
    if not key.startswith("tml-"):
        return "it must start with tml-"
    if _KEY.fullmatch(key):
        return None
    if any(character.isspace() for character in key):
        return "there is white space inside it; copy it as one word"
    if not key.isascii() or not key.isprintable():
        return "there is a character in it that no key has; copy it again"
    return "it ends too soon after tml-; copy it whole"
