"""What Fisher's test of two unpaired rates has to expect of more prompts: its power."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from charbench.analysis.distributions import normal_chance, normal_quantile
from charbench.analysis.effective_fisher import ADDED
from charbench.analysis.families import Families
from charbench.analysis.likeness import CERTAIN
from charbench.analysis.planned_tests import ALONE, MOST_SIMULATED, about, kind_of


@dataclass(frozen=True, slots=True)
class FisherTest:
    """Fisher's exact test of two unpaired rates with the mean ``rate`` (0 to 1), in effective samples.

    Each prompt is asked ``answers`` times, ``steady`` is the correlation (0 to 1) of the answers to one prompt, and
    ``families`` says how alike the rates of a family's prompts are, on the side whose families are the more uneven.
    ``spread`` is what how alike they may be makes of the variance of a rate (:mod:`charbench.analysis.likeness`).
    """

    rate: float
    families: Families = ALONE
    answers: float = 1.0
    steady: float = 0.0
    spread: tuple[float, ...] = CERTAIN
    simulate: bool = True

    @property
    def known(self) -> float:
        """Infinity: the rate tells the variance of single samples."""
        return math.inf

    @property
    def independent(self) -> bool:
        """Whether every sample is independent of the others."""
        return self.answers == 1 and self.families.effective == 1

    @property
    def worth(self) -> float:
        """How many independent samples a prompt's answers are worth, where there are many prompts."""
        return 1 / ((1 / self.answers + (1 - 1 / self.answers) * self.steady) * self.families.effect)

    def is_simulated(self, prompts: float) -> bool:
        """Whether the power of so many prompts is that of simulated labs: of samples that are not independent."""
        return self.simulate and not self.independent and self.families.number(prompts) <= MOST_SIMULATED

    def by_formula(self) -> FisherTest:
        """Return the test whose power is never simulated."""
        return replace(self, simulate=False)

    def near(self, difference: float) -> tuple[FisherTest, float]:
        """Return the test of about this rate, and of families and answers nearly as alike."""
        rate, steady = round(50 * self.rate) / 50, round(20 * self.steady) / 20
        test = replace(self, rate=rate, families=self.families.about(), steady=steady, spread=CERTAIN)
        return test, about(difference, 0.1)

    def kind(self, prompts: float, width: float) -> tuple[object, ...]:
        """Return its families, its rate, and how often and how alike prompts are answered."""
        rates = (
            round(2 / width * abs(2 * self.rate - 1)),
            about(self.answers, 0.7 * width),
            round(2 / width * self.steady),
        )
        return "rates", *kind_of(self.families, prompts, width), *rates, self.simulate

    def samples(self, prompts: float) -> float:
        """Return how many independent samples the test takes so many prompts for: few families count for less.

        :func:`charbench.analysis.rate_intervals.effective_samples` solved for the clusters that it adds.
        """
        spread, families = self.rate * (1 - self.rate), prompts / self.families.effective
        if self.independent or not spread:
            return prompts * self.worth
        own = spread * families**2 / (prompts * self.worth)
        found = spread * (families + 2 * ADDED) * families / (own + ADDED * (1 - 2 * spread))
        return min(found, prompts * self.worth)

    def power(self, prompts: float, difference: float, level: float) -> float:
        """Return the chance to show the difference: in simulated labs, or of samples as they are on average.

        Source of the formula: Casagrande, Pike and Smith (1978), Biometrics 34:483.
        """
        gap = abs(difference)
        high, low = min(1.0, self.rate + gap / 2), max(0.0, self.rate - gap / 2)
        if self.is_simulated(prompts):
            from charbench.analysis.simulated_rates import simulated_fisher_power

            rates = high, low
            return simulated_fisher_power(round(prompts), rates, self.families, self.answers, self.steady, level)
        samples = self.samples(prompts)
        root = math.sqrt(samples) - 1 / (gap * math.sqrt(samples))
        if root <= 0:
            return 0.0
        pooled = (high + low) / 2
        spread = (high * (1 - high) + low * (1 - low)) * samples / (prompts * self.worth)
        beyond = gap * root - normal_quantile(1 - level / 2) * math.sqrt(2 * pooled * (1 - pooled))
        return normal_chance(beyond / math.sqrt(spread)) if spread > 0 else float(beyond > 0)

    def least(self, level: float) -> float:
        """Return the prompts a side with which all against none reaches the level."""
        samples = 2
        while 2 / math.comb(2 * samples, samples) > level:
            samples += 1
        prompts = samples / self.worth
        while self.samples(prompts) < samples:
            prompts *= 1.02
        return prompts

    def varied(self, factor: float) -> FisherTest:
        """Return the test of families so much more alike that rates have so many times the variance, if they can."""
        return replace(self, families=self.families.more_alike(factor))

    def without_skewness(self) -> FisherTest:
        """Return the test itself."""
        return self

    def averaged(self, level: float, power: float) -> FisherTest:
        """Return the test itself: simulations find the numbers of small sets large enough."""
        return self
