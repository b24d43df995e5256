"""Weak markers: words that others say too, and that are evidence only where several different ones stand together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from charbench import Span, Tier

REACH = 120
"""Characters within which weak markers stand together: 20 words of six."""
STRETCH = 25
"""Words of a text for which :data:`REACH` has to be filled once: a long text holds more of them by accident."""


def supported(spans: Sequence[Span], together: int, words: int) -> tuple[list[Span], list[Span]]:
    """Return the spans that count, and the weak ones that do not, flagged ``alone``.

    A weak span has company where it stands in a stretch of :data:`REACH` characters, from the start of the first to the
    end of the last, that holds ``together`` different weak markers. They count where the text of ``words`` words has
    ``together`` with company for each :data:`STRETCH` words. ``spans`` are in the text's order; linear in their number.
    """
    weak = [span for span in spans if span.tier == Tier.WEAK]
    company = _company(weak, together)
    if len(company) < together * max(1, round(words / STRETCH)):
        company = set()
    kept = {id(weak[index]) for index in company}
    counted = [span for span in spans if span.tier != Tier.WEAK or id(span) in kept]
    alone = [replace(span, flags=(*span.flags, "alone")) for span in weak if id(span) not in kept]
    return counted, alone


def _company(weak: Sequence[Span], together: int) -> set[int]:
    """Return the indices of those that stand in a stretch with enough different ones."""
    found: set[int] = set()
    inside: Counter[str] = Counter()
    first = marked = 0
    for last, span in enumerate(weak):
        inside[span.marker] += 1
        while first < last and span.end - weak[first].start > REACH:
            inside[weak[first].marker] -= 1
            if not inside[weak[first].marker]:
                del inside[weak[first].marker]
            first += 1
        if len(inside) >= together:
            found.update(range(max(first, marked), last + 1))
            marked = last + 1
    return found
