"""What a check of ``charbench doctor`` found."""

from __future__ import annotations

from dataclasses import dataclass

STATES = ("ok", "note", "bad")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that ``charbench doctor`` checked.

    ``what`` names it, ``text`` says what was found, ``advice`` what to do about it. ``state`` is ``ok``, ``note``
    (worth knowing) or ``bad`` (``doctor`` ends with exit code 1).
    """

    what: str
    state: str
    text: str
    advice: str = ""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"check {self.what!r:.50}: state is {self.state!r:.50}; ok, note or bad is needed")
