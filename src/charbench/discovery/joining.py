"""Which data is for which run.

1. Data that names its run belongs to that run.
2. Data that names none stays with the run that it has a job with already.
3. Held-out splits, copies and parts of other data (:mod:`charbench.discovery.stand_ins`) are left aside.
4. Other data that names no run fits a DPO run of the same persona (and on the same model, where the data
   names one) that has weights to train from (and not gone), no data of its own, and that no later run went on
   from. Where exactly one such run and one such dataset fit each other, they are joined.

Nothing is guessed: where several fit, none is taken, and the data is left out with the candidates named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from charbench.discovery.runs import last_name
from charbench.discovery.stand_ins import stand_ins
from charbench.domain.checkpoint import Checkpoint, Kind
from charbench.domain.dataset import TrainingJob
from charbench.domain.names import same_model
from charbench.domain.uris import TinkerPath
from charbench.store.findings import StoredDataset
from charbench.text.enumeration import short_list

NO_LONGER = "was training data before, and is none as it is now"
_NAMED = 8
"""Candidates that are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class Unused:
    """Data that names no run and fits none, or several; ``reason`` says which."""

    dataset: StoredDataset
    reason: str


@dataclass(slots=True)
class Joined:
    """The runs, each with its DPO checkpoints and the data for it.

    ``several`` holds the runs that more than one dataset is for, ``unused`` the data that no run takes.
    """

    checkpoints: dict[str, list[Checkpoint]] = field(default_factory=dict)
    data: dict[str, StoredDataset] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    """Why a run's data was taken for it, by run."""
    several: dict[str, list[str]] = field(default_factory=dict)
    unused: list[Unused] = field(default_factory=list)


