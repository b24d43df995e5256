"""How much the answers in the store vary, and what that means for the number of prompts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median

from sqlalchemy.engine import Connection

from charbench.analysis.power import (
    LEVEL,
    POWER,
    PairedTest,
    Spread,
    detectable,
    limits,
    prompts_needed,
    spread,
    variance_of_differences,
)
from charbench.report.compare.metric import Measure, choose_measure
from charbench.report.compare.pairs import planned_pair, shared_prompts
from charbench.report.compare.select import comparable, one_sampler
from charbench.report.compare.sides import Side, personas_of, read_sides
from charbench.store.by_prompt import series_of
from charbench.store.selection import select_settings
from charbench.store.summaries import GroupTotals, scored_metrics

MOST_SIDES = 20
"""Of a persona with more checkpoints, those with the most samples tell how much answers vary."""


@dataclass(frozen=True, slots=True)
class Variation:
    """How much a paired difference varies from prompt to prompt, in the metric's unit squared.

    ``variance`` is that of one prompt asked ``epochs`` times; ``parts`` where it comes from, None where no
    prompt was asked twice. ``prompts`` is what two checkpoints share, ``effect`` what families multiply the variance
    by, ``family`` the effective number of prompts in a family.
    """

    label: str
    checkpoints: int
    prompts: int
    epochs: float
    variance: float
    parts: Spread | None
    effect: float
    family: float
    is_rate: bool
    known: float = math.inf
    """Degrees of freedom that the variance of a metric was estimated with."""

    def needed(
        self, difference: float, epochs: int, level: float = LEVEL, power: float = POWER
    ) -> tuple[int | None, int | None]:
        """Return between how many prompts show the difference, each asked so many times; None where too many.

        One number twice where it is known how much of the variance is that of single answers. If the rates and
        their variation stay as they were observed.
        """
        if self.parts is not None:
            low = high = prompts_needed(difference, self._test(self.parts.of_a_prompt(epochs), epochs), level, power)
            return low, high
        more = max(1.0, epochs / self.epochs)
        high = prompts_needed(difference, self._test(self.variance, 1 if self.epochs == 1 else epochs), level, power)
        if more == 1:
            return high, high
        return prompts_needed(difference, self._test(self.variance / more, epochs), level, power), high

    @property
    def limits(self) -> tuple[float, float] | None:
        """What times the variance the true one is likely to be; None where it is well known, or assumed."""
        return limits(self.known)

    def smallest(self, level: float = LEVEL, power: float = POWER) -> float:
        """Return the smallest difference that the present prompts show; infinity where they can show none."""
        test = self._test(self.variance, self.epochs)
        return detectable(self.prompts, test, level, power, 1.0 if self.is_rate else math.inf)

    def _test(self, variance: float, epochs: float) -> PairedTest:
        single = self.is_rate and epochs == 1 and self.family == 1
        step = 1 / epochs if self.is_rate else 0.0
        return PairedTest(variance * self.effect, self.family, step, single, self.known)


def assumed(rate: float, difference: float) -> Variation:
    """Return the variation of two checkpoints with rates ``rate`` and ``difference`` more (or less, above 1).

    Their answers are taken as independent, which is the worst that is likely: like checkpoints succeed on
    the same prompts, and then fewer prompts are enough.
    """
    other = rate + difference if rate + difference <= 1 else rate - difference
    variance = rate * (1 - rate) + max(0.0, other * (1 - other))
    return Variation(f"assumed: {rate:.0%} against {other:.0%}", 0, 0, 1.0, variance, None, 1.0, 1.0, True)


def measured(
    connection: Connection,
    metric: str | None,
    personas: Sequence[str],
    sampler: str | None,
    settings: Sequence[str] = (),
) -> tuple[Measure, list[Variation]]:
    """Return the metric, and how much each persona's checkpoints vary on it; personas without a pair left out."""
    selection = select_settings(connection, personas, settings)
    scored = scored_metrics(connection, selection.scorings)
    measure = choose_measure(series_of(connection, selection.scorings), metric, scored)
    groups = comparable(selection.groups)
    found = []
    for persona in personas or sorted({group.persona for group in groups if group.persona}):
        mine = [group for group in groups if persona in personas_of(group, [persona])]
        variation = _variation(connection, persona, mine, measure, sampler)
        if variation is not None:
            found.append(variation)
    return measure, found


def _variation(
    connection: Connection, persona: str, groups: Sequence[GroupTotals], measure: Measure, sampler: str | None
) -> Variation | None:
    by_uri: dict[str, Side] = {}
    for group in sorted(groups, key=lambda group: -group.totals["samples"]):
        if sampler in (None, group.sampler):
            by_uri.setdefault(group.uri, Side(group.name, [])).groups.append(group)
    sides = list(by_uri.values())[:MOST_SIDES]
    if len(sides) < 2:
        return None
    one_sampler(sides, None, [])
    read_sides(connection, sides, measure, [persona])
    pairs = [(a, b, shared) for a, b in combinations(sides, 2) if (shared := shared_prompts(a, b))]
    tests, parts, variances = [], [], []
    for a, b, shared in pairs:
        if (test := planned_pair(a, b, shared, measure)) is None:
            continue
        tests.append(test)
        gaps = [x - y for x, y in zip(a.values(shared), b.values(shared), strict=True)]
        variances.append(variance_of_differences(gaps, step=test.step))
        twice = [key for key in shared if math.isfinite(a.units[key].within + b.units[key].within)]
        within = [a.units[key].within + b.units[key].within for key in twice]
        epochs = [min(a.units[key].samples, b.units[key].samples) for key in twice]
        if (split := spread(gaps, within, epochs, step=test.step)) is not None:
            parts.append(split)
    if not tests:
        return None
    counts = [(len(side.known), side.judged_in(side.known)) for side in sides if side.known]
    variance = fmean(variances)
    return Variation(
        persona,
        len(sides),
        round(median(len(shared) for _, _, shared in pairs)),
        fmean(samples / prompts for prompts, samples in counts),
        variance,
        Spread(fmean(p.prompts for p in parts), fmean(p.answers for p in parts)) if parts else None,
        max(1.0, fmean(test.variance for test in tests) / variance) if variance > 0 else 1.0,
        fmean(test.family for test in tests),
        measure.is_rate,
        fmean(test.known for test in tests) * (len(sides) - 1),
    )
