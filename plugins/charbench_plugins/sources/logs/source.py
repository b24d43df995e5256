"""Finds runs, their checkpoints and their data in a lab's folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from pydantic import Field

from charbench import (
    Checkpoint,
    CheckpointSource,
    Dataset,
    Evidence,
    Finding,
    Lab,
    LabFile,
    LabPath,
    Lineage,
    RecordedSample,
    SourceProblem,
    TinkerPath,
    TrainingRun,
    short_list,
)
from charbench_plugins.sources.logs.beside import config_beside
from charbench_plugins.sources.logs.documents import Said, facts_in, said_by_label
from charbench_plugins.sources.logs.files import read_saved_files
from charbench_plugins.sources.logs.looks import DATA_END, Look, look_of, run_of, says_nothing
from charbench_plugins.sources.logs.phrases import UrlRole
from charbench_plugins.sources.logs.reader import LogReading, LogUrl, scan_log
from charbench_plugins.sources.logs.tail import Tail, read_tail
from charbench_plugins.sources.run_config import CookbookConfig

_NOTHING = "a log with no tinker:// URL, no steps and no run's error"


class LogSource(CheckpointSource):
    """Logs, notebooks and other texts with tinker:// URLs, and the introspection data in the runs' folders."""

    name = "logs"
    last_resort = True
    matches_file_alone = True

    class Config(CheckpointSource.Config):
        """Which logs and data are read, relative to the lab."""

        logs: list[LabPath] = Field(
            [], description="patterns of the logs to read; default: every text that no other source reads"
        )
        data: list[LabPath] = Field(
            [], description=f"patterns of the data to read; default: RUN/PERSONA{DATA_END}, at any depth"
        )
        columns: int | None = Field(
            None,
            ge=0,
            description="columns of the console that broke the logs' lines, 0 if none did; default: detected",
        )

    config: Config

    def matches(self, file: LabFile) -> bool:
        """Whether a file is introspection data by its name, or a text that may name checkpoints."""
        if file.name.endswith(DATA_END):
            return True
        look = look_of(file)
        if look is None or not (file.text or look is Look.LOG):  # a log may hold zeros where a machine broke down
            return False
        return _is_to_explain(file, look) or not says_nothing(file, look)

    def find(self, lab: Lab) -> Iterable[Finding]:
        """Yield each log's run and checkpoints, and each data file."""
        for file in lab.offered(self, self.config.logs):
            if not file.name.endswith(DATA_END):
                yield from self._text(lab, file)
        for file in lab.offered(self, self.config.data):
            if file.name.endswith(DATA_END) or self.config.data:
                yield self._data(lab, file)

    def recordings(self, lab: Lab) -> Iterable[RecordedSample]:
        """Yield none: logs hold no samples."""
        return ()

    def _data(self, lab: Lab, file: LabFile) -> Dataset:
        persona = file.path.stem.removesuffix(DATA_END.removesuffix(".jsonl"))
        return Dataset(
            path=file.shown,
            run=file.folder or None,
            persona=lab.persona_of(persona) or persona,
            source=self.name,
        )

    def _text(self, lab: Lab, file: LabFile) -> Iterator[Finding]:
        look = look_of(file) or Look.LOG
        if says_nothing(file, look):
            if _is_to_explain(file, look):
                yield SourceProblem(file.shown, _NOTHING, minor=True)
            return
        run = run_of(file.shown)
        try:
            reading = scan_log(file, self.config.columns, PurePosixPath(run).name)
            files = list(read_saved_files(file)) if reading.names_files else []
            saved = bool(files) or any(url.product for url in reading.urls)
            tail = read_tail(file, saved=saved) if look is Look.LOG else None
        except OSError as error:
            yield SourceProblem(file.shown, f"cannot be read: {error.strerror or error}")
            return
        for fault in reading.faults:
            yield SourceProblem(file.shown, str(fault), fault.line)
        if look is Look.DOCUMENT:
            firsts = {url.path: url for url in reversed(reading.urls)}
            said = facts_in(file, lab) if firsts else {}
            yield from (_named(url, lab, self.name, file.shown, said) for url in reversed(firsts.values()))
        else:
            yield from self._log(lab, file, run, reading, files, tail)

    def _log(
        self,
        lab: Lab,
        file: LabFile,
        run: str,
        reading: LogReading,
        files: Sequence[tuple[str, int]],
        tail: Tail | None,
    ) -> Iterator[Finding]:
        urls, shown = reading.urls, file.shown
        config = config_beside(file, run, lab.limits)
        for url in urls:
            found = checkpoint_of(url, self.name, shown, run)
            yield _configured(found, config, lab) if config.is_there and url.product else found
        if unclear := [url for url in urls if url.role is UrlRole.UNCLEAR]:
            yield unclear_urls(unclear, shown)
        for uri, line in files:
            evidence = (Evidence(self.name, shown, line, "saved"),)
            yield Checkpoint(uri=uri, run=run, lineage=Lineage(parent=_parent_at(urls, line)), evidence=evidence)
        persona = lab.persona_of(run) or (config.persona and lab.persona_of(config.persona))
        made = bool(files) or any(url.product or url.role is UrlRole.INPUT for url in urls)
        if tail and (made or _tells_of_training(tail, known=persona is not None or "logs" in shown.split("/"))):
            yield TrainingRun(
                name=run,
                state=tail.state,
                persona=persona,
                step=tail.step,
                total_steps=tail.total_steps,
                error=tail.error,
                evidence=Evidence(self.name, shown),
            )
        elif tail and not urls and not reading.faults and file.suffix != ".txt":
            yield SourceProblem(shown, _NOTHING, minor=True)


