"""A comparison in words: figures as people read them, and a plain sentence for each pair."""

from __future__ import annotations

import math

from charbench.analysis.clusters import ClusteredMean
from charbench.analysis.differences import Difference
from charbench.analysis.rate_intervals import ClusteredRate
from charbench.analysis.unpaired import LEAST_CLUSTERS, TOO_FEW
from charbench.report.compare.metric import Measure
from charbench.report.compare.pairs import OTHER_MARKERS, GroupComparison, Pair
from charbench.report.render.cells import decimals, mean_with_interval, p_value, points

SHOWN = 0.2
"""The difference of rates that sentences speak of where none was seen: 20 points."""


def estimate_cell(estimate: ClusteredRate | ClusteredMean) -> str:
    """``67% [42, 85]``, ``1.40 [0.82, 1.98]``; a dash without any."""
    if math.isnan(estimate.value):
        return "–"
    if isinstance(estimate, ClusteredRate):
        interval = "" if math.isnan(estimate.low) else f" [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"
        return f"{estimate.value:.0%}{interval}"
    return mean_with_interval(estimate)


def difference_cell(difference: Difference, *, is_rate: bool) -> str:
    """``+8 [−39, +41]`` points of a rate, ``+0.40 [−0.10, +0.90]`` of another metric; a dash without any."""
    shown = points if is_rate else decimals
    return shown(difference.value, difference.low, difference.high)


def sentence(comparison: GroupComparison, pair: Pair) -> str:
    """Say whether one pair differs significantly, by how much, and how many prompts would show the difference."""
    names = comparison.sides[pair.first].label, comparison.sides[pair.second].label
    difference, measure = pair.difference, comparison.measure
    seen = difference_cell(difference, is_rate=measure.is_rate)
    unit = " points" if measure.is_rate else ""
    figures = f"difference {seen}{unit}, {_p_words(comparison, pair)}"
    if difference.test == OTHER_MARKERS:
        personas = (comparison.sides[index].personas for index in (pair.first, pair.second))
        return (
            f"{names[0]} and {names[1]} are not compared: each is judged by its own persona's markers or rubric "
            f"({' and '.join(personas)}). --metric responses compares them."
        )
    if difference.test == TOO_FEW:
        return (
            f"{names[0]} and {names[1]} are not compared: without shared prompts, means are tested from "
            f"{LEAST_CLUSTERS} prompts or families a side on, and from more where few values are far from the others. "
            "Ask both the same prompts, ask more, or compare a metric with a threshold."
        )
    if math.isnan(difference.p):
        return f"{names[0]} and {names[1]} cannot be compared: one of them has no {measure.title} score."
    if pair.apart:
        which = "above" if difference.value > 0 else "below"
        return f"{names[0]} is {which} {names[1]}: {figures}."
    count = f"{difference.count:,} prompts" if difference.paired else "these samples"
    return f"{names[0]} and {names[1]} show no significant difference with {count}: {figures}.{_needed(pair, measure)}"


def _needed(pair: Pair, measure: Measure) -> str:
    difference = pair.difference
    each = "" if difference.paired else " a side"
    parts = []
    seen = pair.needed(difference.value) if abs(difference.value) > 1e-9 else None
    if seen is not None:
        parts.append(f"to show the difference seen takes about {seen:,} prompts{each}{_range(pair, difference.value)}")
    if measure.is_rate and (shown := pair.needed(SHOWN)) is not None:
        parts.append(
            f"a difference of {100 * SHOWN:.0f} points would take about {shown:,}"
            f"{'' if parts else ' prompts' + each}{_range(pair, SHOWN)}"
        )
    text = f" If the rates stay as observed, {'; '.join(parts)}." if parts else ""
    return text if measure.is_rate else text.replace("the rates stay", "means and spread stay")


def _range(pair: Pair, difference: float) -> str:
    """Return the range of the number of prompts in brackets where few prompts do not tell how much answers vary."""
    limits = pair.likely(difference)
    if limits is None or limits[0] == limits[1]:
        return ""
    low, high = (f"{limit:,}" if limit is not None else "over 10 million" for limit in limits)
    return f" (likely {low} to {high}: few prompts tell little of how much answers vary)"


def _p_words(comparison: GroupComparison, pair: Pair) -> str:
    test = pair.difference.test
    if len(comparison.pairs) == 1:
        return f"p = {p_value(pair.difference.p)} ({test})".replace("= <", "< ")
    adjusted = f"p = {p_value(pair.adjusted)}".replace("= <", "< ")
    return f"{adjusted} after Holm over {len(comparison.pairs):,} pairs ({test})"
