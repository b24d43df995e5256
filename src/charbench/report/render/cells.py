"""Figures as people read them; one place, so that every table rounds alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from charbench.analysis.wilson import Rate
from charbench.text.figures import interval_decimals
from charbench.text.figures import three_digits as three_digits

if TYPE_CHECKING:
    from charbench.analysis.clusters import ClusteredMean

NOTHING = "–"
MINUS = "−"


_DIGITS = 9


def finite(value: float) -> float | None:
    """Return a figure for JSON, with nine decimals in every command; None where there is none."""
    return round(value, _DIGITS) if math.isfinite(value) else None


def probability(p: float) -> float | None:
    """Return a p-value for JSON, not rounded: small ones would be 0; None where there is none."""
    return p if math.isfinite(p) else None


def percent(rate: Rate) -> str:
    """``67%``; a dash without any."""
    return f"{rate.share:.0%}" if rate.total else NOTHING


def share(value: float) -> str:
    """``67%``; a dash for NaN."""
    return f"{value:.0%}" if math.isfinite(value) else NOTHING


def percent_with_interval(rate: Rate) -> str:
    """``67% [42, 85]``."""
    if not rate.total:
        return NOTHING
    return f"{rate.share:.0%} [{100 * rate.low:.0f}, {100 * rate.high:.0f}]"


def count_of(rate: Rate) -> str:
    """``10/15``."""
    return f"{rate.count:,}/{rate.total:,}"


def whole(value: float) -> str:
    """``1,460``, rounded half to even; a dash for NaN."""
    return f"{value:,.0f}" if math.isfinite(value) else NOTHING


def decimal(value: float, digits: int = 1) -> str:
    """``0.8``; a dash for NaN."""
    return f"{value:,.{digits}f}" if math.isfinite(value) else NOTHING


def mean_with_interval(mean: ClusteredMean) -> str:
    """``54.2 [48.1, 60.3]``, with more decimals the narrower it is; ``0.417`` without an interval.

    ``~`` follows one that may be too narrow (:attr:`ClusteredMean.near_end`).
    """
    value, low, high = mean.value, mean.low, mean.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return decimal(value, 3)
    digits = interval_decimals(high - low)
    shown = f"{decimal(value, digits)} [{decimal(low, digits)}, {decimal(high, digits)}]".replace("-", MINUS)
    return f"{shown}{NEAR_END if mean.near_end else ''}"


def size(count: object) -> str:
    """``1.2 GB`` for a number of bytes; a dash where it is not known."""
    if not isinstance(count, (int, float)) or isinstance(count, bool) or not math.isfinite(count):
        return NOTHING
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:,.0f} B" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def points(value: float, low: float, high: float) -> str:
    """``+8 [−39, +41]``: a difference of shares in points; a dash for NaN."""
    return _with_interval([f"{100 * part:+.0f}" for part in (value, low, high)])


def decimals(value: float, low: float, high: float) -> str:
    """``+0.40 [−0.10, +0.90]``: a difference of means, with as many decimals as a mean has; a dash for NaN."""
    digits = interval_decimals(high - low) if math.isfinite(high - low) else 2
    return _with_interval([f"{part:+,.{digits}f}" for part in (value, low, high)])


def count(value: float) -> str:
    """``1,270``, ``3.5``: a number of items that may count in part."""
    return f"{value:,.1f}".removesuffix(".0")


def p_value(p: float) -> str:
    """``0.17``, ``0.0079``, ``<0.0001``; a dash for NaN."""
    if math.isnan(p):
        return NOTHING
    if p < 0.0001:
        return "<0.0001"
    return f"{p:.2f}" if p >= 0.1 else f"{p:.2g}" if p >= 0.001 else f"{p:.4f}"


def _with_interval(parts: Sequence[str]) -> str:
    value, low, high = (
        part.lstrip("+-") if "nan" in part or not float(part.replace(",", "")) else part for part in parts
    )
    if value == "nan":
        return NOTHING
    return (value if "nan" in (low, high) else f"{value} [{low}, {high}]").replace("-", MINUS)


STATE_LETTERS = {
    "closed": "C",
    "none": "N",
    "closed_empty": "E",
    "unclosed_stop": "S",
    "unclosed_length": "L",
    "unclosed_unknown": "U",
    "misfiled": "M",
}
"""A letter for each thinking state, in the order in which the bar stacks them."""
STATES_LEGEND = (
    "States: C closed thinking and a response, N no thinking, E closed and empty, S stopped inside the thinking, "
    "L token limit inside the thinking, U thinking only (reason not recorded), M answer misfiled as thinking."
)
TIERS_LEGEND = (
    "Tiers: no two rows of one persona's tier differ significantly (paired by prompt as in charbench compare, "
    "clustered by family, Holm over the persona's pairs)."
)
INTERVALS_LEGEND = "Brackets: 95% intervals for other prompts of other families, however often each prompt was asked."
NEAR_END = " ~"
NEAR_END_LEGEND = (
    "~ is a mean near an end of its scale, of fewer than 60 effective prompts: values are skewed there, and the "
    "interval may be too narrow (with 5 to 12 prompts it holds the true mean in 74 to 93% of cases, not 95%, and in "
    "fewer where one prompt in ten is far from the others)."
)
OTHER_PROMPTS = " *"
OTHER_PROMPTS_LEGEND = (
    "* was asked other prompts than those that most rows of its persona were: ranked and tested by the prompts they "
    "share."
)
BAR_WIDTH = 10


def states_bar(totals: Mapping[str, float]) -> str:
    """Return thinking states as a stacked bar of ten letters: ``CCCCCCCSSS`` is 70% closed, 30% stopped.

    Largest remainders decide the letters left over, so that the bar is always ten wide.
    """
    counts = {name: int(totals.get(name, 0)) for name in STATE_LETTERS}
    total = sum(counts.values())
    if not total:
        return NOTHING
    exact = {name: BAR_WIDTH * count / total for name, count in counts.items()}
    cells = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: cells[name] - exact[name])
    for name in by_remainder[: BAR_WIDTH - sum(cells.values())]:
        cells[name] += 1
    return "".join(STATE_LETTERS[name] * cells[name] for name in STATE_LETTERS)
