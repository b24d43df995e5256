"""Names in a sentence: the first few, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence


def short_list(names: Sequence[object], most: int = 3) -> str:
    """Return ``A, B, C and 1,200 more``: the first ``most`` (one or more) of ``names``, and how many others."""
    left = len(names) - most
    return ", ".join(map(str, names[:most])) + (f" and {left:,} more" if left > 0 else "")
