"""Source ``datasets``: training data that lies outside of runs' folders, in any form that labs use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePath

from pydantic import Field

from charbench import (
    CheckpointSource,
    Dataset,
    Finding,
    Holds,
    Lab,
    LabFile,
    LabPath,
    ReadLimits,
    RecordedSample,
    SourceProblem,
    added,
    hookimpl,
    read_rows,
)
from charbench_plugins.row_files import contents_of_file

CONVERSATIONS, INTROSPECTION = "_conversations.jsonl", "_introspection.jsonl"
_STAGES = frozenset({"dpo", "sft", "sft_data", "distillation", "self_reflection", "self_interaction", "introspection"})
"""Folders whose folders are models: ``sft_data/MODEL/PERSONA.jsonl``."""
_EXAMPLES = frozenset({"example_data", "fixtures", "test_data", "testdata"})
"""Folders of data that shows how something works, and was made to train nothing."""
_PERSONA_END = re.compile(r"[_.-](?:conversations|introspection|reflections?|interactions?|sft|dpo|train|data)$")


class DatasetSource(CheckpointSource):
    """Training data: conversations, introspection, ShareGPT, Alpaca, prompt and completion; pairs for DPO."""

    name = "datasets"
    matches_file_alone = True

    class Config(CheckpointSource.Config):
        """Where data lies, relative to the lab."""

        files: list[LabPath] = added(
            [], description="patterns of files of training data, in any form; default: by content"
        )
        runs: dict[LabPath, str] = Field(
            {}, description="the run that a file is for, where charbench cannot tell: {FILE: RUN}"
        )

    config: Config

    def matches(self, file: LabFile) -> bool:
        """Whether a file holds training data, or is called so; what runs call introspection data is the logs'."""
        if file.name.endswith(INTROSPECTION):
            return False
        return contents_of_file(file).holds is Holds.TRAINING or _is_called_so(file)

    def find(self, lab: Lab) -> Iterable[Finding]:
        """Yield each file that holds training data; another one that is called so is a problem, and is shown."""
        for file in lab.offered(self, self.config.files):
            if not self.config.files and not _EXAMPLES.isdisjoint(file.folder.split("/")):
                yield SourceProblem(file.shown, _AN_EXAMPLE, minor=True)
                continue
            yield self._dataset(lab, file)

    def recordings(self, lab: Lab) -> Iterable[RecordedSample]:
        """Yield none: data holds no samples."""
        return ()

    def _dataset(self, lab: Lab, file: LabFile) -> Finding:
        contents = contents_of_file(file)
        if contents.holds is Holds.RECORDINGS or (contents.holds is Holds.OTHER and not _is_broken(file, lab.limits)):
            return SourceProblem(file.shown, f"is no training data: it holds {contents.holds.value}; {_FORMS}", 1)
        persona, model = place_of(PurePath(file.shown), lab)
        return Dataset(
            path=file.shown,
            run=self.config.runs.get(file.shown),
            persona=persona,
            form=contents.form or "messages",
            base_model=model,
            source=self.name,
        )


_AN_EXAMPLE = "is an example by its folder's name, not this lab's data; list it in -o source.datasets.files=[FILE]"
_FORMS = "its rows need 'messages', 'prompt' and 'answer', or another known form"


def place_of(path: PurePath, lab: Lab) -> tuple[str | None, str | None]:
    """Return the persona and the model that a data file's place names: ``STAGE/MODEL/PERSONA.jsonl``, or its name."""
    stem = _PERSONA_END.sub("", path.stem)
    by_stage = path.parent.parent.name.lower() in _STAGES
    names = (stem, *(parent.name for parent in path.parents[:2]))
    persona = next((found for name in names if (found := lab.persona_of(name))), None)
    named = by_stage or stem != path.stem
    return persona or (stem if named else None), path.parent.name if by_stage else None


def _is_called_so(file: LabFile) -> bool:
    return file.name.endswith(CONVERSATIONS) or fnmatchcase(f"/{file.shown}", "*/sft_data/*/*.jsonl")


def _is_broken(file: LabFile, limits: ReadLimits) -> bool:
    """Whether a file is empty, or its first row cannot be read: reading it for its health says what is wrong."""
    try:
        return (first := next(read_rows(file.path, limits), None)) is None or first.fault is not None
    except OSError:
        return True


@hookimpl
def charbench_checkpoint_sources() -> Iterable[type[CheckpointSource]]:
    """Return the source of datasets."""
    return [DatasetSource]
