"""Training runs as the unit: what can be said of a recipe or a dose, and not only of these checkpoints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sqlalchemy.engine import Connection

from charbench.analysis.differences import Difference
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
    """Compare two groups of runs, a value for each run: its mean over the prompts that all of them were asked.

    Welch's t over runs, held by a permutation (:func:`welch`). None where they share no prompts.
    """
    shared = set.intersection(*(set(side.known) for side in (*a, *b)))
    if not shared:
        return None
    keys = sorted(shared)
    first, second = [_mean(side, keys) for side in a], [_mean(side, keys) for side in b]
    found = welch(first, range(len(a)), second, range(len(b)))
    low, high = found.low, found.high
    if measure.is_rate and math.isfinite(low):
        low, high = max(-1.0, low), min(1.0, high)
    test = f"{found.test} {OVER_RUNS}"
    return Difference(found.value, low, high, found.p, test, False, found.count, found.clusters, found.low_precision)


def _mean(side: Side, keys: Sequence[UnitKey]) -> float:
    return sum(side.values(keys)) / len(keys)
