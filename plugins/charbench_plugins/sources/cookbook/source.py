"""Finds tinker-cookbook's log folders, and says what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath

from pydantic import Field

from charbench import (
    Checkpoint,
    CheckpointSource,
    Evidence,
    Finding,
    Kind,
    Lab,
    LabFile,
    LabPath,
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
    ENDS,
    LOG,
    METRICS,
    LogFolder,
    LogPlace,
    is_log_folder,
    place_of,
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

        folders: list[LabPath] = Field(
            [],
            description=f"patterns of the log folders to read; default: all that hold {CHECKPOINTS} or {METRICS}",
        )

    config: Config

    def matches(self, file: LabFile) -> bool:
        """Whether a file is one that the cookbook writes, in a log folder."""
        if not file.name.endswith(ENDS):
            return False
        place = place_of(file.path)
        return place is not None and is_log_folder(place)

    def find(self, lab: Lab) -> Iterable[Finding]:
        """Yield each folder's checkpoints and its run."""
        for place in self._places(lab):
            folder = read_folder(place, lab.limits)
            for fault in folder.faults:
                yield SourceProblem(lab.relative(place.file(fault.file)), fault.reason, fault.line)
            yield from self._saves(lab, place, folder)
            yield from self._log(lab, place, folder)

    def recordings(self, lab: Lab) -> Iterable[RecordedSample]:
        """Yield none: log folders hold no samples."""
        return ()

    def _places(self, lab: Lab) -> list[LogPlace]:
        patterns = [f"{pattern}/{name}" for pattern in self.config.folders for name in (CHECKPOINTS, METRICS)]
        return sorted({place for file in lab.offered(self, patterns) if (place := place_of(file.path))})

    def _saves(self, lab: Lab, place: LogPlace, folder: LogFolder) -> Iterator[Finding]:
        config, run, called = folder.config, _run(lab, place), _called(place)
        lineage = Lineage(parent=config.parent, dataset=config.dataset, renderer=config.renderer)
        kind, persona = _kind(lab, place, config), _persona(lab, place, config)
        for save in folder.saves:
            note = "saved; dated by the file's time" if save.dated_by_file else "saved"
            evidence = Evidence(self.name, lab.relative(place.file(CHECKPOINTS)), save.line, note)
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

    def _log(self, lab: Lab, place: LogPlace, folder: LogFolder) -> Iterator[Finding]:
        """Yield what the log says besides: inputs, saves that the list of checkpoints lacks, how the run ended."""
        run, shown = _run(lab, place), lab.relative(place.file(LOG))
        finished = any(save.final for save in folder.saves)
        state = RunState.FINISHED if finished else RunState.UNFINISHED
        error: str | None = None
        if place.file(LOG).is_file():
            try:
                own = {TinkerPath.parse(uri).run for save in folder.saves for uri in save.uris}  # type: ignore[union-attr]
                log = LabFile.at(place.file(LOG), shown)
                reading = scan_log(log, run=_called(place), own=own)
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
        where = Evidence(self.name, lab.relative(place.file(CHECKPOINTS) if place.prefix else place.folder))
        yield TrainingRun(
            name=run,
            state=state,
            persona=_persona(lab, place, folder.config),
            step=folder.last_step,
            error=error,
            evidence=where,
        )


def _run(lab: Lab, place: LogPlace) -> str:
    """Return the run's path in the lab; the lab itself may be one, and is called by its own name."""
    shown = lab.relative(place.folder)
    if shown == ".":
        return _called(place)
    return f"{shown}/{_called(place)}" if place.prefix else shown


def _called(place: LogPlace) -> str:
    return place.prefix.rstrip("_-") or place.folder.name or place.folder.resolve().name


def _kind(lab: Lab, place: LogPlace, config: CookbookConfig) -> Kind:
    """Return the kind that the configuration says, else the folders above, else names; what has a configuration is SFT.

    Where there is no configuration, nothing is said here.
    """
    run = _run(lab, place)
    said = (config.kind, kind_from_path(run), *map(kind_from_name, run.split("/")[::-1]))
    if not config.is_there:
        return Kind.UNKNOWN
    return next((kind for kind in said if kind is not Kind.UNKNOWN), Kind.SFT)


def _persona(lab: Lab, place: LogPlace, config: CookbookConfig) -> str | None:
    """Return the persona that the configuration's data, or the folder's path, names.

    A folder that lies in its model's (``dpo/llama-8b/simplifier``), or is called as its data is, is called as the
    persona is, whether or not there is such a persona.
    """
    folders = _run(lab, place).split("/")[::-1]
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
