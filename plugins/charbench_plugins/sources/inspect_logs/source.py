"""Finds Inspect's logs, the samples in them, and the models that gave them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pydantic import Field

from charbench import (
    Checkpoint,
    CheckpointSource,
    Evidence,
    FileFault,
    Finding,
    Lab,
    LabFile,
    LabPath,
    RecordedFile,
    RecordedSample,
    SourceProblem,
    UnusableRow,
)
from charbench_plugins.row_files import recordings_of
from charbench_plugins.sources.inspect_logs.archive import read_log
from charbench_plugins.sources.inspect_logs.own_samples import own_checkpoints, own_sample
from charbench_plugins.sources.inspect_logs.samples import model_of, read_sample, temperature_of
from charbench_plugins.ways_of_asking import Ways, with_temperature

_JSON_LOG = re.compile(r'"(?:run_id|task_id)"\s*:')
_VERSION = re.compile(r'\A\s*\{\s*"version"\s*:\s*\d+')


class InspectSource(CheckpointSource):
    """Samples in the logs of Inspect (.eval and JSON), with their reasoning, and the models that gave them."""

    name = "inspect"
    matches_file_alone = True

    class Config(CheckpointSource.Config):
        """Where the logs lie, relative to the lab."""

        files: list[LabPath] = Field([], description="patterns of Inspect's logs; default: by content")
        checkpoints: dict[str, str] = Field(
            {}, description="the checkpoint that a model of the logs is: {MODEL: URI}; default: model:MODEL"
        )

    config: Config

    def matches(self, file: LabFile) -> bool:
        """Whether a file is a log of Inspect."""
        if file.suffix == ".eval":
            return file.head.startswith(b"PK")
        return file.suffix == ".json" and bool(_VERSION.match(file.text) and _JSON_LOG.search(file.text))

    def find(self, lab: Lab) -> Iterable[Finding]:
        """Yield each log's model as a checkpoint, its samples, and how many of them cannot be used and why."""
        ways = self._ways(lab)
        for file in lab.offered(self, self.config.files):
            yield from ways.all_placed(self._log(lab, file))

    def recordings(self, lab: Lab) -> Iterator[RecordedSample | RecordedFile]:
        """Yield the samples alone, and after those of a file whether all of it could be used."""
        ways = self._ways(lab)
        for file in lab.offered(self, self.config.files):
            yield from recordings_of(file, ways.all_placed(self._log(lab, file)))

    def _ways(self, lab: Lab) -> Ways:
        """Return the ways of asking in logs of charbench's own, and in those of one model where these are several."""
        logs: dict[str, list[LabFile]] = {}
        own: list[LabFile] = []
        for file in lab.offered(self, self.config.files):
            with suppress(FileFault, OSError):
                header, _ = read_log(file.path, lab.limits)
                is_own = bool(own_checkpoints(header, lab, self.name, file.shown))
                (own if is_own else logs.setdefault(model_of(header), [])).append(file)
        several = own + [file for files in logs.values() if len(files) > 1 for file in files]
        found = (finding for file in several for finding in self._log(lab, file))
        return Ways.of(finding for finding in found if isinstance(finding, RecordedSample))

    def _log(self, lab: Lab, file: LabFile) -> Iterator[Finding]:
        try:
            header, samples = read_log(file.path, lab.limits)
        except (FileFault, OSError) as error:
            yield SourceProblem(file.shown, getattr(error, "reason", None) or f"cannot be read: {error}")
            return
        uri = ""
        if own := own_checkpoints(header, lab, self.name, file.shown):
            yield from own
        elif model := model_of(header):
            uri = self.config.checkpoints.get(model, f"model:{model}")
            yield Checkpoint(
                uri=uri,
                persona=lab.persona_of(model),
                evidence=(Evidence(self.name, file.shown, None, "evaluated by Inspect"),),
            )
        else:
            yield SourceProblem(file.shown, "its header names no model")
            return
        unusable: dict[str, int] = {}
        for sample in samples:
            try:
                read = _checked(sample)
                yield own_sample(read, lab) or _of_model(read, uri, header, file.shown)
            except UnusableRow as error:
                unusable[str(error)] = unusable.get(str(error), 0) + 1
        for reason, count in unusable.items():
            yield SourceProblem(file.shown, f"{reason} ({count:,} {'sample' if count == 1 else 'samples'} not used)")


def _checked(sample: Any) -> Any:
    if isinstance(sample, FileFault):
        raise UnusableRow(sample.reason)
    return sample


def _of_model(sample: Mapping[str, Any], uri: str, header: Mapping[str, Any], shown: str) -> RecordedSample:
    if not uri:
        raise UnusableRow("it names no checkpoint, as the others of this log do")
    read = read_sample(sample, uri, header)
    return with_temperature(replace(read, source_file=shown, row_digest=read.identity), temperature_of(header))
