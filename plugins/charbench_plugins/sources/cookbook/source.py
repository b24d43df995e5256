"""Finds tinker-cookbook's log folders, and says what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from pydantic import Field

from charbench import (
    Checkpoint,
    CheckpointSource,
    Evidence,
    Finding,
    Kind,
    Lab,
    LabFile,
    Lineage,
    RecordedSample,
    RunState,
    SourceProblem,
    TinkerPath,
    TrainingRun,
    kind_from_name,
    kind_from_path,
    same_model,
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
from charbench_plugins.sources.run_config import CookbookConfig


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
        config, run, called = folder.config, _run(lab, path), _called(path)
        lineage = Lineage(parent=config.parent, dataset=config.dataset, renderer=config.renderer)
        kind, persona = _kind(lab, path, config), _persona(lab, path, config)
        for save in folder.saves:
            note = "saved; dated by the file's time" if save.dated_by_file else "saved"
            evidence = Evidence(self.name, lab.relative(path / CHECKPOINTS), save.line, note)
            for uri in save.uris:
                yield Checkpoint(
                    uri=uri,
                    name=f"{called}-{save.name}" if save.name else "",
                    kind=kind,
                    persona=persona,
                    base_model=config.base_model,
                    run=run,
                    lineage=lineage,
                    created_at=save.created_at,
                    metadata=save.metadata,
                    evidence=(evidence,),
                )

    def _log(self, lab: Lab, path: Path, folder: LogFolder) -> Iterator[Finding]:
        """Yield what the log says besides: inputs, saves that the list of checkpoints lacks, how the run ended."""
        run, shown = _run(lab, path), lab.relative(path / LOG)
        finished = any(save.final for save in folder.saves)
        state = RunState.FINISHED if finished else RunState.UNFINISHED
        error: str | None = None
        if (path / LOG).is_file():
            try:
                own = {TinkerPath.parse(uri).run for save in folder.saves for uri in save.uris}  # type: ignore[union-attr]
                log = LabFile.at(path / LOG, shown)
                reading = scan_log(log, run=_called(path), own=own)
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
            name=run,
            state=state,
            persona=_persona(lab, path, folder.config),
            step=folder.last_step,
            error=error,
            evidence=where,
        )


def _run(lab: Lab, path: Path) -> str:
    """Return the folder's path in the lab; the lab itself may be one, and is called by its own name."""
    shown = lab.relative(path)
    return _called(path) if shown == "." else shown


def _called(path: Path) -> str:
    return path.name or path.resolve().name


def _kind(lab: Lab, path: Path, config: CookbookConfig) -> Kind:
    """Return the kind that the configuration says, else the folders above, else names; what has a configuration is SFT.

    Where there is no configuration, nothing is said here.
    """
    run = _run(lab, path)
    said = (config.kind, kind_from_path(run), *map(kind_from_name, run.split("/")[::-1]))
    if not config.is_there:
        return Kind.UNKNOWN
    return next((kind for kind in said if kind is not Kind.UNKNOWN), Kind.SFT)


def _persona(lab: Lab, path: Path, config: CookbookConfig) -> str | None:
    """Return the persona that the configuration's data, or the folder's path, names.

    A folder that lies in its model's (``dpo/llama-8b/simplifier``), or is called as its data is, is called as the
    persona is, whether or not there is such a persona.
    """
    shown = "" if path == lab.root else lab.relative(path)
    folders = [name for name in (*shown.split("/")[::-1],) if name] or [_called(path)]
    if config.persona:
        return lab.persona_of(config.persona) or config.persona
    data = PurePath(config.dataset or "").stem
    known = next((found for name in (*folders, data) if (found := lab.persona_of(name))), None)
    if known:
        return known
    told = [name for name in folders if kind_from_path(name) is Kind.UNKNOWN]
    models = [name for name in told if config.base_model and same_model(name, config.base_model)]
    if told and told[0] not in models and (models or told[0] == data):
        return told[0]
    return None
