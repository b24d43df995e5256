"""Games: one comparison of two checkpoints' samples of a prompt, as analyses read it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Game:
    """Two checkpoints, by their numbers, on one prompt. ``result``: 1 the first won, 0 the second, 0.5 a tie.

    ``longer``: by how many characters the first's text is longer; only length control looks at it. ``shown_first``:
    the share of the verdicts that took the text that was shown first, where each pair of texts was shown in both
    orders; None where it was not.
    """

    first: int
    second: int
    result: float
    prompt: Hashable = None
    longer: float = 0.0
    shown_first: float | None = None
