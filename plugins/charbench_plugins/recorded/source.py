"""Finds recorded samples in a lab's folder, and the checkpoints that they were taken from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from pydantic import Field

from charbench import (
    Checkpoint,
    CheckpointSource,
    Evidence,
    Finding,
    Kind,
    Lab,
    LabFile,
    RecordedFile,
    RecordedSample,
    SourceProblem,
    added,
)
from charbench_plugins.recorded.files import Recording, read_recordings
from charbench_plugins.recorded.tables import BadRow
from charbench_plugins.sources.patterns import matching


class RecordedSource(CheckpointSource):
    """Recorded samples in CSV or JSONL files, and the checkpoints they were taken from."""

    name = "recorded"

    class Config(CheckpointSource.Config):
        """Where the recordings lie, relative to the lab."""

        files: list[str] = Field(
            [
                "artifacts/*checkpoint_test*.csv",
                "artifacts/*checkpoint_test*.jsonl",
                "recordings/*.csv",
                "recordings/*.jsonl",
            ],
            description="patterns of files with recorded samples",
        )
        encoding: str | None = added(None, description="encoding of CSV files that are not UTF-8; none: it is detected")

    config: Config

    def matches(self, file: LabFile) -> bool:
        """Whether a file is called as recordings are."""
        return any(fnmatch(file.shown, pattern) for pattern in self.config.files)

    def find(self, lab: Lab) -> Iterable[Finding]:
        """Yield every recording, each checkpoint at its first row, and rows that cannot be read."""
        persona_of = _persona_names(lab)
        for path in self._paths(lab):
            shown = lab.relative(path)
            seen: set[tuple[str, str]] = set()
            for item in read_recordings(path, self.config.encoding, lab.limits):
                if isinstance(item, BadRow):
                    yield SourceProblem(shown, item.message, item.line)
                    continue
                if (item.uri, item.persona) not in seen:  # one URI under two personas is a contradiction to show
                    seen.add((item.uri, item.persona))
                    yield self._checkpoint(persona_of, item, shown)
                yield _sample(persona_of, item, shown)

    def recordings(self, lab: Lab) -> Iterator[RecordedSample | RecordedFile]:
        """Yield the recordings alone, and after those of a file whether all of it could be read.

        A file without a single row may be one that is just being written: it is not taken for whole.
        """
        persona_of = _persona_names(lab)
        for path in self._paths(lab):
            shown = lab.relative(path)
            rows, lost = 0, False
            for item in read_recordings(path, self.config.encoding, lab.limits):
                if isinstance(item, Recording):
                    rows += 1
                    yield _sample(persona_of, item, shown)
                else:
                    lost |= item.is_lost
            yield RecordedFile(shown, whole=rows > 0 and not lost)

    def _paths(self, lab: Lab) -> list[Path]:
        return matching(lab.root, self.config.files)

    def _checkpoint(self, persona_of: PersonaOf, item: Recording, shown: str) -> Checkpoint:
        return Checkpoint(
            uri=item.uri,
            name=item.name,
            kind=Kind(item.kind) if item.kind in {kind.value for kind in Kind} else Kind.UNKNOWN,
            persona=persona_of(item.persona),
            base_model=item.base_model or None,
            evidence=(Evidence(self.name, shown, item.line, f"recorded as {item.name}" if item.name else "recorded"),),
        )


PersonaOf = Callable[[str], str | None]


def _persona_names(lab: Lab) -> PersonaOf:
    """Return what finds the persona that a row names: each name is looked up once, not once a row."""
    return cache(lambda said: (lab.persona_of(said) or said) if said else None)


def _sample(persona_of: PersonaOf, item: Recording, path: str) -> RecordedSample:
    return RecordedSample(
        checkpoint=item.uri,
        prompt=item.prompt,
        completion=item.completion,
        identity=item.identity,
        persona=persona_of(item.persona),
        epoch=item.epoch,
        condition=item.condition,
        key=item.key,
        source_file=path,
        row_digest=item.says,
    )
