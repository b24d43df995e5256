"""Where the order and the tiers of a comparison are others than a report's, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from charbench.analysis.tiers import LEVEL
from charbench.report.compare.pairs import GroupComparison
from charbench.report.summary.standing import MOST_ROWS
from charbench.store.summaries import GroupTotals
from charbench.text.enumeration import counted

OTHER_PROMPTS_NOTE = (
    "* was asked other prompts than those that most of these were: ranked by the prompts that they share, as in a "
    "report; the figure shown is over all of its own."
)


def standing_notes(comparison: GroupComparison, groups: Sequence[GroupTotals], *, as_rows: bool) -> Iterator[str]:
    """Yield what is to be known of order and tiers. ``groups`` are all that a report has rows of.

    ``as_rows``: the sides are such rows, and not groups of checkpoints or settings.
    """
    if any(keys is not None for keys in comparison.shared):
        yield OTHER_PROMPTS_NOTE
    personas = {side.personas for side in comparison.sides}
    if not as_rows or not comparison.measure.is_rate or len(personas) != 1:
        return
    (persona,) = personas
    rows = len({(group.uri, group.sampler) for group in groups if persona in group.personas})
    pairs = min(rows, MOST_ROWS) * (min(rows, MOST_ROWS) - 1) // 2
    unsure = sum(pair.apart and pair.difference.p * pairs >= LEVEL for pair in comparison.pairs)
    if unsure and pairs > len(comparison.pairs):
        some = "1 pair that differs here" if unsure == 1 else f"{unsure:,} pairs that differ here"
        yield (
            f"Tiers here are after Holm over {counted(len(comparison.pairs), 'pair')}, in a report over the {pairs:,} "
            f"of all {rows:,} rows of {persona}: {some} may share a tier there."
        )
