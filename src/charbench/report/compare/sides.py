"""What is compared: sides, each one or more checkpoints, with their answers prompt by prompt."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy.engine import Connection

from charbench.analysis.clusters import prompt_clusters
from charbench.report.compare.metric import Measure
from charbench.store.by_prompt import PromptTally, nobody_looked, prompt_tallies
from charbench.store.summaries import GroupTotals

UnitKey = tuple[str, str]
"""Persona and prompt: only answers to the same prompt, judged for the same persona, make a pair."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A side's answers to one prompt: each checkpoint's mean over its epochs, then the mean over checkpoints.

    ``hits`` of ``samples`` reach the threshold, of all checkpoints together; ``in_thinking`` do in thinking and
    ``in_both`` in both, of checkpoints whose responses to it all have a value. ``value`` is what is compared, ``mean``
    the metric's plain mean (NaN without a response), ``thinking`` the rate in thinking, which is out of ``thought``
    samples; ``within`` estimates the variance of one answer of a checkpoint, NaN where none answered twice;
    ``variance`` is that of all answers to the prompt, of any checkpoint, NaN of fewer than two.
    """

    name: str
    family: str
    samples: int
    hits: int
    in_thinking: int
    in_both: int
    thought: int
    value: float
    mean: float
    thinking: float
    within: float
    variance: float


@dataclass(slots=True)
class Side:
    """One side of a comparison. Counts are of samples that did not fail.

    ``judged`` of them are what its rate or mean is out of, ``unscored`` are not scored yet, and ``missing`` could not
    be scored.
    """

    label: str
    groups: list[GroupTotals]
    units: dict[UnitKey, Unit] = field(default_factory=dict)
    samples: int = 0
    responses: int = 0
    judged: int = 0
    unscored: int = 0
    missing: int = 0
    hits: int = 0
    in_thinking: int = 0
    in_both: int = 0

    @property
    def uris(self) -> list[str]:
        """The checkpoints' URIs."""
        return sorted({group.uri for group in self.groups})

    @property
    def kinds(self) -> str:
        """The checkpoints' kinds."""
        return "/".join(sorted({group.kind for group in self.groups}))

    @property
    def personas(self) -> str:
        """The personas that they are compared for."""
        return "/".join(sorted({persona for persona, _ in self.units}))

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The rate (0 to 1) if no sample that could not be scored had the trait, and if all of them had.

        None where none is missing, or nothing is known.
        """
        whole = self.judged + self.missing
        if not self.missing or not self.judged:
            return None
        return self.hits / whole, (self.hits + self.missing) / whole

    def values(self, keys: Iterable[UnitKey]) -> list[float]:
        """Return the compared values of these prompts."""
        return [self.units[key].value for key in keys]

    @property
    def given_response(self) -> float:
        """The rate among responses that have a value; NaN without any."""
        valued = self.responses - self.missing - self.unscored
        return self.hits / valued if valued > 0 else math.nan

    @property
    def known(self) -> list[UnitKey]:
        """The prompts that have a value."""
        return [key for key, unit in self.units.items() if math.isfinite(unit.value)]

    def judged_in(self, keys: Iterable[UnitKey]) -> int:
        """Return how many samples answer these prompts."""
        return sum(self.judged_by_prompt(keys))

    def judged_by_prompt(self, keys: Iterable[UnitKey]) -> list[int]:
        """Return how many samples answer each of these prompts."""
        return [self.units[key].samples for key in keys]

    def clusters(self, keys: Sequence[UnitKey]) -> list[Hashable]:
        """Return the cluster of each prompt (:func:`charbench.analysis.clusters.prompt_clusters`)."""
        return prompt_clusters([prompt for _, prompt in keys], [self.units[key].family for key in keys])


def read_sides(connection: Connection, sides: Sequence[Side], measure: Measure, personas: Sequence[str]) -> None:
    """Fill in the sides' answers. Samples of a base model count once for each of ``personas``."""
    wanted: dict[str, dict[int, list[Side]]] = {}
    for side in sides:
        for group in side.groups:
            for persona in personas_of(group, personas):
                wanted.setdefault(persona, {}).setdefault(group.id, []).append(side)
    for persona, holders in wanted.items():
        found: dict[tuple[int, str], list[_Counted]] = {}
        takes = {(id(side), g.id): g for side in sides for g in side.groups if persona in personas_of(g, personas)}
        numbers = {id(side): n for n, side in enumerate(sides)}
        by_group: dict[int, list[PromptTally]] = {}
        for tally in prompt_tallies(connection, list(holders), measure.series.get(persona)):
            by_group.setdefault(tally.group, []).append(tally)
        for number, tallies in by_group.items():
            for side in holders[number]:
                taken = [tally for tally in tallies if takes[id(side), number].takes(tally.prompt)]
                unseen = not measure.is_responses and nobody_looked(taken)
                for tally in taken:
                    counted = _counted(tally, measure, unseen=unseen)
                    _count(side, counted, measure)
                    found.setdefault((numbers[id(side)], tally.prompt), []).append(counted)
        for (place, prompt), mine in found.items():
            sides[place].units[persona, prompt] = _unit(mine, measure)