def _is_to_explain(file: LabFile, look: Look) -> bool:
    """Whether a file that says nothing is told to those who ask: it is called a log."""
    return look is Look.LOG and file.suffix != ".txt" and file.size > 0


def _tells_of_training(tail: Tail, *, known: bool) -> bool:
    """Whether a log that names no checkpoint is a training run's; ``known``: its name or folder says that it may be."""
    return tail.steps > 1 or (known and (tail.step is not None or tail.error is not None))


def _named(url: LogUrl, lab: Lab, source: str, shown: str, said: Mapping[str, Said]) -> Checkpoint:
    """Return a checkpoint that a document names: it is nobody's product, as far as that tells."""
    note = "input" if url.role is UrlRole.INPUT else "named"
    evidence = (Evidence(source, shown, url.line, note),)
    of_it = said.get(str(url.path)) or said_by_label(url.label, lab)
    if url.role is UrlRole.INPUT:  # what stands beside it is said of what was trained from it
        return Checkpoint(uri=str(url.path), evidence=evidence)
    return Checkpoint(
        uri=str(url.path), kind=of_it.kind, persona=of_it.persona, base_model=of_it.base_model, evidence=evidence
    )


def _parent_at(urls: Sequence[LogUrl], line: int) -> str | None:
    """Return the training weights that were the run's last input before a line."""
    inputs = [url for url in urls if url.role is UrlRole.INPUT and url.line < line and url.path.space == "weights"]
    return str(inputs[-1].path) if inputs else None


def checkpoint_of(url: LogUrl, source: str, shown: str, run: str) -> Checkpoint:
    """Return the checkpoint that a log names; only a product of its run belongs to that."""
    evidence = (Evidence(source, shown, url.line, url.note),)
    if not url.product:
        return Checkpoint(uri=str(url.path), evidence=evidence)
    metadata: dict[str, Any] = {}
    if url.progress:
        metadata = {"step": url.progress.step, "total_steps": url.progress.total_steps}
        metadata |= {"half_finished": True} if url.progress.is_half else {}
    lineage = Lineage(parent=url.parent)
    return Checkpoint(uri=str(url.path), run=run, lineage=lineage, metadata=metadata, evidence=evidence)


def _configured(found: Checkpoint, config: CookbookConfig, lab: Lab) -> Checkpoint:
    """Return what a run saved with what its configuration says of it; what the log says itself goes before."""
    parent, own = TinkerPath.parse(config.parent or ""), TinkerPath.parse(found.uri)
    started_from = str(parent) if parent and own and parent.run != own.run else None
    return replace(
        found,
        kind=config.kind,
        persona=config.persona and (lab.persona_of(config.persona) or config.persona),
        base_model=config.base_model,
        lineage=Lineage(found.lineage.parent or started_from, config.dataset, config.renderer),
    )


def unclear_urls(urls: Sequence[LogUrl], shown: str) -> SourceProblem:
    """Return the report on URLs that may be anybody's."""
    return SourceProblem(
        shown,
        f"{short_list([url.path for url in urls], 1)}: the log does not say that this run saved it, and the name is "
        "not the run's, so it is listed but belongs to no run",
        urls[0].line,
    )
