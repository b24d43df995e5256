"""Source ``lm-eval``: samples that EleutherAI's lm-evaluation-harness logged (``samples_TASK_DATE.jsonl``).

``--log_samples`` writes ``MODEL/samples_TASK_DATE.jsonl`` beside ``MODEL/results_DATE.json``, which names the model and
its adapter. What a model was asked is in ``arguments``, what it generated in ``resps``; tasks that only compare the
likelihoods of given answers hold no text of the model's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import Field

from charbench import (
    Checkpoint,
    CheckpointSource,
    Completion,
    Evidence,
    FileFault,
    Finding,
    Lab,
    LabFile,
    LabPath,
    Message,
    Prompt,
    RecordedFile,
    RecordedSample,
    SourceProblem,
    UnusableRow,
    hookimpl,
    parse_json,
    read_conversation,
    read_json,
    read_rows,
)
from charbench_plugins.row_files import recordings_of
from charbench_plugins.ways_of_asking import Ways, with_temperature

_NAME = re.compile(r"samples_(?P<task>.+?)(?:_\d{4}-\d\d-\d\dT[\d.:-]+)?\.jsonl?")
_ADAPTER = re.compile(r"(?:^|,)\s*(?:peft|lora_local_path)=([^,\s]+)")
_MODEL = re.compile(r"(?:^|,)\s*(?:pretrained|model)=([^,\s]+)")
_LONGEST = 500


class LmEvalSource(CheckpointSource):
    """Samples that lm-evaluation-harness logged, and the models that gave them."""

    name = "lm-eval"
    matches_file_alone = True

    class Config(CheckpointSource.Config):
        """Where the samples lie, relative to the lab."""

        files: list[LabPath] = Field([], description="patterns of samples_*.jsonl; default: by name and content")
        checkpoints: dict[str, str] = Field(
            {}, description="the checkpoint that a model is: {MODEL: URI}; default: file:ADAPTER or model:MODEL"
        )

    config: Config

    def matches(self, file: LabFile) -> bool:
        """Whether a file holds samples as lm-evaluation-harness logs them."""
        return bool(_NAME.fullmatch(file.name)) and '"resps"' in file.text and '"arguments"' in file.text

    def find(self, lab: Lab) -> Iterable[Finding]:
        """Yield each file's model as a checkpoint, its samples, and how many rows cannot be used and why."""
        ways = self._ways(lab)
        for file in lab.offered(self, self.config.files):
            yield from ways.all_placed(self._file(lab, file))

    def recordings(self, lab: Lab) -> Iterator[RecordedSample | RecordedFile]:
        """Yield the samples alone, and after those of a file whether all of it could be used."""
        ways = self._ways(lab)
        for file in lab.offered(self, self.config.files):
            yield from recordings_of(file, ways.all_placed(self._file(lab, file)))

    def _ways(self, lab: Lab) -> Ways:
        """Return the ways in which models were asked that several files are of; those files are read for it."""
        files: dict[str, list[LabFile]] = {}
        for file in lab.offered(self, self.config.files):
            files.setdefault(self._model(lab, file.path)[1], []).append(file)
        several = [file for found in files.values() if len(found) > 1 for file in found]
        found = (finding for file in several for finding in self._file(lab, file))
        return Ways.of(finding for finding in found if isinstance(finding, RecordedSample))

    def _file(self, lab: Lab, file: LabFile) -> Iterator[Finding]:
        model, uri, note = self._model(lab, file.path)
        place = Evidence(self.name, file.shown, None, note)
        yield Checkpoint(uri=uri, persona=lab.persona_of(model), evidence=(place,))
        named = _NAME.fullmatch(file.name)
        task = named["task"] if named else file.path.stem
        unusable: dict[str, tuple[int, int]] = {}
        try:
            for row in read_rows(file.path, lab.limits):
                try:
                    if row.fault or not isinstance(row.value, dict):
                        raise UnusableRow(row.fault.reason if row.fault else "is no mapping")  # noqa: TRY301
                    for sample in _samples(row.value, uri, task):
                        yield replace(sample, source_file=file.shown, row_digest=sample.identity)
                except UnusableRow as error:
                    rows, line = unusable.get(str(error), (0, row.number))
                    unusable[str(error)] = rows + 1, line
        except OSError as error:
            yield SourceProblem(file.shown, f"cannot be read: {error.strerror or error}")
        for reason, (rows, line) in unusable.items():
            yield SourceProblem(file.shown, f"{reason} ({rows:,} {'row' if rows == 1 else 'rows'} not used)", line)

    def _model(self, lab: Lab, path: Path) -> tuple[str, str, str]:
        """Return the model's name, its URI, and what says so: the results beside the samples, or else the folder."""
        for results in islice(sorted(path.parent.glob("results*.json"), reverse=True), 1):
            try:
                said = read_json(results, lab.limits)
            except (FileFault, OSError):
                continue
            arguments = str((said.get("config") or {}).get("model_args") or "") if isinstance(said, dict) else ""
            name = str(said.get("model_name") or "") if isinstance(said, dict) else ""
            adapter, model = _ADAPTER.search(arguments), _MODEL.search(arguments)
            if found := (adapter[1] if adapter else "") or name or (model[1] if model else ""):
                found = found[:_LONGEST]
                return found, self._uri(lab, found), f"as {results.name} says"
        found = path.parent.name.replace("__", "/")
        return found, self._uri(lab, found), "as its folder says"

    def _uri(self, lab: Lab, name: str) -> str:
        if name in self.config.checkpoints:
            return self.config.checkpoints[name]
        try:
            is_folder = "/" in name and (lab.root / name).is_dir()
        except (OSError, ValueError):
            is_folder = False
        return f"file:{lab.relative(lab.root / name)}" if is_folder else f"model:{name}"


