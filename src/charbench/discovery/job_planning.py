"""Which training jobs follow from what was found, and why other runs have none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from charbench.datasets.forms import PREFERENCES
from charbench.datasets.health import faults
from charbench.discovery.joining import Joined, join
from charbench.discovery.lab_state import LabState
from charbench.domain.checkpoint import Checkpoint, Kind, name_from_uri
from charbench.domain.dataset import Health, JobStatus, RunState, TrainingJob, TrainingRun
from charbench.domain.names import tokens
from charbench.domain.uris import TinkerPath, save_of
from charbench.store.findings import StoredDataset
from charbench.store.runs import utc_now
from charbench.text.enumeration import short_list

EPOCH = datetime(1970, 1, 1)
_NOT_DPO = (Kind.SFT, Kind.MERGED, Kind.RL, Kind.REWARD_MODEL)
"""Kinds of runs that no introspection data is for."""


@dataclass(frozen=True, slots=True)
class JobPolicy:
    """What makes a job: enough examples, and data that is fit (or is taken all the same)."""

    min_examples: int = 500
    include_buggy: bool = False
    max_refusal_share: float = 0.2
    include_unfinished: bool = False
    """Also take checkpoints of runs that stopped half-way."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A run without a job, or data without a run (then ``run`` is its path), and why."""

    run: str
    persona: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class DataOfJob:
    """Why data was taken for a job's run, and what its health check counted."""

    why: str
    health: Health


@dataclass(frozen=True, slots=True)
class JobPlan:
    """The jobs that follow, and the runs that were left out."""

    jobs: tuple[TrainingJob, ...]
    left_out: tuple[LeftOut, ...]
    data: Mapping[str, DataOfJob] = field(default_factory=dict)
    """What is known of the data of the jobs that follow from what is there, by job."""

    @property
    def jobs_waiting(self) -> tuple[TrainingJob, ...]:
        """The jobs that are still to be trained."""
        return tuple(job for job in self.jobs if job.status is JobStatus.PENDING)


def plan_lab(state: LabState, policy: JobPolicy, personas: Mapping[str, str]) -> JobPlan:
    """Plan the jobs that follow from what the store knows."""
    return plan_jobs(
        state.checkpoints, state.datasets, state.runs, state.known, policy, personas, state.between, state.tried
    )


def plan_jobs(
    checkpoints: Sequence[Checkpoint],
    datasets: Sequence[StoredDataset],
    runs: Sequence[TrainingRun],
    known: Sequence[TrainingJob],
    policy: JobPolicy,
    personas: Mapping[str, str],
    between: Mapping[str, Sequence[str]] = MappingProxyType({}),
    tried: Collection[str] = (),
) -> JobPlan:
    """Join checkpoints to data (:mod:`charbench.discovery.joining` has the rule); ``known`` jobs keep their states.

    ``between`` maps data to the runs of one name that it may be for; ``tried`` are jobs that were run before: one that
    was reset is trained again.
    """
    preferences = [item for item in datasets if item.dataset.form in PREFERENCES]
    joined = join(
        checkpoints, [item for item in datasets if item.dataset.form not in PREFERENCES], known, personas, between
    )
    runs_with_logs = _logs(checkpoints, joined, runs)
    saved = {checkpoint.run for checkpoint in checkpoints}
    evidence = _Evidence(joined, _children(checkpoints), _samplers(checkpoints), saved, known, tried, personas)
    states = {job.job_id: job for job in known}
    jobs: list[TrainingJob] = []
    left_out: list[LeftOut] = []
    data: dict[str, DataOfJob] = {}
    for name in sorted({*joined.checkpoints, *joined.data, *runs_with_logs}):
        planned = evidence.plan(name, runs_with_logs.get(name), policy)
        if isinstance(planned, LeftOut):
            left_out.append(planned)
        else:
            stored = states.get(planned.job_id)
            jobs.append(stored if stored is not None and _started(stored) else planned)
            data[planned.job_id] = DataOfJob(joined.why.get(name, ""), joined.data[name].health)
    mine = {job.job_id for job in jobs}
    finished = (job for job in known if job.job_id not in mine and job.status is not JobStatus.PENDING)
    ordered = sorted([*jobs, *finished], key=lambda job: (job.persona, job.run))
    return JobPlan(tuple(ordered), (*left_out, *_unused(joined, preferences)), data)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What a job is planned from, but for its run's log."""

    joined: Joined
    children: Mapping[tuple[str, str], Sequence[Checkpoint]]
    samplers: Mapping[tuple[str, str], str]
    saved: Collection[str | None]
    known: Sequence[TrainingJob]
    tried: Collection[str]
    personas: Mapping[str, str]

    def plan(self, run: str, log: TrainingRun | None, policy: JobPolicy) -> TrainingJob | LeftOut:
        """Return the job that a run makes, or why it makes none."""
        mine, dataset = self.joined.checkpoints.get(run, ()), self.joined.data.get(run)
        start = _starting_point(mine)
        persona = _persona(start, dataset, log, self.personas)
        old = _known_job(self.known, start, dataset)
        is_asked_for = old is not None and (_started(old) or old.job_id in self.tried)
        finished = None if is_asked_for else _child_of(mine, self.children)
        reason = (
            _several(run, self.joined) or finished or _why_not(start, dataset, log, policy, saved=run in self.saved)
        )
        if reason or dataset is None or start is None:
            return LeftOut(run, persona, reason or "incomplete")
        return TrainingJob(
            persona=old.persona if old and _started(old) else persona or "unknown",
            run=old.run if old else run,
            checkpoint=start.uri,
            sampler=_sampler_of(start, self.samplers),
            dataset=dataset.dataset.path,
            examples=dataset.examples or 0,
        )


