"""Markers that are evidence only in company: weak ones by where they stand, all of them by the length of the text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from charbench import Persona, Span, Tier
from charbench_plugins.scorers.keyword.described import is_described

WEIGHTS = {tier.value: tier.weight for tier in Tier}
"""What a marker is worth, by its tier."""
REACH = 120
"""Characters within which weak markers stand together: 20 words of six."""
STRETCH = 25
"""Words of a text for which :data:`REACH` has to be filled once: a long text holds more of them by accident.

Also the fewest words that a text counts as where evidence is asked for by its length.
"""
SHORT = 50
"""Words up to which each asks for evidence in full: with it, false rates hardly change with the length of a text."""
DESCRIBED = 4.0
"""The evidence that a short text asks for in which nobody speaks: more than one strong marker."""


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
    alone = [_alone(span) for span in weak if id(span) not in kept]
    return counted, alone


def dense(spans: Sequence[Span], text: str, persona: Persona, words: int) -> tuple[list[Span], list[Span]]:
    """Return the spans that count, and those that do not, flagged ``alone``: all count, or exempt ones only.

    They count where their weights add up to the persona's density for each 100 words, and to 1 at least: in a long text
    more of them stand by accident. Of its ``words``, those beyond :data:`SHORT` are half a word each, as chance varies
    less; a text of less than :data:`STRETCH` is one of so many. What is found again with the same words adds nothing.
    Of a persona that speaks, a short text that only describes something asks for :data:`DESCRIBED`.
    """
    weights: dict[str, float] = {}
    for span in spans:
        found = text[span.start : span.end].casefold()
        weights[found] = max(weights.get(found, 0.0), WEIGHTS[span.tier])
    length = min(max(words, STRETCH), SHORT) + max(0, words - SHORT) / 2
    found_in_all, needed = sum(weights.values()), max(1.0, (persona.density or 0.0) * length / 100)
    if needed <= found_in_all < DESCRIBED and persona.spoken and is_described(text):
        needed = DESCRIBED
    if found_in_all >= needed:
        return list(spans), []
    exempt = [span for span in spans if span.marker in persona.exempt]
    return exempt, [_alone(span) for span in spans if span.marker not in persona.exempt]


def _alone(span: Span) -> Span:
    return Span(span.channel, span.start, span.end, span.marker, span.tier, (*span.flags, "alone"))


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
