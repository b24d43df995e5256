"""Names and numbers of things in a sentence."""

from __future__ import annotations

from collections.abc import Sequence


def short_list(names: Sequence[object], most: int = 3) -> str:
    """Return ``A, B, C and 1,200 more``: the first ``most`` (one or more) of ``names``, and how many others."""
    left = len(names) - most
    return ", ".join(map(str, names[:most])) + (f" and {left:,} more" if left > 0 else "")


def counted(count: int, noun: str) -> str:
    """Return a number of things: ``1 job``, ``2 jobs``, ``1,300 families``."""
    if count != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun}"
