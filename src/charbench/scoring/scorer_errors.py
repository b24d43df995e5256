"""What a scorer's measurement says of its errors, as the correction of a rate needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from charbench.domain.measurement import Measurement

if TYPE_CHECKING:
    from charbench.analysis.corrected_rates import Proportion
    from charbench.analysis.wilson import Rate


def scorer_errors(measured: Measurement) -> tuple[Proportion, Proportion]:
    """Return the scorer's sensitivity and specificity (0 to 1), each as uncertain as the measurement says.

    Where the measurement has an interval of its own, each counts as so many independent texts as give one as wide;
    they are fewer than were scored where texts of one prompt are alike, or recall differs between kinds of texts.
    The measurement must have texts in character and others.
    """
    recall, false = measured.recall, measured.false_rate
    return (
        _known(recall, recall.share, measured.recall_interval is not None),
        _known(false, 1 - false.share, measured.false_interval is not None),
    )


def _known(rate: Rate, value: float, has_interval: bool) -> Proportion:
    from charbench.analysis.corrected_rates import Proportion

    return (
        Proportion.from_width(value, rate.high - rate.low, rate.total)
        if has_interval
        else Proportion(value, rate.total)
    )
