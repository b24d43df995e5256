"""Source ``registry``: a local registry of checkpoints, and the job file of the lab's older tool."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import Field

from charbench import (
    Checkpoint,
    CheckpointSource,
    Evidence,
    FileFault,
    Finding,
    JobStatus,
    Kind,
    Lab,
    LabFile,
    LabPath,
    Lineage,
    SourceProblem,
    TrainingJob,
    hookimpl,
    kind_from_name,
    read_json,
)
from charbench_plugins.sources.times import utc

_URI = re.compile(r"[a-z][a-z0-9+.\-]*:\S+\Z")
_REGISTRY = re.compile(r'(?s)"checkpoint_type".*"(?:sampler|tinker)_path"|"(?:sampler|tinker)_path".*"checkpoint_type"')
_PRINTED_BY_TINKER = re.compile(r'"(?:checkpoint_id|training_run_id)"\s*:')
_PARENTS = ("parent", "load_checkpoint_path", "parent_path", "from_state", "init_from", "resumed_from")
_MOST = 2**31 - 1


class RegistrySource(CheckpointSource):
    """Checkpoints in .character/checkpoints.json, and jobs in experiments/results/sft_jobs.json."""

    name = "registry"
    matches_file_alone = True

    class Config(CheckpointSource.Config):
        """Where the files lie, relative to the lab."""

        checkpoints: list[LabPath] = Field([], description="patterns of registries of checkpoints; default: by content")
        jobs: list[LabPath] = Field([], description="patterns of files of training jobs; default: by content")

    config: Config

    def matches(self, file: LabFile) -> bool:
        """Whether a file is a registry or a file of jobs, by its name or the fields in it."""
        return file.suffix == ".json" and (_is_registry(file) or _are_jobs(file))

    def find(self, lab: Lab) -> Iterable[Finding]:
        """Yield the registries' checkpoints and the older tool's jobs with what they made."""
        for file in lab.offered(self, self.config.checkpoints):
            if self.config.checkpoints or _is_registry(file):
                yield from _read(lab, file, self._entries)
        for file in lab.offered(self, self.config.jobs):
            if self.config.jobs or _are_jobs(file):
                yield from _read(lab, file, self._jobs)

    def _entries(self, lab: Lab, shown: str, data: Any) -> Iterator[Finding]:
        for persona, entries in data.items():
            if not isinstance(entries, list):
                yield SourceProblem(shown, f"{persona!r}: found {type(entries).__name__}; a list is needed")
                continue
            for number, entry in enumerate(entries, 1):
                if not isinstance(entry, dict):
                    yield SourceProblem(shown, f"{persona!r}, entry {number}: a mapping is needed")
                    continue
                yield from self._entry(lab, shown, persona, entry)

    def _entry(self, lab: Lab, shown: str, persona: str, entry: dict[str, Any]) -> Iterator[Finding]:
        name = str(entry.get("name") or "")
        said = str(entry.get("persona") or persona)
        metadata = entry.get("metadata")
        created_at = utc(entry.get("created_at"))
        if entry.get("created_at") and created_at is None:
            yield SourceProblem(
                shown, f"{said}/{name}: created_at is {_shown(entry['created_at'])}, which is not a time"
            )
        for field in ("tinker_path", "sampler_path"):
            uri = entry.get(field)
            if uri is None or uri == "":
                continue
            if not isinstance(uri, str) or not _URI.match(uri):
                yield SourceProblem(
                    shown, f"{said}/{name}: {field} is {_shown(uri)}; a URI such as tinker://... is needed"
                )
                continue
            yield Checkpoint(
                uri=uri,
                name=name,
                kind=_kind(entry.get("checkpoint_type"), name),
                persona=lab.persona_of(said) or said,
                base_model=_text(entry.get("base_model")),
                lineage=Lineage(parent=_parent(entry, uri)),
                created_at=created_at,
                metadata=metadata if isinstance(metadata, dict) else {},
                evidence=(Evidence(self.name, shown, None, f"{said}/{name}"),),
            )

    def _jobs(self, lab: Lab, shown: str, data: Any) -> Iterator[Finding]:
        jobs = data.get("jobs")
        if not isinstance(jobs, dict):
            yield SourceProblem(shown, "no 'jobs' mapping in it")
            return
        for job_id, entry in jobs.items():
            try:
                yield from self._job(lab, shown, entry)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                yield SourceProblem(shown, f"job {_shown(job_id)}: not in the older tool's format ({error!r:.200})")

    def _job(self, lab: Lab, shown: str, entry: dict[str, Any]) -> Iterator[Finding]:
        run, said, checkpoint = (_needed(entry, name) for name in ("run_name", "persona", "dpo_checkpoint"))
        persona = lab.persona_of(said) or said
        status = JobStatus(entry.get("status", "pending"))
        result = _text(entry.get("sft_checkpoint"))
        result_sampler = _text(entry.get("sft_sampler"))
        dataset = _text(entry.get("introspection_data"))
        if status is JobStatus.RUNNING:
            status = JobStatus.PENDING  # whoever ran it there does not run it here
        yield TrainingJob(
            persona=persona,
            run=run,
            checkpoint=checkpoint,
            sampler=_text(entry.get("dpo_sampler")),
            dataset=dataset or "",
            examples=_count(entry.get("introspection_count")),
            status=status,
            result=result,
            result_sampler=result_sampler,
            error=_text(entry.get("error")),
        )
        lineage = Lineage(parent=checkpoint, dataset=dataset)
        for uri in (result, result_sampler):
            if uri:
                evidence = Evidence(self.name, shown, None, f"result of {run}")
                yield Checkpoint(uri=uri, kind=Kind.SFT, persona=persona, lineage=lineage, evidence=(evidence,))


def _is_registry(file: LabFile) -> bool:
    if file.name == "checkpoints.json" and file.folder.rpartition("/")[2] == ".character":
        return True
    return bool(_REGISTRY.search(file.text)) and not _PRINTED_BY_TINKER.search(file.text)


def _are_jobs(file: LabFile) -> bool:
    return file.name == "sft_jobs.json" or '"dpo_checkpoint"' in file.text


def _read(lab: Lab, file: LabFile, parse: Any) -> Iterator[Finding]:
    shown = file.shown
    try:
        data = read_json(file.path, lab.limits)
    except FileFault as fault:
        yield SourceProblem(shown, fault.reason, fault.line)
        return
    if not isinstance(data, dict):
        yield SourceProblem(shown, f"found {type(data).__name__}; a mapping is needed")
        return
    yield from parse(lab, shown, data)


def _kind(said: Any, name: str) -> Kind:
    try:
        return Kind(str(said).lower())
    except ValueError:
        return kind_from_name(f"{said} {name}")


def _parent(entry: dict[str, Any], uri: str) -> str | None:
    """Return the checkpoint that an entry or its metadata says it was trained from; never itself."""
    metadata = entry.get("metadata")
    for notes in (entry, metadata if isinstance(metadata, dict) else {}):
        for name in _PARENTS:
            if isinstance(said := notes.get(name), str) and _URI.match(said) and said != uri:
                return said
    return None


def _needed(entry: dict[str, Any], name: str) -> str:
    """Return a field that must hold text; raises :class:`ValueError` where it does not."""
    value = entry[name]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is {_shown(value)}; text is needed")
    return value


def _count(value: Any) -> int:
    """Return a number of examples; 0 where nothing stands. Raises :class:`ValueError` for what is no number of them."""
    count = int(value or 0)
    if not 0 <= count <= _MOST:
        raise ValueError(f"introspection_count is {_shown(value)}; a number from 0 to {_MOST:,} is needed")
    return count


def _shown(value: Any) -> str:
    return f"{str(value)[:60]!r}"


def _text(value: Any) -> str | None:
    """Return what stands in a registry where text is meant; None where nothing stands."""
    return str(value) if value else None


@hookimpl
def charbench_checkpoint_sources() -> Iterable[type[CheckpointSource]]:
    """Return the registry source."""
    return [RegistrySource]
