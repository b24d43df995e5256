"""A table of text, before it is known where it is shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text. ``left`` holds the names of the columns that are set left; the others are figures.

    ``notes`` are lines that stand below it; ``expendable`` columns are left out, the first one first, where a
    terminal is too narrow; for those in ``folded_for`` names fold first. Where it is ``continued``, columns that have
    no room stand in a second table below it. ``caption`` is what it has to say where it is read alone: metric,
    samples, method.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    expendable: tuple[str, ...] = ()
    caption: str = ""
    folded_for: tuple[str, ...] = ()
    continued: bool = False
