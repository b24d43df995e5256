"""The answers of simulated labs vary as they are told to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from charbench.analysis.simulated_answers import limits_of_rate


@pytest.mark.parametrize("steady", [0.0, 1e-4, 1.5e-4, 0.02, 0.5, 0.999, 1.0])
@pytest.mark.parametrize("rate", [0.0, 0.03, 0.5, 1.0])
@pytest.mark.parametrize("answers", [1, 2, 6, 40])
def test_answers_to_one_prompt_are_beta_binomial_however_alike_they_are(
    rate: float, answers: int, steady: float
) -> None:
    sure, alike = min(1 - 1e-6, max(1e-6, rate)), min(1 - 1e-4, max(1e-4, steady))
    more = 1 / alike - 1
    expected = stats.betabinom.cdf(np.arange(answers), answers, sure * more, (1 - sure) * more)
    passed = stats.norm.cdf(limits_of_rate(rate, answers, steady))
    assert passed == pytest.approx(expected, abs=2e-4 * answers)
