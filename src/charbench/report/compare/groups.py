"""Groups of checkpoints: by how much data they were trained on, by recipe, by kind, by base model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.engine import Connection

from charbench.domain.checkpoint import Checkpoint, Kind
from charbench.errors import UsageError
from charbench.report.compare.sides import Side
from charbench.store.findings import read_datasets
from charbench.store.jobs import read_jobs
from charbench.store.summaries import GroupTotals
from charbench.text.enumeration import short_list

UNKNOWN = "unknown"
_SHARE = re.compile(r"(?<![\d.])(\d{1,3})[ _-]?(?:pct|percent|%)(?![a-z0-9])", re.IGNORECASE)


class GroupBy(StrEnum):
    """What checkpoints are grouped by."""

    EXAMPLES = "examples"
    RECIPE = "recipe"
    KIND = "kind"
    BASE = "base"


@dataclass(frozen=True, slots=True)
class Dose:
    """What a checkpoint was given, in words, with a number to order by; ``by_name``: only its name says so."""

    label: str
    order: float = 0.0
    by_name: bool = False


def group_sides(
    connection: Connection,
    checkpoints: Sequence[Checkpoint],
    groups: Iterable[GroupTotals],
    by: GroupBy,
    notes: list[str],
) -> list[Side]:
    """Return a side for each group of checkpoints, the smallest dose first; those of unknown dose last.

    What is worth saying of the doses is added to ``notes``. Raises :class:`UsageError` where there are fewer
    than two groups to compare.
    """
    doses = doses_of(connection, checkpoints, by)
    found: dict[Dose, list[GroupTotals]] = {}
    bases: set[str] = set()
    for group in groups:
        if by is GroupBy.BASE and group.kind == Kind.BASE.value:
            bases.add(group.name)
            continue
        found.setdefault(doses[group.uri], []).append(group)
    sides = [Side(dose.label, found[dose]) for dose in sorted(found, key=_place)]
    if len(sides) < 2:
        only = f"all are {sides[0].label}" if sides else "there are no samples"
        raise UsageError(f"option --by {by}: two groups are needed to compare, and {only}")
    if any(dose.by_name for dose in found):
        notes.append(
            "Shares of the data are read from names (such as 25pct): nothing in the store says with how many "
            "examples these checkpoints were trained."
        )
    if any(dose.label == UNKNOWN for dose in found):
        notes.append(f"The store does not record the {by} of the checkpoints under {UNKNOWN!r}.")
    if bases:
        named = short_list(sorted(bases), len(bases))
        notes.append(f"A group is the checkpoints trained from a base model; its own answers are left out ({named}).")
    notes.append("Answers of a group's checkpoints are averaged prompt by prompt.")
    return sides


def _place(dose: Dose) -> tuple[bool, bool, float, str]:
    return dose.label == UNKNOWN, dose.by_name, dose.order, dose.label


def doses_of(connection: Connection, checkpoints: Sequence[Checkpoint], by: GroupBy) -> dict[str, Dose]:
    """Return each checkpoint's dose by URI.

    Examples are those of the training job that made the checkpoint, or of the dataset that its lineage names.
    A dataset that only shares the run's name is not taken: in a lab it is mostly the data that comes next. Only
    where nothing else tells, a share in the name (``25pct``) is taken for the dose.
    """
    if by is GroupBy.KIND:
        return {c.uri: Dose(c.kind.value) for c in checkpoints}
    if by is GroupBy.BASE:
        return {c.uri: Dose(c.base_model or UNKNOWN) for c in checkpoints}
    jobs = read_jobs(connection)
    made = {uri: job for job in jobs for uri in (job.result, job.result_sampler) if uri}
    if by is GroupBy.RECIPE:
        return {
            c.uri: Dose(c.lineage.recipe or (made[c.uri].recipe if c.uri in made else None) or UNKNOWN)
            for c in checkpoints
        }
    sizes = {item.dataset.path: item.examples for item in read_datasets(connection)}
    trained = {uri: job.examples for uri, job in made.items()}
    return {c.uri: _examples(c, trained, sizes) for c in checkpoints}


def _examples(checkpoint: Checkpoint, trained: Mapping[str, int], sizes: Mapping[str, int | None]) -> Dose:
    count = trained.get(checkpoint.uri)
    if count is None and checkpoint.lineage.dataset:
        count = sizes.get(checkpoint.lineage.dataset)
    if count is not None:
        return Dose(f"{count:,} examples", count)
    if checkpoint.kind.value == "base":
        return Dose("0 examples (base)", 0)
    if found := _SHARE.search(checkpoint.name):
        return Dose(f"{int(found.group(1))}% of the data (by name)", int(found.group(1)), by_name=True)
    return Dose(UNKNOWN)
