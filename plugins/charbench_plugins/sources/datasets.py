"""Source ``datasets``: training data that lies outside of runs' folders, in any form that labs use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path, PurePath

from pydantic import Field

from charbench import (
    CheckpointSource,
    Contents,
    Dataset,
    Finding,
    Holds,
    Lab,
    ReadLimits,
    RecordedSample,
    SourceProblem,
    added,
    contents_of,
    hookimpl,
    read_rows,
)
from charbench_plugins.sources.patterns import matching

CONVERSATIONS = "_conversations"
_LOOKED_AT = 20
"""Rows that decide what a file holds."""
_STAGES = frozenset({"dpo", "sft", "sft_data", "distillation", "self_reflection", "self_interaction", "introspection"})
"""Folders whose folders are models: ``sft_data/MODEL/PERSONA.jsonl``."""
_PERSONA_END = re.compile(r"[_.-](?:conversations|introspection|reflections?|interactions?|sft|dpo|train|data)$")


class DatasetSource(CheckpointSource):
    """Training data: conversations, introspection, ShareGPT, Alpaca, prompt and completion; pairs for DPO."""

    name = "datasets"

    class Config(CheckpointSource.Config):
        """Where data lies, relative to the lab."""

        conversations: list[str] = Field(
            [f"data/*{CONVERSATIONS}.jsonl", f"*{CONVERSATIONS}.jsonl"],
            description=f"patterns of files PERSONA{CONVERSATIONS}.jsonl with 'messages'",
        )
        sft_data: list[str] = Field(
            ["sft_data/*/*.jsonl", "data/sft_data/*/*.jsonl"],
            description="patterns of files MODEL/PERSONA.jsonl with 'messages', as Open Character Training has them",
        )
        files: list[str] = added([], description="patterns of other files of training data, in any form")
        runs: dict[str, str] = Field(
            {}, description="the run that a file is for, where charbench cannot tell: {FILE: RUN}"
        )

    config: Config

    def find(self, lab: Lab) -> Iterable[Finding]:
        """Yield each file that holds training data; another one that is called so is a problem, and is shown."""
        patterns = (*self.config.conversations, *self.config.sft_data, *self.config.files)
        for path in matching(lab.root, patterns):
            yield from self._dataset(lab, path)

    def recordings(self, lab: Lab) -> Iterable[RecordedSample]:
        """Yield none: data holds no samples."""
        return ()

    def _dataset(self, lab: Lab, path: Path) -> Iterator[Finding]:
        shown = lab.relative(path)
        contents = _contents(path, lab.limits)
        if contents.form is None or contents.holds is Holds.RECORDINGS:
            yield SourceProblem(shown, f"is no training data: it holds {contents.holds.value}; {_FORMS}", 1)
            return
        persona, model = place_of(PurePath(shown), lab)
        yield Dataset(
            path=shown,
            run=self.config.runs.get(shown),
            persona=persona,
            form=contents.form,
            base_model=model,
            source=self.name,
        )


_FORMS = "its rows need 'messages', 'prompt' and 'answer', or another known form"


def place_of(path: PurePath, lab: Lab) -> tuple[str | None, str | None]:
    """Return the persona and the model that a data file's place names: ``STAGE/MODEL/PERSONA.jsonl``, or its name."""
    stem = _PERSONA_END.sub("", path.stem)
    by_stage = path.parent.parent.name.lower() in _STAGES
    names = (stem, *(parent.name for parent in path.parents[:2]))
    persona = next((found for name in names if (found := lab.persona_of(name))), None)
    named = by_stage or stem != path.stem
    return persona or (stem if named else None), path.parent.name if by_stage else None


def _contents(path: Path, limits: ReadLimits) -> Contents:
    """Return what a file's first rows hold; what cannot be read is left for its health to say, with the line."""
    try:
        rows = [row.value for row in islice(read_rows(path, limits), _LOOKED_AT) if not row.fault]
    except OSError:
        rows = []
    return contents_of(rows) if rows else Contents(Holds.TRAINING, "messages")


@hookimpl
def charbench_checkpoint_sources() -> Iterable[type[CheckpointSource]]:
    """Return the source of datasets."""
    return [DatasetSource]