def _logs(checkpoints: Sequence[Checkpoint], joined: Joined, runs: Sequence[TrainingRun]) -> dict[str, TrainingRun]:
    """Return the logs of runs that may make a job, by run: not of those that made something later than DPO alone."""
    later = {checkpoint.run for checkpoint in checkpoints if checkpoint.kind in _NOT_DPO}
    ours = {*joined.checkpoints, *joined.data}
    return {run.name: run for run in runs if run.name in ours or run.name not in later}


def _unused(joined: Joined, preferences: Sequence[StoredDataset]) -> list[LeftOut]:
    """Return the data that no job is made of, and why."""
    unused = [LeftOut(item.dataset.dataset.path, item.dataset.dataset.persona, item.reason) for item in joined.unused]
    return unused + [
        LeftOut(
            item.dataset.path,
            item.dataset.persona,
            f"{item.examples or 0:,} rows for {item.dataset.form.upper()}, not for SFT",
        )
        for item in preferences
    ]


def _known_job(
    known: Sequence[TrainingJob], start: Checkpoint | None, dataset: StoredDataset | None
) -> TrainingJob | None:
    """Return the job that trains this checkpoint on this data, whatever its run was called when it was planned."""
    if start is None or dataset is None:
        return None
    mine = [job for job in known if (job.checkpoint, job.dataset) == (start.uri, dataset.dataset.path)]
    return max(mine, key=_started, default=None)


def _children(checkpoints: Sequence[Checkpoint]) -> dict[tuple[str, str], list[Checkpoint]]:
    """Return what was trained further from each save by SFT, by the save's run id and plain name."""
    found: dict[tuple[str, str], list[Checkpoint]] = {}
    for checkpoint in checkpoints:
        if checkpoint.lineage.parent and checkpoint.kind in (Kind.SFT, Kind.MERGED):
            found.setdefault(save_of(checkpoint.lineage.parent), []).append(checkpoint)
    return found


def _child_of(mine: Sequence[Checkpoint], children: Mapping[tuple[str, str], Sequence[Checkpoint]]) -> str | None:
    """Say that a run is finished, where its weights were trained further by SFT already."""
    found = [child for checkpoint in mine for child in children.get(save_of(checkpoint.uri), ())]
    if not found:
        return None
    own = {checkpoint.run for checkpoint in mine}
    names = [child.name if child.run in own or not child.run else child.run for child in found]
    return f"finished: SFT child {short_list(list(dict.fromkeys(names)))}"


def _started(job: TrainingJob | None) -> bool:
    return job is not None and job.status is not JobStatus.PENDING


