"""Power of Fisher's test in effective samples: the test itself, in simulated labs."""

from __future__ import annotations

import numpy as np

from charbench.analysis.effective_fisher import effective_counts
from charbench.analysis.families import Families
from charbench.analysis.fisher import fisher_exact_of_each
from charbench.analysis.simulated_answers import MOST_ANSWERS, levels_of, limits_of_rate, sums_of_passed
from charbench.analysis.simulated_labs import layout, normal_sums

_WIDE = 9.0


def simulated_fisher_power(
    prompts: int, rates: tuple[float, float], families: Families, answers: float, steady: float, level: float
) -> float:
    """Return the power (0 to 1) of :func:`charbench.analysis.effective_fisher.effective_fisher`.

    ``prompts`` of each side, which has one of the ``rates``; each is asked ``answers`` times, and its answers
    correlate by ``steady``.
    """
    sizes = layout(families.sizes, prompts)
    variance = 1 / answers + (1 - 1 / answers) * steady
    levels, steady = levels_of(answers, steady)
    tables = []
    for side, rate in enumerate(rates, start=1):
        if prompts <= MOST_ANSWERS:
            shares = sums_of_passed(sizes, limits_of_rate(rate, levels, steady), families.alike, side) / levels
        else:
            sums = normal_sums(sizes, rate, rate * (1 - rate) * variance, families.alike, side)
            shares = np.clip(np.rint(sums * levels) / levels, 0, sizes)
        hits, totals = effective_counts(shares * answers, sizes * float(answers))
        tables.append((hits.astype(np.int64), totals.astype(np.int64)))
    return float((fisher_exact_of_each(tables[0], tables[1], wide=_WIDE) <= level).mean())
