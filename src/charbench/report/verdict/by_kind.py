"""What checkpoints of one kind have in common: whether they respond, and where their character is."""

from __future__ import annotations

from collections.abc import Sequence

from charbench.report.render.cells import percent_with_interval
from charbench.report.summary.tally import Tally


def by_kind_line(rows: Sequence[Tally]) -> str | None:
    """Return the rates of each kind, over all its checkpoints and personas; None where there is only one kind."""
    by_kind: dict[str, list[Tally]] = {}
    for row in rows:
        if len(row.kinds) == 1 and row.answered:
            by_kind.setdefault(next(iter(row.kinds)), []).append(row)
    if len(by_kind) < 2:
        return None
    told = "; ".join(f"{kind} ({_counted(same)}): {_told(same)}" for kind, same in sorted(by_kind.items()))
    return f"By kind, all personas together: {told}. To test the difference: charbench compare --by kind."


def _counted(rows: Sequence[Tally]) -> str:
    count = sum(max(1, len(row.uris)) for row in rows)
    return f"{count:,} checkpoint{'s' * (count != 1)}"


def _told(rows: Sequence[Tally]) -> str:
    whole = Tally("", "")
    for row in rows:
        whole.counts.merge(row.counts)
    parts = [f"responses {percent_with_interval(whole.responses)}"]
    if whole.trait.total:
        parts.append(f"trait rate {percent_with_interval(whole.trait)}")
    if whole.trait_in_thinking.total:
        parts.append(f"in thinking {percent_with_interval(whole.trait_in_thinking)}")
    return ", ".join(parts)
