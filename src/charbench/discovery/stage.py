"""The discover stage: asks the sources, merges what they say, and plans the jobs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic

from charbench.components.calling import items
from charbench.components.containment import Broken, guarded
from charbench.components.lab_files import LabFiles
from charbench.components.lab_path import absent_paths
from charbench.components.lifecycle import Lifecycle
from charbench.components.source import CheckpointSource, Lab
from charbench.datasets.forms import PREFERENCES, SkippedRows, count_preferences, read_examples
from charbench.datasets.health import MEASURE, measure, skipped_lines
from charbench.discovery.job_planning import JobPlan, JobPolicy, plan_lab
from charbench.discovery.joining import NO_LONGER
from charbench.discovery.lab_state import read_lab_state
from charbench.discovery.looked_at import LookedAt
from charbench.discovery.merge import Contradiction, claims_of, complete_saves, merge
from charbench.discovery.runs import Runs
from charbench.domain.checkpoint import Checkpoint, CompleteListing, Evidence
from charbench.domain.dataset import Dataset, Health, RecordedSample, SourceProblem, TrainingJob, TrainingRun
from charbench.domain.uris import save_of
from charbench.errors import ConfigError, DataError, NotSetUpError
from charbench.store import findings
from charbench.store import jobs as job_store
from charbench.store.database import Database
from charbench.store.findings import Claim, StoredDataset
from charbench.store.runs import utc_now
from charbench.text.redaction import storable


@dataclass(slots=True)
class Discovery:
    """What discovery found. ``problems`` are files that could not be read, ``failures`` sources that broke."""

    checkpoints: list[Checkpoint] = field(default_factory=list)
    plan: JobPlan = field(default_factory=lambda: JobPlan((), ()))
    contradictions: list[Contradiction] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    idle: dict[str, str] = field(default_factory=dict)
    """Sources that were not asked by name and lack what they need (a key, say), by name, and what that is."""
    looked_at: LookedAt = field(default_factory=LookedAt)
    listed: dict[str, set[str]] = field(default_factory=dict)
    """URIs by the place that listed them this time, where it has no lines: an account, an endpoint."""
    recorded: int = 0
    new_checkpoints: int = 0
    newly_gone: int = 0

    @property
    def there(self) -> list[Checkpoint]:
        """The checkpoints that are not gone."""
        return [checkpoint for checkpoint in self.checkpoints if not checkpoint.missing_since]

    @property
    def saves(self) -> int:
        """How many saves there are: the URIs to train from and to sample one save are counted once."""
        return len({save_of(checkpoint.uri) for checkpoint in self.there})

    def gone_lines(self) -> list[str]:
        """Return what to say of checkpoints that an account was seen to list no more, this time; else nothing."""
        if not self.newly_gone:
            return []
        which = "1 checkpoint is" if self.newly_gone == 1 else f"{self.newly_gone:,} checkpoints are"
        kept = "samples are kept, and checkpoints that are listed again are restored"
        return [f"{which} gone: the account no longer lists what it listed before; {kept}"]


def discover(
    database: Database,
    sources: Sequence[CheckpointSource],
    lab: Lab,
    policy: JobPolicy,
    *,
    lifecycle: Lifecycle,
    by_name: bool = False,
) -> Discovery:
    """Ask every source, keep what they say, and return the whole picture from the store.

    ``lifecycle`` prepares the sources, each once. Where the sources were asked for ``by_name``, one that
    lacks what it needs raises its :class:`ConfigError`; else it is left out, and listed as idle.
    """
    found = Discovery()
    began = monotonic()
    _check_paths(sources, lab, found)
    gathered = _Gathered()
    ready = [source for source in sources if _prepare(source, lifecycle, found, by_name)]
    lab.files.announce(ready)
    for source in ready:
        outcome = guarded(gathered.ask, source, lab, found)
        if isinstance(outcome, Broken) and isinstance(outcome.error, NotSetUpError):
            if by_name:
                raise outcome.error
            found.idle[source.name] = outcome.message
        elif isinstance(outcome, Broken):
            where = "find(): " if outcome.trace else ""  # a user's mistake needs no method
            found.failures.append(f"source {source.name}: {where}{outcome.message}\n{outcome.trace}".rstrip())
    _conclude(found.looked_at, lab.files)
    lab.files.remember()
    for uri, place in gathered.claims:
        if place.line is None:
            found.listed.setdefault(place.path, set()).add(uri)
    with database.read() as connection:
        known = {item.dataset.path: item for item in findings.read_datasets(connection)}
        before = {checkpoint.uri for checkpoint in findings.read_checkpoints(connection)}
    datasets = [_examine(dataset, lab, known.get(dataset.path)) for dataset in gathered.datasets]
    found.problems += [f"{item.dataset.path}: {line}" for item in datasets for line in skipped_lines(item.health)]
    everything = not found.failures and not lab.files.walked.limits
    datasets += _not_met(datasets, known, lab, {source.name for source in ready} if everything else set())
    with database.write() as connection:
        findings.add_claims(connection, gathered.claims.values())
        for listing in gathered.whole:
            listed = {uri for uri, place in gathered.claims if place == listing.evidence}
            found.newly_gone += len(findings.mark_gone(connection, listing, listed, f"{utc_now():%Y-%m-%d}"))
        findings.save_datasets(connection, datasets)
        findings.save_training_runs(connection, gathered.runs)
        for job in gathered.jobs:
            job_store.import_job(connection, job)
        claims = findings.read_claims(connection)
        runs = Runs(claims, findings.read_training_runs(connection))
        found.checkpoints = _merge_all(claims, lab.personas, runs, found)
        findings.save_checkpoints(connection, found.checkpoints)
        found.plan = plan_lab(read_lab_state(connection, found.checkpoints), policy, lab.personas)
        job_store.save_planned_jobs(connection, found.plan.jobs)
    found.looked_at.seconds = monotonic() - began
    found.new_checkpoints = len({checkpoint.uri for checkpoint in found.checkpoints} - before)
    return found


def _conclude(looked_at: LookedAt, files: LabFiles) -> None:
    walked = files.walked
    looked_at.files, looked_at.folders, looked_at.weights = len(walked.files), walked.folders, walked.weights
    looked_at.skipped = len(walked.skipped)
    looked_at.limits += [*walked.limits, *(f"{path}: {reason}" for path, reason in walked.unreadable.items())]
    looked_at.conclude(files)


def _check_paths(sources: Sequence[CheckpointSource], lab: Lab, found: Discovery) -> None:
    """Raise :class:`ConfigError` for options that name files which are not there; what matches nothing is a problem."""
    checked = [absent_paths(source, lab) for source in sources]
    if errors := [error for faults, _ in checked for error in faults]:
        raise ConfigError(errors)
    found.problems += [warning for _, warnings in checked for warning in warnings]


def _prepare(source: CheckpointSource, lifecycle: Lifecycle, found: Discovery, by_name: bool) -> bool:
    broken = lifecycle.try_prepare(source)
    if broken is None:
        return True
    if not isinstance(broken.error, ConfigError):
        found.failures.append(f"source {source.name}: prepare(): {broken.message}\n{broken.trace}".rstrip())
    elif by_name:
        raise broken.error
    else:
        found.idle[source.name] = broken.message
    return False


class _Gathered:
    """What the sources yielded, by kind; one claim for each URI and place."""

    def __init__(self) -> None:
        self.claims: dict[tuple[str, Evidence], Claim] = {}
        self.datasets: list[Dataset] = []
        self.runs: list[TrainingRun] = []
        self.jobs: list[TrainingJob] = []
        self.whole: list[CompleteListing] = []

    def ask(self, source: CheckpointSource, lab: Lab, found: Discovery) -> None:
        for finding in items(source, source.find(lab)):
            found.looked_at.note(finding, lab.files.current)
            if isinstance(finding, RecordedSample):
                found.recorded += 1
                continue
            finding = storable(finding)
            if isinstance(finding, Checkpoint):
                for claim in claims_of(finding, source.name):
                    self.claims[claim.uri, claim.evidence] = claim
            elif isinstance(finding, Dataset):
                self.datasets.append(finding)
            elif isinstance(finding, TrainingRun):
                self.runs.append(finding)
            elif isinstance(finding, TrainingJob):
                self.jobs.append(finding)
            elif isinstance(finding, CompleteListing):
                self.whole.append(finding)
            elif isinstance(finding, SourceProblem) and finding.minor:
                continue
            elif isinstance(finding, SourceProblem):
                found.problems.append(str(finding))
            else:
                raise TypeError(f"{source.name}.find() yielded {type(finding).__name__}, which is not a finding")


def _examine(dataset: Dataset, lab: Lab, known: StoredDataset | None) -> StoredDataset:
    """Read a dataset unless it is as it was when it was last read; what was over a limit is tried again."""
    path = lab.root / dataset.path
    try:
        stat = path.stat()
    except OSError as error:
        return StoredDataset(dataset, None, error=f"{dataset.path}: {error.strerror}")
    as_it_was = known and known.size == stat.st_size and known.modified == stat.st_mtime
    if known and as_it_was and known.dataset.form == dataset.form and _is_final(known):
        return replace(known, dataset=dataset)
    now = partial(StoredDataset, dataset, size=stat.st_size, modified=stat.st_mtime)
    skipped = SkippedRows()
    try:
        if dataset.form in PREFERENCES:
            pairs = count_preferences(path, dataset.path, lab.limits)
            return now(pairs, Health(pairs, measure=MEASURE))
        health = measure(read_examples(path, dataset.path, lab.limits, skipped), skipped)
    except DataError as error:
        return now(None, error=str(error))
    return now(health.examples, health)


def _not_met(
    met: Sequence[StoredDataset], known: Mapping[str, StoredDataset], lab: Lab, asked: Collection[str]
) -> Iterator[StoredDataset]:
    """Yield what is kept of known data that no source has named: files that are gone, and files that are data no more.

    ``asked`` has the sources that were asked about everything in the lab.
    """
    named = {item.dataset.path for item in met}
    for path, item in known.items():
        if path in named:
            continue
        if not (lab.root / path).exists():
            yield _examine(item.dataset, lab, None)
        elif item.dataset.source in asked:
            yield _no_longer_data(item.dataset)


def _no_longer_data(dataset: Dataset) -> StoredDataset:
    """Return what is kept of a file that is there, and that the source which took it for data takes no more."""
    return StoredDataset(dataset, None, error=f"{dataset.path}: {NO_LONGER}")


def _is_final(known: StoredDataset) -> bool:
    """Whether nothing of a file that did not change would be read otherwise now: a limit may have been raised."""
    if known.error:
        return "(max_" not in known.error
    return known.health.measure == MEASURE and not any("(max_" in reason for reason in known.health.skipped)


def _merge_all(
    claims: Mapping[str, Sequence[Claim]], personas: Mapping[str, str], runs: Runs, found: Discovery
) -> list[Checkpoint]:
    merged = []
    for uri, said in claims.items():
        checkpoint, contradictions = merge(uri, said, personas, runs)
        merged.append(checkpoint)
        found.contradictions.extend(contradictions)
    return sorted(complete_saves(merged), key=lambda c: (c.persona or "~", c.name, c.uri))