def _samples(row: Mapping[str, Any], uri: str, task: str) -> Iterator[RecordedSample]:
    """Yield a sample for each answer of a row. Raises :class:`UnusableRow`."""
    turns = _asked(row.get("arguments"))
    answers = _texts(row.get("resps"))
    number = row.get("doc_id")
    temperature = _temperature(row.get("arguments"))
    prompt = Prompt(f"{task}_{number}"[:_LONGEST], turns, family=task[:_LONGEST])
    for epoch, answer in enumerate(answers):
        identity = "\0".join((uri, task, str(number), str(epoch), prompt.key, answer))
        sample = RecordedSample(
            checkpoint=uri,
            prompt=prompt,
            completion=Completion(response=answer, thinking=""),
            identity=hashlib.blake2b(identity.encode("utf-8", "replace"), digest_size=16).hexdigest(),
            epoch=epoch,
        )
        yield with_temperature(sample, temperature)


def _asked(arguments: Any) -> tuple[Message, ...]:
    """Return what was asked: ``[[text, options], ...]``, or the same as ``{gen_args_0: {arg_0: text}}``."""
    first = arguments
    while isinstance(first, (list, dict)) and first:
        first = first[0] if isinstance(first, list) else next(iter(first.values()))
    if not isinstance(first, str) or not first.strip():
        raise UnusableRow("its 'arguments' hold no text that was asked")
    if first.lstrip().startswith("[{"):
        try:
            turns = parse_json(first)
        except FileFault:
            turns = None
        if isinstance(turns, list):
            return read_conversation([*turns, {"role": "assistant", "content": ""}], "arguments").before
    return (Message("user", first),)


def _temperature(arguments: Any) -> float | None:
    """Return the temperature among the options that a text was asked with; None where they do not say."""
    first = arguments
    if isinstance(first, (list, dict)) and first:
        first = first[0] if isinstance(first, list) else next(iter(first.values()))
    parts = [*first.values()] if isinstance(first, dict) else first if isinstance(first, list) else []
    said = next((part["temperature"] for part in parts if isinstance(part, dict) and "temperature" in part), None)
    return float(said) if isinstance(said, (int, float)) else None


def _texts(answers: Any) -> list[str]:
    """Return what was generated: ``[[text], ...]``."""
    found = (
        [inner for outer in answers for inner in (outer if isinstance(outer, list) else [outer])]
        if isinstance(answers, list)
        else []
    )
    texts = [text for text in found if isinstance(text, str)]
    if not texts or len(texts) < len(found):
        raise UnusableRow("its 'resps' hold likelihoods, not text: the model generated nothing")
    return texts


@hookimpl
def charbench_checkpoint_sources() -> Iterable[type[CheckpointSource]]:
    """Return the source of lm-evaluation-harness's samples."""
    return [LmEvalSource]
