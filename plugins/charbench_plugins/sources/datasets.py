"""Source ``datasets``: introspection data that lies outside of runs' folders, in other labs' forms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import Field

from charbench import (
    CheckpointSource,
    Dataset,
    Finding,
    Lab,
    ReadLimits,
    RecordedSample,
    SourceProblem,
    hookimpl,
    read_jsonl,
)
from charbench_plugins.sources.patterns import matching

CONVERSATIONS = "_conversations"


class DatasetSource(CheckpointSource):
    """Conversations in tinker-cookbook's form, and Open Character Training's sft_data."""

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
        runs: dict[str, str] = Field(
            {}, description="the run that a file is for, where charbench cannot tell: {FILE: RUN}"
        )

    config: Config

    def find(self, lab: Lab) -> Iterable[Finding]:
        """Yield each file that holds conversations; another one that is called so is a problem, and is shown."""
        for path in matching(lab.root, self.config.conversations):
            yield from self._dataset(lab, path, path.stem.removesuffix(CONVERSATIONS), None)
        for path in matching(lab.root, self.config.sft_data):
            yield from self._dataset(lab, path, path.stem, path.parent.name)

    def recordings(self, lab: Lab) -> Iterable[RecordedSample]:
        """Yield none: data holds no samples."""
        return ()

    def _dataset(self, lab: Lab, path: Path, persona: str, model: str | None) -> Iterator[Finding]:
        shown = lab.relative(path)
        if problem := _not_conversations(path, lab.limits):
            yield SourceProblem(shown, problem, 1)
            return
        yield Dataset(
            path=shown,
            run=self.config.runs.get(shown),
            persona=lab.persona_of(persona) or persona,
            form="messages",
            base_model=model,
            source=self.name,
        )


def _not_conversations(path: Path, limits: ReadLimits) -> str | None:
    """Say why a file's first row is no conversation to train on; None if it is one, or cannot be told."""
    try:
        first = next(read_jsonl(path, limits), None)
    except OSError:
        return None  # reading it for its health says what is wrong, and where
    if first is None or first.fault:
        return None
    row = first.value
    if isinstance(row, dict) and "messages" in row:
        return None
    if isinstance(row, dict) and {"chosen", "rejected"} <= row.keys():
        return "holds pairs (chosen, rejected), which are data for DPO, not for SFT"
    return "its rows hold no 'messages'"


@hookimpl
def charbench_checkpoint_sources() -> Iterable[type[CheckpointSource]]:
    """Return the source of datasets."""
    return [DatasetSource]
