"""Finds runs, their checkpoints and their data in a lab's folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import Field

from charbench import (
    Checkpoint,
    CheckpointSource,
    Dataset,
    Evidence,
    Finding,
    Lab,
    Lineage,
    SourceProblem,
    TrainingRun,
    short_list,
)
from charbench_plugins.sources.logs.files import read_saved_files
from charbench_plugins.sources.logs.phrases import UrlRole
from charbench_plugins.sources.logs.reader import LogUrl, scan_log
from charbench_plugins.sources.logs.tail import read_tail
from charbench_plugins.sources.patterns import matching

DATA_SUFFIX = "_introspection"


class LogSource(CheckpointSource):
    """Training logs (tinker:// URLs saved there), and the introspection data in the runs' folders."""

    name = "logs"

    class Config(CheckpointSource.Config):
        """Where logs and data lie, relative to the lab."""

        logs: list[str] = Field(["artifacts/logs/*.log", "logs/*.log"], description="patterns of log files")
        data: list[str] = Field(
            [f"artifacts/*/*{DATA_SUFFIX}.jsonl", f"data/*/*{DATA_SUFFIX}.jsonl"],
            description=f"patterns of data files: RUN/PERSONA{DATA_SUFFIX}.jsonl",
        )
        columns: int | None = Field(
            None,
            ge=0,
            description="columns of the console that broke the logs' lines, 0 if none did; default: detected",
        )

    config: Config

    def find(self, lab: Lab) -> Iterable[Finding]:
        """Yield each log's run and checkpoints, and each data file."""
        for path in matching(lab.root, self.config.logs):
            yield from self._log(lab, path)
        for path in matching(lab.root, self.config.data):
            persona = path.stem.removesuffix(DATA_SUFFIX)
            yield Dataset(
                path=lab.relative(path),
                run=path.parent.name,
                persona=lab.persona_of(persona) or persona,
                source=self.name,
            )

    def _log(self, lab: Lab, path: Path) -> Iterator[Finding]:
        shown, run = lab.relative(path), path.stem
        try:
            reading = scan_log(path, self.config.columns)
            urls = reading.urls
            files = list(read_saved_files(path))
            tail = read_tail(path, saved=bool(files) or any(url.product for url in urls))
        except OSError as error:
            yield SourceProblem(shown, f"cannot be read: {error.strerror or error}")
            return
        for fault in reading.faults:
            yield SourceProblem(shown, str(fault), fault.line)
        for url in urls:
            yield checkpoint_of(url, self.name, shown, run)
        if unclear := [url for url in urls if url.role is UrlRole.UNCLEAR]:
            yield unclear_urls(unclear, shown)
        for uri, line in files:
            evidence = (Evidence(self.name, shown, line, "saved"),)
            yield Checkpoint(uri=uri, run=run, lineage=Lineage(parent=_parent_at(urls, line)), evidence=evidence)
        if urls or files or tail.step is not None or tail.error is not None:
            yield TrainingRun(
                name=run,
                state=tail.state,
                persona=lab.persona_of(run),
                step=tail.step,
                total_steps=tail.total_steps,
                error=tail.error,
                evidence=Evidence(self.name, shown),
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
    return Checkpoint(uri=str(url.path), run=run, lineage=Lineage(parent=url.parent), evidence=evidence)


def unclear_urls(urls: Sequence[LogUrl], shown: str) -> SourceProblem:
    """Return the report on URLs that may be anybody's."""
    return SourceProblem(
        shown,
        f"{short_list([url.path for url in urls], 1)}: the log does not say that this run saved it, and the name is "
        "not the run's, so it is listed but belongs to no run",
        urls[0].line,
    )
