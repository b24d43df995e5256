"""Training runs as the unit: what can be said of a recipe or a dose, and not only of these checkpoints."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from sqlalchemy.engine import Connection

from charbench.analysis.differences import Difference
from charbench.analysis.incomplete_tables import adjusted_means
from charbench.analysis.unpaired import welch
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.uris import TinkerPath
from charbench.report.compare.metric import Measure
from charbench.report.compare.sides import Side, UnitKey, read_sides

LEAST_RUNS = 2
OVER_RUNS = "over training runs"


def training_runs(checkpoints: Sequence[Checkpoint]) -> dict[str, str | None]:
    """Return the training run that made each checkpoint, by URI; None where nothing tells.

    The saves of one run are one observation of its recipe: what was saved under one run id of the service is one run,
    and so is what was saved under several ids where the lab's files give one run for it (it was resumed).
    """
    ids = {one.uri: path.run for one in checkpoints if (path := TinkerPath.parse(one.uri))}
    called: dict[str, str] = {}
    for one in sorted(checkpoints, key=lambda one: one.uri):
        if one.run and one.uri in ids:
            called.setdefault(ids[one.uri], one.run)
    return {one.uri: called.get(ids.get(one.uri, ""), one.run or ids.get(one.uri)) for one in checkpoints}


def runs_of_sides(
    connection: Connection,
    sides: Sequence[Side],
    runs: Mapping[str, str | None],
    measure: Measure,
    personas: Sequence[str],
) -> dict[int, list[Side]]:
    """Return of each side that holds two training runs or more (by its place) a side for each of its runs.

    ``runs`` tells the run of each checkpoint by URI (None: it is a run of its own). All are read for the prompts that
    they were asked.
    """
    found: dict[int, list[Side]] = {}
    for place, side in enumerate(sides):
        by_run: dict[str, Side] = {}
        for group in side.groups:
            by_run.setdefault(runs.get(group.uri) or group.uri, Side(group.name, [])).groups.append(group)
        if len(by_run) >= LEAST_RUNS:
            found[place] = list(by_run.values())
    read_sides(connection, [side for mine in found.values() for side in mine], measure, personas)
    return found


def compare_runs(a: Sequence[Side], b: Sequence[Side], measure: Measure) -> Difference | None:
    """Compare two groups of runs, a value for each run: its mean over the prompts of both groups.

    Those are the prompts that half or more of each group's runs have a value for. Where a run lacks some, the mean is
    that of the additive model (:func:`adjusted_means`): with the prompts alone that all runs were asked, few would be
    left of many runs that each lack some. Welch's t over runs, held by a permutation (:func:`welch`). None where
    prompts do not connect all runs.
    """
    keys = sorted(_asked_of_half(a) & _asked_of_half(b))
    means = adjusted_means(np.array([[_value(side, key) for key in keys] for side in (*a, *b)], dtype=float))
    if means is None:
        return None
    found = welch(means[: len(a)], range(len(a)), means[len(a) :], range(len(b)))
    value, low, high = found.value, found.low, found.high
    if measure.is_rate:
        value, low, high = (max(-1.0, min(1.0, one)) if math.isfinite(one) else one for one in (value, low, high))
    test = f"{found.test} {OVER_RUNS}"
    return Difference(value, low, high, found.p, test, False, found.count, found.clusters, found.low_precision)


def lack_prompts(runs: Iterable[Sequence[Side]]) -> bool:
    """Return whether some runs have no value for prompts that other runs have one for."""
    return len({frozenset(side.known) for mine in runs for side in mine}) > 1


def _asked_of_half(runs: Sequence[Side]) -> set[UnitKey]:
    counts = Counter(key for side in runs for key in side.known)
    return {key for key, count in counts.items() if 2 * count >= len(runs)}


def _value(side: Side, key: UnitKey) -> float:
    unit = side.units.get(key)
    return math.nan if unit is None else unit.value
