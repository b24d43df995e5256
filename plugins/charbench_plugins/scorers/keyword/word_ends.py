"""Where words begin and end: at spaces and signs, and in scripts that write without spaces wherever a marker does."""

from __future__ import annotations

import re

_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u309f"
    f"{_KATAKANA}\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of Thai, Lao, Tibetan, Burmese, Khmer, Chinese and Japanese."""
_FOREIGN = re.compile(f"[{_KATAKANA}]")


def is_unspaced(text: str) -> bool:
    """Whether letters of a script that is written without spaces stand in a text."""
    return not text.isascii() and _UNSPACED.search(text) is not None


def is_cut(text: str, at: int, inside: int | None = None) -> bool:
    """Whether a word goes on at this place: there are letters, digits or underscores on both sides.

    ``inside`` is the place of the marker's own letter there, given where the marker has letters of a script without
    spaces. Beside such a letter no word goes on, except between two letters of katakana, whose words are told by it.
    """
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if not ((before.isalnum() or before == "_") and (after.isalnum() or after == "_")):
        return False
    if inside is None or not _UNSPACED.match(text[inside]):
        return True
    return bool(_FOREIGN.match(before) and _FOREIGN.match(after))
