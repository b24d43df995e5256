"""What rows of a plot are called: short, and never two alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import count

_NUMBERS = re.compile(r"([0-9]{1,18})")
_LONGEST = 34
"""Characters of a name; of a longer one the middle is left out, as checkpoints differ at their ends."""


def row_labels(names: Sequence[tuple[str, str]]) -> list[str]:
    """Return a label for each checkpoint and persona: its name, and what tells it from others of that name."""
    short = [_short(checkpoint) for checkpoint, _ in names]
    shared = Counter(short)
    labels = [
        f"{label} ({persona})" if shared[label] > 1 else label for label, (_, persona) in zip(short, names, strict=True)
    ]
    shared = Counter(labels)
    taken = {label for label in labels if shared[label] == 1}
    for place, label in enumerate(labels):
        if shared[label] > 1:
            labels[place] = next(one for number in count(1) if (one := f"{label} #{number}") not in taken)
            taken.add(labels[place])
    return labels


def natural(name: str) -> list[tuple[int, str]]:
    """Return what names are sorted by, so that ``p2`` stands before ``p10``."""
    return [(int(part) if part.isascii() and part.isdecimal() else -1, part) for part in _NUMBERS.split(name)]


def _short(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    half = (_LONGEST - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
