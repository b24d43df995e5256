"""Whether an instrument is right often enough, decided with as few trials as it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class SequentialTest:
    """Wald's sequential probability ratio test of a share of right answers, at fixed looks and cut off in the end.

    An instrument that is right in a share ``good`` of its answers is to pass, one that is right in ``bad`` of them to
    fail; shares are 0 to 1. ``alpha`` and ``beta`` are the nominal probabilities that the good one fails and the bad
    one passes. It is looked at after every ``every`` answers, and after ``most`` of them it is decided in any case, for
    the likelier of the two. What it does at these looks is computed exactly by :meth:`passes`: with the defaults
    0.90 passes with probability 0.9975, and 0.70 with 0.035. One that is always right passes after 12 answers.

    Source: Wald (1945), "Sequential tests of statistical hypotheses", Annals of Mathematical Statistics 16, p. 117,
    section 3; its values at fixed looks by the recursion of Armitage, McPherson and Rowe (1969), "Repeated
    significance tests on accumulating data", JRSS A 132, p. 235.
    """

    good: float = 0.9
    bad: float = 0.7
    alpha: float = 0.003
    beta: float = 0.05
    every: int = 4
    most: int = 120

    def __post_init__(self) -> None:
        if not 0 < self.bad < self.good < 1:
            raise ValueError(f"0 < bad < good < 1 is needed, not bad {self.bad} and good {self.good}")
        if not (0 < self.alpha < 0.5 and 0 < self.beta < 0.5):
            raise ValueError(f"alpha {self.alpha} and beta {self.beta} are not between 0 and 0.5")
        if not 1 <= self.every <= self.most:
            raise ValueError(f"1 <= every <= most is needed, not {self.every} and {self.most}")

    def decide(self, right: int, wrong: int) -> bool | None:
        """Return True for passed, False for failed, None: more answers are needed.

        It must be asked after each look: an instrument that has failed at one is not asked again.
        """
        answers = right + wrong
        if min(right, wrong) < 0:
            raise ValueError(f"{right} right and {wrong} wrong are no counts")
        if answers == 0 or (answers % self.every and answers < self.most):
            return None
        ratio = wrong * self._steps[1] + right * self._steps[0]
        if ratio >= math.log((1 - self.beta) / self.alpha):
            return False
        if ratio <= math.log(self.beta / (1 - self.alpha)):
            return True
        return ratio <= 0 if answers >= self.most else None

    def passes(self, share: float) -> tuple[float, float]:
        """Return with which probability an instrument passes that is right in ``share`` of its answers.

        And after how many answers it is decided, on average. Answers are independent.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"share {share} is not between 0 and 1")
        undecided, passed, answers = {0: 1.0}, 0.0, 0.0
        for number in range(1, self.most + 1):
            after: dict[int, float] = {}
            for wrong, probability in undecided.items():
                after[wrong] = after.get(wrong, 0.0) + probability * share
                after[wrong + 1] = after.get(wrong + 1, 0.0) + probability * (1 - share)
            undecided = {}
            for wrong, probability in after.items():
                decision = self.decide(number - wrong, wrong)
                if decision is None:
                    undecided[wrong] = probability
                    continue
                passed += probability * decision
                answers += number * probability
        return passed, answers

    @cached_property
    def _steps(self) -> tuple[float, float]:
        """What a right and a wrong answer add to the logarithm of the likelihood ratio, bad over good."""
        return math.log(self.bad / self.good), math.log((1 - self.bad) / (1 - self.good))
