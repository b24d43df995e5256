"""Checkpoint sources: where checkpoints, data and recorded samples are found."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeAlias

from charbench.components.base import Component, ComponentKind
from charbench.components.calling import items
from charbench.domain.checkpoint import Checkpoint, CompleteListing
from charbench.domain.dataset import Dataset, RecordedSample, SourceProblem, TrainingJob, TrainingRun
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

    def find(self, lab: Lab) -> Iterable[Finding] | AsyncIterable[Finding] | Awaitable[Iterable[Finding]]:
        """Yield what there is, in any order, lazily.

        A file that cannot be read is a :class:`SourceProblem`, not an exception. Two findings about one
        URI are merged by the engine, which keeps the evidence of both and shows contradictions. Where everything
        that one place lists has been yielded, a :class:`CompleteListing` says so: what it no longer lists is missing.
        """
        raise NotImplementedError

    def recordings(self, lab: Lab) -> Iterable[RecordedSample]:
        """Yield the recorded samples alone; override where they can be read without the rest."""
        return (finding for finding in items(self, self.find(lab)) if isinstance(finding, RecordedSample))
