"""Which words and pairs of words a persona's texts use more than others: candidates for markers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from charbench.analysis.lift import log_odds_lift
from charbench.personas.lint import COMMON

FEWEST_TEXTS = 3
MOST_BASE_RATE = 0.03
"""Share of the other texts that may hold a candidate."""
_WORD = re.compile(r"\w+(?:['’]\w+)*")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A candidate: texts in character and others that hold it, its lift's z score, and the texts it adds.

    ``adds`` counts texts in character that neither the persona's markers nor a candidate above it finds.
    """

    text: str
    texts: int
    others: int
    lift: float
    z: float
    adds: int


def suggest_markers(
    mine: Sequence[str], found: Sequence[bool], others: Sequence[str], most: int = 20
) -> list[Suggestion]:
    """Return candidates, those first that add most; ``found`` tells which of ``mine`` the markers find already.

    By log-odds with an informative Dirichlet prior (:func:`charbench.analysis.lift.log_odds_lift`); z is 2 or more, and
    at most 3% of the other texts hold it.
    """
    held = [_terms(text) for text in mine]
    elsewhere = Counter(term for text in others for term in set(_terms(text)))
    texts = Counter(term for terms in held for term in set(terms))
    counts = Counter(term for terms in held for term in terms)
    base = Counter(term for text in others for term in _terms(text))
    lifts = {one.marker: one for one in log_odds_lift(counts, counts.total() or 1, base, base.total() or 1)}
    known = [
        term
        for term, count in texts.items()
        if count >= FEWEST_TEXTS
        and lifts[term].z >= 2
        and elsewhere[term] <= MOST_BASE_RATE * len(others)
        and not set(term.split()) <= COMMON
    ]
    waiting = {at for at, is_found in enumerate(found) if not is_found}
    holding = {term: {at for at, terms in enumerate(held) if term in set(terms)} for term in known}
    chosen: list[Suggestion] = []
    while known and len(chosen) < most:
        best = max(known, key=lambda term: (len(holding[term] & waiting), lifts[term].z, term))
        adds = len(holding[best] & waiting)
        chosen.append(Suggestion(best, texts[best], elsewhere[best], lifts[best].value, lifts[best].z, adds))
        waiting -= holding[best]
        known.remove(best)
    return chosen


def _terms(text: str) -> list[str]:
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    return [*words, *map(" ".join, pairwise(words))]
