"""The Tinker key: where it is from, and whether its form is right."""

from __future__ import annotations

import os
import re

from charbench import ConfigError, register_secret

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


def api_key() -> str:
    """Return the key; raises :class:`ConfigError` where it is missing or is no Tinker key. Never shown."""
    key = os.environ.get("TINKER_API_KEY", "").strip()
    if not key:
        raise ConfigError("TINKER_API_KEY is not set; make a key in Tinker's console and export it")
    if fault := fault_of_tinker_key(key):
        raise ConfigError(f"TINKER_API_KEY is not a Tinker key: {fault}")
    return register_secret(key)
