"""From several judges' verdicts to scores: all weigh the same, and what each one said is kept.

The score is the mean of what they said, the median, or the mean of those on the side of the majority.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import median

from charbench import Channel, Score, Span
from charbench_plugins.scorers.llm_judge.asking import TextVerdict
from charbench_plugins.scorers.llm_judge.dimensions import DIMENSIONS, METRICS, PERSONA
from charbench_plugins.scorers.llm_judge.injections import injections
from charbench_plugins.scorers.llm_judge.reading import Reading

SPLIT = "the judges are split: no side has a majority"
THRESHOLDS = {metric.name: metric.threshold for metric in METRICS if metric.threshold is not None}


def scores_of(channel: Channel, text: str, verdicts: Sequence[TextVerdict], combine: str = "mean") -> Iterator[Score]:
    """Yield the scores of one channel; ``combine`` is mean, median or majority."""
    for dimension in DIMENSIONS:
        readings = [(verdict.judge, verdict.readings[dimension.name]) for verdict in verdicts]
        value, spread = _combined([reading for _, reading in readings], combine, THRESHOLDS[dimension.name])
        why = "; ".join(f"{judge}: {reading.why}" for judge, reading in readings if reading.why)
        if value is None and any(reading.value is not None for _, reading in readings):
            why = "; ".join(filter(None, (why, SPLIT)))
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


def _combined(readings: Sequence[Reading], combine: str, threshold: float) -> tuple[float | None, float | None]:
    """Return one value of the judges that gave one, and its spread; None where none did, or no side has a majority.

    The spread is the standard deviation of all that was said: the judges' own, and that between them (the law
    of total variance). None where nothing tells of any.
    """
    values = [reading.value for reading in readings if reading.value is not None]
    if not values:
        return None, None
    mean = math.fsum(values) / len(values)
    value = mean if combine == "mean" else median(values) if combine == "median" else _majority(values, threshold)
    within = [reading.spread**2 for reading in readings if reading.value is not None and reading.spread is not None]
    if not within and len(values) < 2:
        return value, None
    between = math.fsum((value - mean) ** 2 for value in values) / len(values)
    return value, math.sqrt(between + (math.fsum(within) / len(within) if within else 0.0))


def _majority(values: Sequence[float], threshold: float) -> float | None:
    """Return the mean of the values on the side of the threshold that more than half are on; None: there is none."""
    above = [value for value in values if value >= threshold]
    below = [value for value in values if value < threshold]
    larger = above if len(above) > len(below) else below
    return math.fsum(larger) / len(larger) if 2 * len(larger) > len(values) else None


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
