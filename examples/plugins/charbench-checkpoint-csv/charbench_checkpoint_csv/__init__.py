"""Source ``checkpoint-csv``: a lab's own list of checkpoints, a CSV file with a column ``uri``."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from pydantic import Field

from charbench import Checkpoint, CheckpointSource, Evidence, Finding, Lab, SourceProblem, hookimpl, kind_from_name


class CheckpointCsv(CheckpointSource):
    """Checkpoints listed in a CSV file with the columns uri, persona and base_model."""

    name = "checkpoint-csv"

    class Config(CheckpointSource.Config):
        file: str = Field("checkpoints.csv", description="the file, relative to the lab")

    config: Config

    def find(self, lab: Lab) -> Iterator[Finding]:
        path = lab.root / self.config.file
        if not path.is_file():
            return
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = csv.DictReader(file)
            try:
                for row in rows:
                    yield self._finding(lab, row, rows.line_num)
            except csv.Error as error:
                yield SourceProblem(self.config.file, f"no CSV: {error}", rows.line_num)

    def _finding(self, lab: Lab, row: dict[str, str], line: int) -> Finding:
        uri = (row.get("uri") or "").strip()
        if ":" not in uri:
            return SourceProblem(self.config.file, f"found {uri!r:.60} in column uri; a URI is needed", line)
        named = (row.get("persona") or "").strip()
        return Checkpoint(
            uri=uri,
            persona=lab.persona_of(named or uri) or named or None,
            kind=kind_from_name(uri),
            base_model=(row.get("base_model") or "").strip() or None,
            evidence=(Evidence(self.name, self.config.file, line, "listed"),),
        )


@hookimpl
def charbench_checkpoint_sources() -> list[type[CheckpointSource]]:
    return [CheckpointCsv]
