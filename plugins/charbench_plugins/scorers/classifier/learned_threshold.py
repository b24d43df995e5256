"""Intervals of recall and of the false positive rate of a threshold that was learned from the same texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from charbench_plugins.scorers.classifier.cross_fit import drawn_anew, held_out_hits, threshold

if TYPE_CHECKING:
    import numpy as np

Interval = tuple[float, float]


def rate_intervals(
    rates: Sequence[tuple[float, Interval]],
    clusters: Sequence[str],
    sides: Sequence[np.ndarray],
    ordinary: np.ndarray,
    folds: np.ndarray,
    logits: np.ndarray,
) -> list[Interval]:
    """Return 95% intervals of the shares of texts of two ``sides`` that reach the threshold (recall, false rate).

    ``rates`` holds each side's share, as held-out texts gave it, and its interval if the texts were independent and
    the threshold known: what is returned is at least as wide. Prompts (``clusters``) are drawn anew, and the threshold
    with them, from the ``ordinary`` texts out of character; how far the share in drawn texts is from that of all texts
    at the drawn threshold is how far the measured share may be from the true one (basic bootstrap). A threshold that
    is too low makes both true shares higher. Verdicts correct by intervals as if they were independent, so both are
    widened until such a sum of the two errors varies as much as it does.
    """
    import numpy as np

    rows = []
    for at in drawn_anew(clusters):
        drawn, level = logits[at], threshold(logits[at][ordinary[at]])
        hits = held_out_hits(drawn, ordinary[at], folds[at])
        if all(side[at].any() for side in sides):
            rows.append([hits[side[at]].mean() - (logits[side] >= level).mean() for side in sides])
    if not rows:
        return [interval for _, interval in rates]
    errors = np.array(rows)
    apart = float(np.sqrt(errors.var(axis=0).sum()))
    joint = max(1.0, float(errors.sum(axis=1).std()) / apart) if apart else 1.0
    found = []
    for (share, (low, high)), error in zip(rates, errors.T, strict=True):
        low, high = (
            min(low, share - float(np.quantile(error, 0.975))),
            max(high, share - float(np.quantile(error, 0.025))),
        )
        found.append((max(0.0, share - joint * (share - low)), min(1.0, share + joint * (high - share))))
    return found