def _starting_point(checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    """Return the run's last training checkpoint: the one called final, else by the log's lines, else by date."""
    now = utc_now()
    trainable = [checkpoint for checkpoint in checkpoints if checkpoint.trainable and not _will_be_replaced(checkpoint)]

    def how_late(checkpoint: Checkpoint) -> tuple[bool, bool, int, datetime]:
        line = max((item.line or 0 for item in checkpoint.evidence), default=0)
        there = not checkpoint.missing_since and not (checkpoint.expires_at and checkpoint.expires_at <= now)
        return there, bool(checkpoint.metadata.get("final")), line, checkpoint.created_at or EPOCH

    return max(trainable, key=how_late, default=None)


def _will_be_replaced(checkpoint: Checkpoint) -> bool:
    """Whether a save is one of those that the next one deletes, or has been deleted so."""
    return bool(checkpoint.metadata.get("rolling") or checkpoint.metadata.get("replaced"))


def half_finished(checkpoint: Checkpoint, reached: int | None = None) -> str | None:
    """Say where a run stopped whose save is not its last, as far as anything tells; None where it ended.

    ``reached`` is the last step that the run's log tells of, where that is known.
    """
    known = checkpoint.metadata
    step, total = known.get("step", known.get("batch")), known.get("total_steps")
    step = max((at for at in (step, reached) if isinstance(at, int)), default=step)
    if known.get("final") or "final" in tokens(name_from_uri(checkpoint.uri)) or not known.get("half_finished"):
        return None
    at = f"at step {step}" if step is not None else "early"
    return f"half-finished: stopped {at}{f' of {total}' if total is not None else ''} (--include-unfinished takes it)"


def _samplers(checkpoints: Sequence[Checkpoint]) -> dict[tuple[str, str], str]:
    """Return sampler weights by their Tinker run and plain name."""
    found: dict[tuple[str, str], str] = {}
    for checkpoint in checkpoints:
        path = TinkerPath.parse(checkpoint.uri)
        if path and path.space == "sampler_weights":
            found.setdefault((path.run, path.plain_name), checkpoint.uri)
    return found


def _sampler_of(start: Checkpoint, samplers: Mapping[tuple[str, str], str]) -> str | None:
    """Return the sampler weights saved with a training checkpoint: the same run, and the same name."""
    path = TinkerPath.parse(start.uri)
    if path is None:
        return start.uri if start.sampleable else None
    return samplers.get((path.run, path.name))


def _persona(
    start: Checkpoint | None,
    dataset: StoredDataset | None,
    log: TrainingRun | None,
    personas: Mapping[str, str],
) -> str | None:
    said = (
        dataset.dataset.persona if dataset else None,
        start.persona if start else None,
        log.persona if log else None,
    )
    found = next((name for name in said if name), None)
    return personas.get(found, found) if found else None


def _several(run: str, joined: Joined) -> str | None:
    paths = joined.several.get(run)
    return f"{len(paths)} datasets are for it, and none is used: {', '.join(paths)}" if paths else None


def _why_not(
    start: Checkpoint | None, dataset: StoredDataset | None, log: TrainingRun | None, policy: JobPolicy, *, saved: bool
) -> str | None:
    if start is None and log is not None and log.state is RunState.UNFINISHED:
        of = f" of {log.total_steps}" if log.total_steps is not None else ""
        at = f"at step {log.step}{of}" if log.step is not None else "early"
        what = "; what it saved is not known to be DPO" if saved else " and nothing saved"
        return f"unfinished: its log ends {at} with no error{what}"
    if start is None:
        return "no DPO checkpoint in its log" if log else "no log and no DPO checkpoint"
    if start.expires_at is not None and start.expires_at <= utc_now():
        return f"its DPO weights expired on {start.expires_at:%Y-%m-%d}"
    if start.missing_since:
        return f"its DPO weights are missing from the account (since {start.missing_since})"
    if not policy.include_unfinished and (stopped := half_finished(start, log.step if log else None)):
        return stopped
    if dataset is None:
        return "no introspection data"
    if dataset.examples is None:
        return f"unreadable data: {dataset.error or 'not read yet'}"
    if dataset.examples < policy.min_examples:
        return f"{dataset.examples:,} examples, fewer than {policy.min_examples:,}"
    found = faults(dataset.health, policy.max_refusal_share)
    return found[0] if found and not policy.include_buggy else None