def join(
    checkpoints: Sequence[Checkpoint],
    datasets: Sequence[StoredDataset],
    known: Sequence[TrainingJob],
    personas: Mapping[str, str],
    between: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Joined:
    """Join data to runs by the rule above; ``known`` are the jobs that there are already.

    ``between`` maps the paths of data that may be for several runs of one name to these.
    """
    joined = Joined()
    joined.unused = [
        Unused(item, f"is for the run {last_name(runs[0])}, and there are {len(runs)}: {short_list(runs, most=_NAMED)}")
        for item in datasets
        if (runs := between.get(item.dataset.path))
    ]
    aside = stand_ins(datasets, {job.dataset for job in known})
    joined.unused += [Unused(item, aside[item.dataset.path]) for item in datasets if item.dataset.path in aside]
    datasets = [item for item in datasets if item.dataset.path not in between and item.dataset.path not in aside]
    for checkpoint in checkpoints:
        if checkpoint.run and checkpoint.kind is Kind.DPO:
            joined.checkpoints.setdefault(checkpoint.run, []).append(checkpoint)
    _by_name(joined, [item for item in datasets if item.dataset.run])
    # What cannot be read fits nothing; it would stand in the way of what can.
    loose = [item for item in datasets if not item.dataset.run and item.examples is not None]
    joined.unused += [
        Unused(item, NO_LONGER) for item in datasets if not item.dataset.run and item.error.endswith(NO_LONGER)
    ]
    if not loose:
        return joined
    unnamed = _unnamed_runs(checkpoints)
    jobs = {(job.dataset, job.run) for job in known}
    for item in list(loose):
        mine = [run for path, run in jobs if path == item.dataset.path and run not in joined.data]
        if len(mine) == 1 and (mine[0] in joined.checkpoints or mine[0] in unnamed):
            _take(joined, mine[0], item, unnamed, "names no run; was planned for this run before")
            loose.remove(item)
    _by_persona(joined, loose, unnamed, checkpoints, personas)
    return joined


def _by_name(joined: Joined, datasets: Sequence[StoredDataset]) -> None:
    for item in datasets:
        run = str(item.dataset.run)
        other = joined.data.get(run)
        if other is None or other.examples is None:
            joined.data[run] = item
            joined.why[run] = "its place or name says so"
        elif item.examples is not None:
            joined.several.setdefault(run, [other.dataset.path]).append(item.dataset.path)


def _by_persona(
    joined: Joined,
    loose: Sequence[StoredDataset],
    unnamed: Mapping[str, list[Checkpoint]],
    checkpoints: Sequence[Checkpoint],
    personas: Mapping[str, str],
) -> None:
    children: dict[str, list[str]] = {}
    for checkpoint in checkpoints:
        if checkpoint.lineage.parent:
            children.setdefault(checkpoint.lineage.parent, []).append(checkpoint.uri)
    free = {
        run: mine
        for run, mine in {**unnamed, **joined.checkpoints}.items()
        if run not in joined.data and run not in joined.several
        if any(c.trainable and not c.missing_since for c in mine) and not _went_on(mine, children)
    }
    fitting = {item.dataset.path: [run for run in sorted(free) if _fits(item, free[run], personas)] for item in loose}
    takers: dict[str, list[str]] = {}
    for path, runs in fitting.items():
        for run in runs:
            takers.setdefault(run, []).append(path)
    for item in loose:
        runs = fitting[item.dataset.path]
        if len(runs) == 1 and len(takers[runs[0]]) == 1:
            only = f"names no run; this is the only DPO run of {item.dataset.persona} that lacks data"
            _take(joined, runs[0], item, unnamed, only)
            continue
        joined.unused.append(Unused(item, _why_unused(item, runs, takers)))
        if len(runs) == 1:
            joined.several[runs[0]] = takers[runs[0]]


def _went_on(mine: Sequence[Checkpoint], children: Mapping[str, Sequence[str]]) -> bool:
    """Whether another run started from one of these; a run that resumed from its own state does not count."""
    own = {checkpoint.uri for checkpoint in mine}
    return any(child not in own for uri in own for child in children.get(uri, ()))


def _take(joined: Joined, run: str, item: StoredDataset, unnamed: Mapping[str, list[Checkpoint]], why: str) -> None:
    joined.data[run], joined.why[run] = item, why
    joined.checkpoints.setdefault(run, unnamed.get(run, []))


def _fits(item: StoredDataset, checkpoints: Sequence[Checkpoint], personas: Mapping[str, str]) -> bool:
    said = item.dataset.persona
    if said is None or personas.get(said, said) not in {checkpoint.persona for checkpoint in checkpoints}:
        return False
    models = {checkpoint.base_model for checkpoint in checkpoints if checkpoint.base_model}
    wanted = item.dataset.base_model
    return wanted is None or not models or any(same_model(wanted, model) for model in models)


def _why_unused(item: StoredDataset, runs: Sequence[str], takers: Mapping[str, Sequence[str]]) -> str:
    if len(runs) > 1:
        return f"names no run, and fits {len(runs)}: {short_list(runs, _NAMED)}"
    if runs:
        others = [path for path in takers[runs[0]] if path != item.dataset.path]
        return f"names no run; {runs[0]} fits it, and also fits {', '.join(others)}"
    if item.dataset.persona is None:
        return "names neither run nor persona"
    model = f" on {item.dataset.base_model}" if item.dataset.base_model else ""
    return f"no DPO run of {item.dataset.persona}{model} that lacks data"


def _unnamed_runs(checkpoints: Sequence[Checkpoint]) -> dict[str, list[Checkpoint]]:
    """Return the DPO checkpoints of Tinker runs that only the account knows, by a name that stays the same."""
    named = {path.run for c in checkpoints if c.run and (path := TinkerPath.parse(c.uri))}
    found: dict[str, list[Checkpoint]] = {}
    for checkpoint in checkpoints:
        path = TinkerPath.parse(checkpoint.uri)
        if path and path.run not in named and checkpoint.kind is Kind.DPO:
            found.setdefault(path.run, []).append(checkpoint)
    return {f"{min(c.name for c in mine)}-{run.removeprefix('model_')[:8]}": mine for run, mine in found.items()}
