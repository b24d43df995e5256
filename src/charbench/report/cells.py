"""Figures as people read them; one place, so that every table rounds alike."""

from __future__ import annotations

import math

from charbench.analysis.rates import Rate

NOTHING = "–"


def percent(rate: Rate) -> str:
    """``67%``; a dash without any."""
    return f"{rate.share:.0%}" if rate.total else NOTHING


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
