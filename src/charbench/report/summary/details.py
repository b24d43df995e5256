"""What a row of a report is of: its URIs, lineage and training data, and its figures prompt by prompt."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from charbench.domain.checkpoint import Checkpoint
from charbench.report.compare.groups import UNKNOWN, GroupBy, doses_of
from charbench.report.summary.tally import Tally
from charbench.run.steps import step_of
from charbench.store.findings import read_checkpoints
from charbench.store.history import past_runs

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Origin:
    """What a row's checkpoints are and where they come from; None where nothing says, or where they differ.

    ``examples`` is the number of training examples, known of a training job's product and where the lineage names the
    data. ``step`` is the training step at which a checkpoint was saved, as its tool counts them.
    """

    uris: tuple[str, ...]
    base_model: str | None = None
    training_run: str | None = None
    parent: str | None = None
    parent_uri: str | None = None
    dataset: str | None = None
    recipe: str | None = None
    examples: int | None = None
    step: int | None = None


def origins(connection: Connection, rows: Sequence[Tally]) -> list[Origin]:
    """Return the origin of each row."""
    known = {checkpoint.uri: checkpoint for checkpoint in read_checkpoints(connection)}
    mine = [known[uri] for row in rows for uri in row.uris if uri in known]
    examples = doses_of(connection, mine, GroupBy.EXAMPLES)
    recipes = doses_of(connection, mine, GroupBy.RECIPE)

    def origin(row: Tally) -> Origin:
        found = [known[uri] for uri in sorted(row.uris) if uri in known]
        counted = {int(examples[one.uri].order) for one in found if not _is_unknown(examples[one.uri])}
        return Origin(
            tuple(sorted(row.uris)),
            _only({one.base_model for one in found}),
            _only({one.run for one in found}),
            _only({_name_of(one.lineage.parent, known) for one in found}),
            _only({one.lineage.parent for one in found}),
            _only({one.lineage.dataset for one in found}),
            _only({recipes[one.uri].label for one in found} - {UNKNOWN}),
            counted.pop() if len(counted) == 1 else None,
            _only({step_of(one) for one in found}),
        )

    return [origin(row) for row in rows]


def row_details(row: Tally, origin: Origin) -> dict[str, Any]:
    """Return a row's origin and the counts that its rates are made of, prompt by prompt, for JSON."""
    figures = {name: value for name, value in asdict(origin).items() if name != "uris"}
    return {
        "checkpoint_uris": list(origin.uris),
        **figures,
        "by_prompt": [
            {
                "prompt": one.name,
                "family": one.family,
                "samples": one.answered,
                "responses": one.responses,
                "judged": one.judged,
                "with_trait": one.hits,
                "with_trait_in_thinking": one.thinking_hits,
            }
            for one in sorted(row.counts.prompts.values(), key=lambda one: (one.family, one.name))
        ],
    }


def run_dicts(connection: Connection, most: int = 20) -> list[dict[str, Any]]:
    """Return the newest runs on the store for JSON: their commands, without secrets, and what they added."""
    return [
        {
            "id": one.id,
            "command": one.command,
            "version": one.version,
            "status": one.status,
            "started_at": f"{one.started_at:%Y-%m-%d %H:%M:%S}",
            "added": {name: count for name, count in one.counts.items() if count},
        }
        for one in past_runs(connection, (), most)
    ]


def _only(values: Set[_T | None]) -> _T | None:
    return next(iter(values)) if len(values) == 1 else None


def _name_of(uri: str | None, known: dict[str, Checkpoint]) -> str | None:
    return known[uri].name if uri in known else uri


def _is_unknown(dose: Any) -> bool:
    return dose.label == UNKNOWN or bool(dose.by_name)
