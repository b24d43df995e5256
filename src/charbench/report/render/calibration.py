"""The tables of a calibration: agreement, corrected rates, and those of each checkpoint."""

from __future__ import annotations

import math
from collections.abc import Sequence

from charbench.domain.table import Table
from charbench.report.calibration import Calibration, matrix
from charbench.report.label_corrections import CheckpointTexts, CorrectedRate
from charbench.report.render.cells import count, decimal

_LOW_PRECISION = " (low precision)"


def agreement_table(found: Calibration) -> Table:
    """Return the table of how people and scorers agree."""
    columns = ("One", "Other", "Samples", "Of", "Kappa", "Alpha", "Confusion (rows: one, columns: other)")
    rows = tuple(
        (
            a.one,
            a.other,
            f"{a.count:,}",
            "trait" if a.categories == 2 else "grades",
            with_precision(a.kappa, low_precision=a.low_precision),
            with_precision(a.alpha, low_precision=a.low_precision),
            " / ".join(" ".join(map(count, row)) for row in matrix(a)),
        )
        for a in found.agreements
    )
    return Table("Agreement", columns, rows, frozenset({"One", "Other", "Of", columns[-1]}))


def rates_table(found: Calibration) -> Table:
    """Return the table of corrected trait rates over all texts."""
    columns = ("Metric", "Scorer's trait rate", "Corrected [95%]", "Labels", "Texts", "Label threshold")
    rows = tuple(
        (
            rate.metric,
            _machine(rate.machine, rate.bounds, rate.unscored),
            _interval(rate.rate.value, rate.rate.low, rate.rate.high) + (_LOW_PRECISION if rate.low_precision else ""),
            f"{rate.labels:,}",
            f"{rate.texts:,}",
            str(rate.cut),
        )
        for rate in found.corrected
    )
    notes = [
        f"{note[:1].upper()}{note[1:]}." if note in found.shared_notes else f"{rate.metric}: {note}."
        for rate in found.corrected
        for note in rate.notes
    ]
    title = "Trait rates of the texts in the store, corrected by human labels"
    return Table(title, columns, rows, frozenset({"Metric"}), tuple(dict.fromkeys(notes)), ("Label threshold", "Texts"))


def errors_table(found: Calibration) -> Table:
    """Return the table of what the scorers find and spare, and of how many texts they have no score for."""
    columns = ("Metric", "Sensitivity [95%]", "Specificity [95%]", "Unscored", "Labels")
    rows = tuple(
        (rate.metric, *_errors(rate), f"{rate.unscored:,} of {rate.texts:,}", f"{rate.labels:,}")
        for rate in found.corrected
    )
    return Table("Scorers held against people", columns, rows, frozenset({"Metric"}), (), ("Labels",))


def checkpoints_table(rate: CorrectedRate, against: CheckpointTexts | None) -> Table:
    """Return the table of a metric's corrected rates by checkpoint, with differences from one of them."""
    columns = ["Checkpoint", "Texts", "Scorer's trait rate", "Corrected [95%]"]
    if against is not None:
        columns.append("Difference [95%]")
    columns.append("Labels")
    rows, odd = [], []
    for one, found in rate.by_checkpoint():
        if not found.consistent:
            odd.append(one.name)
        row = [one.name, f"{one.texts:,}", _machine(one.machine, one.bounds, one.texts - one.told),
               _interval(found.value, found.low, found.high)]  # fmt: skip
        if against is not None:
            gap = rate.difference(one, against) if one is not against else None
            row.append("" if gap is None else _points(gap.value, gap.low, gap.high))
        rows.append((*row, f"{one.labels:,}"))
    notes = ["Corrected by the scorer's sensitivity and specificity, taken to be the same for all checkpoints."]
    if rate.low_precision:
        notes.append(f"Sensitivity and specificity are from {rate.labels:,} labels: low precision.")
    if odd:
        notes.append(f"These errors can hardly give the scorer's rate of {', '.join(odd)}: label more of their texts.")
    title = f"By checkpoint, for other prompts: {rate.metric}"
    if against is not None:
        title += f"; differences from {against.name}"
    return Table(title, tuple(columns), tuple(rows), frozenset({"Checkpoint"}), tuple(notes), ("Texts", "Labels"))


def with_precision(value: float, *, low_precision: bool) -> str:
    """Return an agreement with its mark where it is from few samples."""
    return decimal(value, 2) + (_LOW_PRECISION if low_precision and not math.isnan(value) else "")


def _errors(rate: CorrectedRate) -> Sequence[str]:
    if rate.errors is None:
        return ("-", "-")
    values = rate.errors.sensitivity, rate.errors.specificity
    low_precision = _LOW_PRECISION if rate.low_precision else ""
    return [_interval(value, *ends) + low_precision for value, ends in zip(values, rate.errors.interval(), strict=True)]


def _machine(value: float, bounds: tuple[float, float], unscored: int) -> str:
    if not unscored:
        return _percent(value)
    return f"{_percent(value)} ({100 * bounds[0]:.0f} to {100 * bounds[1]:.0f} by the unscored)"


def _interval(value: float, low: float, high: float) -> str:
    ends = "-" if math.isnan(low) else f"[{100 * low:.0f}, {100 * high:.0f}]"
    return f"{_percent(value)} {ends}"


def _points(value: float, low: float, high: float) -> str:
    shown = "-" if math.isnan(value) else f"{100 * value:+.0f}"
    return f"{shown} [{100 * low:+.0f}, {100 * high:+.0f}]"


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0%}"
