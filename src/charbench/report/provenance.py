"""What served the rows of a table, said where it is not the same for all of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from charbench.domain.uris import SERVED
from charbench.store.served import Served
from charbench.text.enumeration import short_list

_TITLES = {"endpoint": "endpoints", "renderer": "renderers", "prefill": "prefills"}
MOST = 3
"""So many rows are named for each value."""


@dataclass(frozen=True, slots=True)
class ServedRow:
    """A row's label and groups, for the persona that it is of."""

    label: str
    groups: Sequence[int]
    uris: Collection[str] = ()


def provenance_lines(rows: Sequence[ServedRow], served: Mapping[int, Sequence[Served]]) -> list[str]:
    """Return a sentence for each thing that served rows and differs between them, or within one."""
    lines = []
    for name, title in _TITLES.items():
        by_value: dict[str, list[str]] = {}
        for row in rows:
            for one in (one for group in row.groups for one in served.get(group, ())):
                if (value := getattr(one.provenance, name)) is not None:
                    by_value.setdefault(repr(value) if name == "prefill" else value, []).append(row.label)
        if len(by_value) > 1:
            said = "; ".join(f"{value} ({_names(labels)})" for value, labels in sorted(by_value.items()))
            lines.append(f"Rows were served by different {title}: {said}.")
    lines += _called_otherwise(rows)
    for row in rows:
        models = sorted({m for g in row.groups for one in served.get(g, ()) if (m := one.provenance.server_model)})
        if len(models) > len(set(row.groups)):
            lines.append(f"{row.label} was answered by models that call themselves {', '.join(models)}.")
    return lines


def _called_otherwise(rows: Sequence[ServedRow]) -> list[str]:
    """Return a sentence on the rows that a server calls otherwise: a registry or a recording has named them."""
    found = [
        f"{row.label} as {called}"
        for row in rows
        for uri in row.uris
        if (called := uri.removeprefix(SERVED)) not in (uri, row.label) and uri not in row.label
    ]
    return [f"Served under another name: {short_list(list(dict.fromkeys(found)), MOST)}."] if found else []


def provenance_dicts(groups: Sequence[int], served: Mapping[int, Sequence[Served]]) -> list[dict[str, Any]]:
    """Return what served the samples of these groups for JSON, each with the number of samples."""
    counts: dict[Any, int] = {}
    for one in (one for group in dict.fromkeys(groups) for one in served.get(group, ())):
        counts[one.provenance] = counts.get(one.provenance, 0) + one.samples
    return [{**asdict(provenance), "samples": count} for provenance, count in counts.items()]


def _names(labels: Sequence[str]) -> str:
    return short_list(list(dict.fromkeys(labels)), MOST)
