"""Checkpoint sources: where checkpoints, data and recorded samples are found."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, TypeAlias

from charbench.components.base import Component, ComponentKind
from charbench.components.calling import items
from charbench.components.lab_file import LabFile
from charbench.components.lab_files import LabFiles
from charbench.domain.checkpoint import Checkpoint, CompleteListing
from charbench.domain.dataset import Dataset, RecordedFile, RecordedSample, SourceProblem, TrainingJob, TrainingRun
from charbench.domain.names import persona_from_name
from charbench.text.bounded_files import LIMITS, ReadLimits

Finding: TypeAlias = Checkpoint | Dataset | RecordedSample | TrainingRun | TrainingJob | SourceProblem | CompleteListing
"""What a source yields."""


@dataclass(frozen=True, slots=True)
class Lab:
    """The folder to look in, and the personas to look for.

    ``personas`` maps every known name and alias to the persona's name.
    """

    root: Path
    personas: Mapping[str, str]
    limits: ReadLimits = LIMITS
    """The most that sources read of a file: pass it to :func:`charbench.read_json` and its siblings."""
    files: LabFiles = field(default=None, repr=False, compare=False)  # type: ignore[assignment]
    """The lab's files, walked once for all sources; None at construction: those of ``root``."""

    def __post_init__(self) -> None:
        if self.files is None:
            object.__setattr__(self, "files", LabFiles(self.root))

    def offered(self, source: CheckpointSource, patterns: Sequence[str] = ()) -> Iterator[LabFile]:
        """Yield the files of the lab that ``source`` matches (:meth:`CheckpointSource.matches`), by path.

        ``patterns``, where there are some, name the files instead, relative to the lab or absolute: they are for
        users who want to narrow, or know better.
        """
        return self.files.offered(source, patterns)

    def persona_of(self, name: str) -> str | None:
        """Return the persona that the name of a checkpoint or run contains; None if there is none."""
        return persona_from_name(name, self.personas)

    def relative(self, path: Path) -> str:
        """Return ``path`` as it is shown and stored: relative to the lab where it lies inside."""
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return path.as_posix()


class CheckpointSource(Component):
    """Finds checkpoints, datasets, training runs, jobs and recorded samples.

    :meth:`prepare` is called before :meth:`find`. All sources are asked by default; one that raises
    :class:`charbench.ConfigError` there (there is no key, say) is left out, unless it was asked for by name.
    """

    kind: ClassVar[ComponentKind] = ComponentKind.SOURCE
    last_resort: ClassVar[bool] = False
    """Whether it is offered only files that no other source matches."""
    matches_file_alone: ClassVar[bool] = False
    """Whether :meth:`matches` goes by nothing but the file (no sibling, no network) and the options.

    Then its answers are kept, and are asked for again where the file, the options or the plugin's code changed.
    """

    def matches(self, file: LabFile) -> bool:
        """Whether ``file`` is this source's to read, as its name and first bytes (``head``, ``text``) tell.

        It is asked of every file of the lab, so look at the name first: the first bytes are read when they are
        first asked for. Files that several sources match are read by each of them. None are matched by default.
        """
        return False

    def find(self, lab: Lab) -> Iterable[Finding] | AsyncIterable[Finding] | Awaitable[Iterable[Finding]]:
        """Yield what there is, in any order, lazily: of the files that ``lab.offered(self)`` yields, say.

        A file that cannot be read is a :class:`SourceProblem`, not an exception. Two findings about one
        URI are merged by the engine, which keeps the evidence of both and shows contradictions. Where everything
        that one place lists has been yielded, a :class:`CompleteListing` says so: what it no longer lists is missing.
        """
        raise NotImplementedError

    def recordings(self, lab: Lab) -> Iterable[RecordedSample | RecordedFile]:
        """Yield the recorded samples alone; override where they can be read without the rest.

        After the samples of a file, a :class:`charbench.RecordedFile` may say that this was all of it.
        """
        return (finding for finding in items(self, self.find(lab)) if isinstance(finding, RecordedSample))
