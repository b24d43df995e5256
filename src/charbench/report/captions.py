"""What stands over a table that is read alone: what was measured, of how much, how intervals are made, the settings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from charbench.report.settings import words_of

if TYPE_CHECKING:
    from charbench.report.compare.build import ComparisonReport
    from charbench.report.summary.rows import Report
    from charbench.store.settings import Setting

RATES = "Brackets: 95% intervals (Wilson's, clustered by prompt and family)."
MEANS = "Brackets: 95% intervals (t, clustered by prompt and family)."
TESTS = "Tests are two-sided and clustered by family of prompts; p (Holm) is adjusted over all pairs."
_TRAIT = "Trait rate: share of all samples whose response has the trait, by {}."


def report_caption(report: Report) -> str:
    """Return the caption of a table of a report's rates."""
    if report.metric is None:
        return f"{samples_caption(report)} {RATES}"
    others: dict[str, list[str]] = defaultdict(list)
    for persona, metric in sorted(report.metric_of.items()):
        if metric != report.metric:
            others[metric].append(persona)
    by = report.metric + "".join(f", {metric} for {' and '.join(mine)}" for metric, mine in others.items())
    said = _TRAIT.format(by) if report.is_rate else f"Mean of {by} in responses."
    return f"{said} {samples_caption(report)} {RATES if report.is_rate else MEANS}"


def samples_caption(report: Report) -> str:
    """Return how many samples a report's rates count, and how many they do not."""
    apart = report.errors, report.filtered, report.tool_calls
    what = "failed", "were ended by a content filter", "are tool calls"
    left_out = ", ".join(f"{count:,} more {words}" for count, words in zip(apart, what, strict=True) if count)
    return f"n = {report.samples - sum(apart):,} samples{f' ({left_out})' if left_out else ''}."


def comparison_caption(answer: ComparisonReport) -> str:
    """Return the caption of a comparison's tables."""
    measure = answer.comparison.measure
    samples = sum(side.samples for side in answer.comparison.sides)
    said = _TRAIT.format(measure.name) if measure.is_rate else f"Mean of {measure.name} in responses."
    if measure.is_responses:
        said = "Response rate: share of all samples with a response."
    return f"{said} n = {samples:,} samples. {RATES if measure.is_rate else MEANS} {TESTS}"


def settings_caption(settings: Iterable[Setting]) -> str:
    """Return what was requested, and the IDs of the settings that say so."""
    alike: dict[str, list[Setting]] = defaultdict(list)
    for one in settings:
        alike[words_of(one)].append(one)
    parts = [f"{words} ({', '.join(f'{one.id} of {one.persona}' for one in mine)})" for words, mine in alike.items()]
    return f"Setting: {'; '.join(parts)}." if parts else ""
