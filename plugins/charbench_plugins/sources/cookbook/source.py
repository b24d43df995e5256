"""Finds tinker-cookbook's log folders, and says what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import Field

from charbench import (
    Checkpoint,
    CheckpointSource,
    Evidence,
    Finding,
    Lab,
    LabFile,
    Lineage,
    RecordedSample,
    RunState,
    SourceProblem,
    TinkerPath,
    TrainingRun,
)
from charbench_plugins.sources.cookbook.folder import (
    CHECKPOINTS,
    FILES,
    LOG,
    METRICS,
    LogFolder,
    is_log_folder,
    read_folder,
)
from charbench_plugins.sources.logs.phrases import UrlRole
from charbench_plugins.sources.logs.reader import scan_log
from charbench_plugins.sources.logs.source import checkpoint_of, unclear_urls
from charbench_plugins.sources.logs.tail import read_tail


class CookbookSource(CheckpointSource):
    """Checkpoints, lineage and runs of tinker-cookbook's log folders; a run is called as its folder is."""

    name = "cookbook"

    class Config(CheckpointSource.Config):
        """Where log folders lie, relative to the lab."""

        folders: list[str] = Field(
            [],
            description=f"patterns of the log folders to read; default: all that hold {CHECKPOINTS} or {METRICS}",
        )

    config: Config

    def matches(self, file: LabFile) -> bool:
        """Whether a file is one that the cookbook writes, in a log folder."""
        return file.name in FILES and is_log_folder(file.path.parent)

    def find(self, lab: Lab) -> Iterable[Finding]:
        """Yield each folder's checkpoints and its run."""
        for path in self._folders(lab):
            folder = read_folder(path, lab.limits)
            for fault in folder.faults:
                yield SourceProblem(lab.relative(path / fault.file), fault.reason, fault.line)
            yield from self._saves(lab, path, folder)
            yield from self._log(lab, path, folder)

    def recordings(self, lab: Lab) -> Iterable[RecordedSample]:
        """Yield none: log folders hold no samples."""
        return ()

    def _folders(self, lab: Lab) -> list[Path]:
        patterns = [f"{pattern}/{name}" for pattern in self.config.folders for name in (CHECKPOINTS, METRICS)]
        return sorted({file.path.parent for file in lab.offered(self, patterns)})

    def _saves(self, lab: Lab, path: Path, folder: LogFolder) -> Iterator[Finding]:
        config, run = folder.config, _run(path)
        lineage = Lineage(parent=config.parent, dataset=config.dataset, renderer=config.renderer)
        for save in folder.saves:
            note = "saved; dated by the file's time" if save.dated_by_file else "saved"
            evidence = Evidence(self.name, lab.relative(path / CHECKPOINTS), save.line, note)
            for uri in save.uris:
                yield Checkpoint(
                    uri=uri,
                    name=f"{run}-{save.name}" if save.name else "",
                    kind=config.kind,
                    persona=lab.persona_of(run),
                    base_model=config.base_model,
                    run=run,
                    lineage=lineage,
                    created_at=save.created_at,
                    metadata=save.metadata,
                    evidence=(evidence,),
                )

    def _log(self, lab: Lab, path: Path, folder: LogFolder) -> Iterator[Finding]:
        """Yield what the log says besides: inputs, saves that the list of checkpoints lacks, how the run ended."""
        run, shown = _run(path), lab.relative(path / LOG)
        finished = any(save.final for save in folder.saves)
        state = RunState.FINISHED if finished else RunState.UNFINISHED
        error: str | None = None
        if (path / LOG).is_file():
            try:
                own = {TinkerPath.parse(uri).run for save in folder.saves for uri in save.uris}  # type: ignore[union-attr]
                log = LabFile.at(path / LOG, shown)
                reading = scan_log(log, run=run, own=own)
                urls = reading.urls
                tail = read_tail(log, saved=finished)
            except OSError as fault:
                yield SourceProblem(shown, f"cannot be read: {fault.strerror or fault}")
            else:
                state, error = tail.state, tail.error
                for doubt in reading.faults:
                    yield SourceProblem(shown, str(doubt), doubt.line)
                for url in urls:
                    yield checkpoint_of(url, self.name, shown, run)
                if unclear := [url for url in urls if url.role is UrlRole.UNCLEAR]:
                    yield unclear_urls(unclear, shown)
        where = Evidence(self.name, lab.relative(path))
        yield TrainingRun(
            name=run, state=state, persona=lab.persona_of(run), step=folder.last_step, error=error, evidence=where
        )


def _run(path: Path) -> str:
    """Return the folder's name; the lab itself may be one, and may be called ``.``."""
    return path.name or path.resolve().name
