"""From several judges' verdicts to scores: all weigh the same, and what each one said is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from charbench import Channel, Score, Span
from charbench_plugins.scorers.llm_judge.asking import TextVerdict
from charbench_plugins.scorers.llm_judge.dimensions import DIMENSIONS, PERSONA
from charbench_plugins.scorers.llm_judge.injections import injections
from charbench_plugins.scorers.llm_judge.reading import Reading


def scores_of(channel: Channel, text: str, verdicts: Sequence[TextVerdict]) -> Iterator[Score]:
    """Yield the scores of one channel."""
    for dimension in DIMENSIONS:
        readings = [(verdict.judge, verdict.readings[dimension.name]) for verdict in verdicts]
        value, spread = _combined([reading for _, reading in readings])
        why = "; ".join(f"{judge}: {reading.why}" for judge, reading in readings if reading.why)
        spans = _quotes(channel, verdicts) if dimension is PERSONA else ()
        votes = tuple((judge, reading.value) for judge, reading in readings)
        yield Score(dimension.name, channel, value, spans, why, votes)
        if value is not None and spread is not None:
            yield Score(f"{dimension.name}_spread", channel, spread)
    readable = [verdict.quotes for verdict in verdicts if not verdict.quotes.fault]
    why = "; ".join(f"{verdict.judge}: {verdict.quotes.fault}" for verdict in verdicts if verdict.quotes.fault)
    yield Score("quotes", channel, _sum(len(quotes.found) for quotes in readable) if readable else None, (), why)
    yield Score("invented_quotes", channel, _sum(q.invented for q in readable) if readable else None, (), why)
    attempts = tuple(Span(channel, *place, "", ("injection",)) for place in injections(text))
    yield Score("injections", channel, float(len(attempts)), attempts)


def _combined(readings: Sequence[Reading]) -> tuple[float | None, float | None]:
    """Return the mean over the judges that gave a value, and its spread; None where none did.

    The spread is the standard deviation of all that was said: the judges' own, and that between them (the law
    of total variance). None where nothing tells of any.
    """
    values = [reading.value for reading in readings if reading.value is not None]
    if not values:
        return None, None
    mean = math.fsum(values) / len(values)
    within = [reading.spread**2 for reading in readings if reading.value is not None and reading.spread is not None]
    if not within and len(values) < 2:
        return mean, None
    between = math.fsum((value - mean) ** 2 for value in values) / len(values)
    return mean, math.sqrt(between + (math.fsum(within) / len(within) if within else 0.0))


def _quotes(channel: Channel, verdicts: Sequence[TextVerdict]) -> tuple[Span, ...]:
    """Return the quotes of all judges, each place once; those that speak against the character say so."""
    spans: dict[tuple[int, int], Span] = {}
    for verdict in verdicts:
        for quote in verdict.quotes.found:
            flags = () if quote.supports else ("anti",)
            spans.setdefault((quote.start, quote.end), Span(channel, quote.start, quote.end, quote.trait, "", flags))
    return tuple(spans[place] for place in sorted(spans))


def _sum(counts: Iterator[int]) -> float:
    return float(sum(counts))
