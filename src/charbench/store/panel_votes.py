"""What each judge of a panel said by itself, added up for each group of samples."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.store.dialect import MAX_PARAMETERS, chunks
from charbench.store.tables import samples, scored


@dataclass(slots=True)
class PanelVotes:
    """Votes on the texts of one channel: by judge how many it scored, and how many of those have the trait.

    ``texts`` were scored by two judges or more, and on ``split`` of them they differ about the trait.
    """

    by_judge: dict[str, list[int]] = field(default_factory=dict)
    texts: int = 0
    split: int = 0

    def count(self, votes: dict[str, float | None], threshold: float) -> None:
        """Count the votes on one text."""
        said = {judge: value >= threshold for judge, value in votes.items() if value is not None}
        for judge in votes:
            counts = self.by_judge.setdefault(judge, [0, 0])
            counts[0] += judge in said
            counts[1] += said.get(judge, False)
        if len(said) > 1:
            self.texts += 1
            self.split += len(set(said.values())) > 1

    def __iadd__(self, other: PanelVotes) -> PanelVotes:
        """Add the votes on other texts."""
        for judge, (texts, hits) in other.by_judge.items():
            mine = self.by_judge.setdefault(judge, [0, 0])
            mine[0] += texts
            mine[1] += hits
        self.texts += other.texts
        self.split += other.split
        return self


def panel_votes(
    connection: Connection,
    scoring_ids: Collection[int],
    group_ids: Sequence[int],
    metric: str,
    threshold: float,
    channel: str = "response",
) -> dict[int, PanelVotes]:
    """Return the votes on each group's texts that these scorings hold, by the group's number."""
    found: dict[int, PanelVotes] = {}
    for part in chunks(sorted(group_ids), MAX_PARAMETERS // 2):
        query = (
            sa.select(samples.c.group_id, scored.c.evidence)
            .join(samples, samples.c.id == scored.c.sample_id)
            .where(samples.c.group_id.in_(part), scored.c.scoring_id.in_(sorted(scoring_ids)))
        )
        for group, evidence in connection.execute(query):
            for entry in evidence or ():
                if entry["metric"] == metric and entry["channel"] == channel and entry.get("votes"):
                    found.setdefault(group, PanelVotes()).count(entry["votes"], threshold)
    return found
