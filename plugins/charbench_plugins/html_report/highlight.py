"""Cuts a text where evidence begins and ends, so that a template can mark it, as ``page.js`` does in the report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

JUDGES = re.compile("judge|pairwise")
"""Scorers whose evidence is a quote."""
_TIERS = frozenset({"strong", "moderate", "weak", "style"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text; ``kind`` is the class of its mark, None where it is not marked."""

    text: str
    kind: str | None = None
    title: str = ""


def pieces(text: str, spans: Sequence[Sequence[Any]]) -> list[Piece]:
    """Return the parts of a text. A span is ``[scorer, start, end, marker, tier, *flags]``, in characters."""
    inside = [span for span in spans if span[1] < len(text) and span[2] > span[1]]
    edges = sorted({0, len(text), *(min(edge, len(text)) for span in inside for edge in span[1:3])})
    begun = sorted(inside, key=lambda span: span[1])
    found: list[Piece] = []
    here: list[Sequence[Any]] = []
    upcoming = 0
    for start, end in pairwise(edges):
        here = [span for span in here if span[2] >= end]
        while upcoming < len(begun) and begun[upcoming][1] <= start:
            here += [begun[upcoming]] if begun[upcoming][2] >= end else []
            upcoming += 1
        part = text[start:end]
        found.append(Piece(part, _kind(here), _title(here)) if here else Piece(part))
    return found


def _kind(here: Sequence[Sequence[Any]]) -> str:
    scorer, _, _, _, tier, *flags = next((span for span in here if len(span) == 5), here[0])
    if flags:
        return "aside"
    if JUDGES.search(scorer):
        return "judge"
    return tier if scorer == "keyword" and tier in _TIERS else ""


def _title(here: Sequence[Sequence[Any]]) -> str:
    said = (", ".join(str(one) for one in (span[0], *span[3:]) if one) for span in here)
    return "; ".join(dict.fromkeys(said))
