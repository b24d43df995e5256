"""How many digits of a figure people read: one rule for tables, pages and plots, a plugin's too."""

from __future__ import annotations

import math

_WIDE = 5
"""From this width on, one decimal tells enough of an interval."""
_MOST_DECIMALS = 6


def interval_decimals(width: float) -> int:
    """Return with how many decimals an interval of this width is written: one tells enough of a wide one."""
    return 1 if width >= _WIDE else min(_MOST_DECIMALS, 1 + math.ceil(math.log10(_WIDE / width))) if width > 0 else 3


def three_digits(value: float) -> str:
    """Return three significant digits, and whole numbers in full: ``0.0417``, ``72.9``, ``1,460``."""
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:.3g}"
