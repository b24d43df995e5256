"""Measures how the work on a text grows with its length, in CPU time, which other processes hardly change."""

from __future__ import annotations

import time
from collections.abc import Callable

FOUR_TIMES = 10
"""What four times the text may take at most: linear work takes about 4 times as long, quadratic work 16 times."""


def growth(work: Callable[[str], object], piece: str, length: int) -> float:
    """Return how many times as long ``work`` takes on four times the text, which repeats ``piece``."""
    texts = [(piece * (times * length // len(piece) + 1))[: times * length] for times in (1, 4)]
    for text in texts:
        work(text)
    found = _ratio(work, *texts)
    return min(found, _ratio(work, *texts), _ratio(work, *texts)) if found >= FOUR_TIMES else found


def _ratio(work: Callable[[str], object], *texts: str) -> float:
    """Return how many times as long the second text takes: what else the machine does disturbs one measurement."""
    short, long = (min(_seconds(work, text) for _ in range(3)) for text in texts)
    return long / max(short, 1e-3)


def _seconds(work: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    work(text)
    return time.process_time() - started
