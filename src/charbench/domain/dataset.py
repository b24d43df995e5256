"""Training data, and training runs that data and logs mention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from charbench.domain.checkpoint import Evidence
from charbench.domain.prompt import Prompt
from charbench.domain.sample import DEFAULT_CONDITION, Completion


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Training data in a file. Its size and health are found by reading it, once for each version."""

    path: str
    run: str | None = None
    """Name of the run it belongs to: a job joins a log to its data by this."""
    persona: str | None = None
    form: str = "introspection"
    """The form of its rows, of :mod:`charbench.datasets.forms`; ``dpo`` and ``kto`` are never offered for SFT."""
    base_model: str | None = None
    """Name of the model that it was made for; None where nothing says: it then fits any."""
    source: str = ""


@dataclass(slots=True)
class Health:
    """How fit a dataset is for training: ``examples`` in all, and how many of them have each fault.

    ``opener`` is how many answers begin with one of the two most common openers (three words each),
    ``openers`` those openers. ``called`` is the name of a model that the data gives its character; empty: none.
    """

    examples: int = 0
    refusals: int = 0
    loops: int = 0
    invented_turns: int = 0
    identity_leaks: int = 0
    misplaced_tags: int = 0
    duplicates: int = 0
    too_long: int = 0
    empty: int = 0
    thinking: int = 0
    opener: int = 0
    openers: Sequence[str] = ()
    called: str = ""
    measure: int = 0
    """Which rules counted (``charbench.datasets.health.MEASURE`` of their time)."""
    skipped: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Rows that cannot be used, not among the examples: why, with their number and the first one's line."""


class RunState(StrEnum):
    """How a training run ended, as its log tells."""

    FINISHED = "finished"
    FAILED = "failed"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun:
    """A training run that left a log, whether or not it saved anything."""

    name: str
    state: RunState
    persona: str | None = None
    step: int | None = None
    total_steps: int | None = None
    error: str | None = None
    """The log's last error line; None where there is none."""
    evidence: Evidence


class JobStatus(StrEnum):
    """Where a training job stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """One checkpoint to train on one dataset."""

    persona: str
    run: str
    checkpoint: str
    """URI that training starts from (Tinker's ``weights/``)."""
    dataset: str
    examples: int
    sampler: str | None = None
    """URI of the same checkpoint to sample from; None where none was saved."""
    status: JobStatus = JobStatus.PENDING
    result: str | None = None
    """URI of the trained checkpoint; None until the job is complete."""
    result_sampler: str | None = None
    error: str | None = None
    recipe: str | None = None
    """Name of the recipe it was trained with; None until it is."""

    @property
    def job_id(self) -> str:
        """``{persona}_{run}_sft``; of a run that is called by its path, with ``-`` for ``/``."""
        return f"{self.persona}_{self.run}_sft".replace("/", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSample:
    """A sample that was taken before, found in a file.

    ``identity`` is what makes this recording itself and no other (its own time stamp and texts): the same
    row in two files is one sample. ``key`` is set where charbench exported it: it is then the same sample.
    ``source_file`` is the file, as it is shown (relative to the lab), and ``row_digest`` a hash of all that the row
    says of the sample: where both are given, and the source says which files it read (:class:`RecordedFile`), a row
    that is corrected or removed there is corrected or removed in reports.
    """

    checkpoint: str
    prompt: Prompt
    completion: Completion
    identity: str
    persona: str | None = None
    epoch: int = 0
    condition: str = DEFAULT_CONDITION
    key: str | None = None
    source_file: str | None = None
    row_digest: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """A file of recorded samples that a source has read to its end.

    ``whole``: all of it could be read, so that what is stored from it and not in it any more was edited or removed.
    """

    path: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """Something a source could not read; shown to the user, never raised."""

    path: str
    message: str
    line: int | None = None
    minor: bool = False
    """Whether it is told only to those who ask why a file was not used (``discover --explain``)."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"
