"""How much the answers in the store vary, and what that means for the number of prompts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean, median

from sqlalchemy.engine import Connection

from charbench.analysis.families import Families
from charbench.analysis.planned_tests import PairedTest
from charbench.analysis.power import POWER, Spread, detectable, limits, prompts_needed, spread, variance_of_differences
from charbench.analysis.tiers import LEVEL
from charbench.errors import UnknownNameError
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

    ``test`` is what :func:`charbench.report.compare.pairs.planned_pair` says of two checkpoints whose prompts are asked
    ``epochs`` times as now, on average over the pairs; ``variance`` that of one prompt then, without what families add;
    ``parts`` where it comes from, None where no prompt was asked twice. ``prompts`` is what two checkpoints share.
    """

    label: str
    checkpoints: int
    prompts: int
    epochs: float
    variance: float
    parts: Spread | None
    test: PairedTest
    is_rate: bool

    def needed(
        self, difference: float, epochs: int, level: float = LEVEL, power: float = POWER
    ) -> tuple[int | None, int | None]:
        """Return between how many prompts show the difference, each asked so many times; None where too many.

        One number twice where it is known how much of the variance is that of single answers. If the rates and
        their variation stay as they were observed. Asked as often as now, it is the number that ``compare`` gives.
        """
        low, high = (prompts_needed(difference, test, level, power) for test in self._tests(epochs))
        return low, high

    @property
    def limits(self) -> tuple[float, float] | None:
        """What times the variance the true one is likely to be; None where it is well known, or assumed."""
        return limits(self.test)

    def smallest(self, level: float = LEVEL, power: float = POWER) -> float:
        """Return the smallest difference that the present prompts show; infinity where they can show none."""
        return detectable(self.prompts, self.test, level, power, 1.0 if self.is_rate else math.inf)

    @property
    def effect(self) -> float:
        """What families multiply the variance by."""
        return self.test.variance / self.variance if self.variance > 0 else 1.0

    def _tests(self, epochs: int) -> tuple[PairedTest, PairedTest]:
        """Return the tests of prompts that are asked so many times, where the most and where the least is noise.

        Answers are independent of each other, so families multiply only what prompts differ by.
        """
        if math.isclose(epochs, self.epochs):
            return self.test, self.test
        more = epochs / self.epochs
        if self.parts is not None:
            noise = min(self.test.variance, self.parts.answers / self.epochs)
            test = self._asked(self.test.variance - noise + noise / more, epochs)
            return test, test
        if more < 1:
            test = self._asked(self.test.variance, epochs)
            return test, test
        return self._asked(self.test.variance / more, epochs), self._asked(
            self.test.variance, 1 if self.epochs == 1 else epochs
        )

    def _asked(self, variance: float, epochs: int) -> PairedTest:
        single = self.is_rate and epochs == 1 and self.test.families.effective == 1
        return replace(self.test, variance=variance, step=1 / epochs if self.is_rate else 0.0, single=single)


def assumed(rate: float, difference: float) -> Variation:
    """Return the variation of two checkpoints with rates ``rate`` and ``difference`` more (or less, above 1).

    Their answers are taken as independent, which is the worst that is likely: like checkpoints succeed on
    the same prompts, and then fewer prompts are enough.
    """
    other = rate + difference if rate + difference <= 1 else rate - difference
    variance = rate * (1 - rate) + max(0.0, other * (1 - other))
    test = PairedTest(variance, step=1.0, single=True)
    return Variation(f"assumed: {rate:.0%} against {other:.0%}", 0, 0, 1.0, variance, None, test, True)


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
    samplers = {group.sampler for group in groups}
    if sampler and sampler not in samplers:
        raise UnknownNameError("sampler", sampler, samplers)
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
    widest = max(tests, key=lambda test: sum(test.families.sizes))
    return Variation(
        persona,
        len(sides),
        round(median(len(shared) for _, _, shared in pairs)),
        fmean((a.judged_in(shared) + b.judged_in(shared)) / (2 * len(shared)) for a, b, shared in pairs),
        fmean(variances),
        Spread(fmean(p.prompts for p in parts), fmean(p.answers for p in parts)) if parts else None,
        PairedTest(
            fmean(test.variance for test in tests),
            Families(widest.families.sizes, fmean(test.families.alike for test in tests)),
            fmean(test.step for test in tests),
            all(test.single for test in tests),
            fmean(test.known for test in tests) * (len(sides) - 1),
            _spread(tests, len(sides) - 1),
        ),
        measure.is_rate,
    )


def _spread(tests: Sequence[PairedTest], more: int) -> tuple[float, ...]:
    """Return what is not known of how alike families are, of pairs of so many sides more than one."""
    means = (fmean(math.log(factor) for factor in of) for of in zip(*(test.spread for test in tests), strict=True))
    return tuple(math.exp(mean / math.sqrt(more)) for mean in means)