def same_answers(a: Side, b: Side) -> bool:
    """Return whether the two differ in prompts alone: then what one prompt has on both sides are the same samples."""
    groups = {group.id for group in a.groups}
    return bool(groups) and groups == {group.id for group in b.groups} and a.units.keys() != b.units.keys()


def personas_of(group: GroupTotals, personas: Sequence[str]) -> Sequence[str]:
    """Return the personas that a group is compared for: its own, or every one where it has none."""
    if group.persona and group.kind != "base":
        return [group.persona]
    return [persona for persona in personas if persona in group.personas]


class _Counted(NamedTuple):
    """A tally with what is known of its samples: ``judged`` of them have a value, or no response and so no trait.

    ``thought`` is the same of their thinking. Of the others nobody scored the response (``unscored``), or there is no
    value (``missing``).
    """

    tally: PromptTally
    judged: int
    thought: int
    unscored: int
    missing: int


def _counted(tally: PromptTally, measure: Measure, *, unseen: bool) -> _Counted:
    if measure.is_responses:
        return _Counted(tally, tally.answered, 0, 0, 0)
    without = tally.answered if unseen and measure.is_rate else tally.responses - tally.valued
    unscored = min(tally.answered - tally.scored, without)
    judged = tally.judged(unseen=unseen) if measure.is_rate else tally.valued
    return _Counted(tally, judged, tally.thought(unseen=unseen), unscored, without - unscored)


def _count(side: Side, counted: _Counted, measure: Measure) -> None:
    tally = counted.tally
    side.samples += tally.answered
    side.responses += tally.responses
    side.judged += counted.judged
    side.unscored += counted.unscored
    side.missing += counted.missing
    side.hits += tally.responses if measure.is_responses else tally.hits
    if not measure.is_responses:
        side.in_thinking += tally.thinking_hits
        side.in_both += tally.both_hits


def _unit(mine: Sequence[_Counted], measure: Measure) -> Unit:
    tallies = [one.tally for one in mine]
    values = [_value(one, measure) for one in mine]
    within = [_within(one, measure, value) for one, value in zip(mine, values, strict=True)]
    judged = sum(one.judged for one in mine)
    thinking = [one.tally.thinking_hits / one.thought for one in mine if one.thought and measure.has_thinking]
    means = [tally.total / tally.valued for tally in tallies if tally.valued]
    first = tallies[0]
    hits = sum(tally.responses if measure.is_responses else tally.hits for tally in tallies)
    both = [one.tally for one in mine if not one.unscored and not one.missing]
    counts = judged, hits, sum(t.thinking_hits for t in both), sum(t.both_hits for t in both)
    variance = _variance(judged, sum(t.total for t in tallies), sum(t.squares for t in tallies))
    figures = _mean(values), _mean(means), _mean(thinking), _mean(within), variance
    return Unit(first.name, first.family, *counts, sum(one.thought for one in mine), *figures)


def _value(one: _Counted, measure: Measure) -> float:
    if not one.judged:
        return math.nan
    if measure.is_responses:
        return one.tally.responses / one.judged
    return (one.tally.hits if measure.is_rate else one.tally.total) / one.judged


def _within(one: _Counted, measure: Measure, value: float) -> float:
    """Return the unbiased variance of one answer."""
    if one.judged < 2:
        return math.nan
    if measure.is_rate:
        return one.judged / (one.judged - 1) * value * (1 - value)
    return _variance(one.judged, one.tally.total, one.tally.squares)


def _variance(count: int, total: float, squares: float) -> float:
    return max(0.0, (squares - total * total / count) / (count - 1)) if count > 1 else math.nan


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan
