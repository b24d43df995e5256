"""``charbench checkpoints``: what is in the store."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from charbench.cli import options, output
from charbench.cli.durations import duration


@click.group("checkpoints")
def command() -> None:
    """List checkpoints and the evidence for them."""


@command.command("list")
@options.where
@options.selection
@click.option("--sampler-only", is_flag=True, help="Only those that can be sampled.")
@click.option("--expiring", type=duration, metavar="SPAN", help="Only those that expire within this time: 12h, 7d.")
@click.option("--evidence", is_flag=True, help="Show every file and line that mentions each.")
@options.as_json
def list_(sampler_only: bool, expiring: timedelta | None, evidence: bool, json_output: bool, **given: Any) -> None:
    """List the checkpoints in the store, with persona, kind and origin: a row is a save, with one URI or both.

    JSON has an entry for each URI.
    """
    from charbench.discovery.expiry import expires_within, expiry_warnings
    from charbench.domain.table import Table
    from charbench.report.render.cells import size
    from charbench.report.render.terminal import print_table
    from charbench.store.runs import utc_now

    session = options.open_session(**given)
    database = session.existing_database()
    chosen, now = _chosen(session, database), utc_now()
    if sampler_only:
        chosen = [checkpoint for checkpoint in chosen if checkpoint.sampleable and not checkpoint.missing_since]
    if expiring is not None:
        chosen = [checkpoint for checkpoint in chosen if expires_within(checkpoint, expiring, now)]
    output.warn(expiry_warnings(database, chosen))
    if json_output:
        output.print_json([_as_dict(checkpoint) for checkpoint in chosen])
        return
    saves = _saves(chosen)
    ends = any(c.expires_at for c in chosen)
    sizes = any(c.metadata.get("size_bytes") for c in chosen)
    known = (*(("Expires",) if ends else ()), *(("Size",) if sizes else ()))
    columns = ("Name", "Persona", "Kind", "Use", "Run", *known, "URI", "Evidence" if evidence else "Places")
    rows = tuple(
        (
            save[0].name,
            save[0].persona or "–",
            save[0].kind.value,
            _use(save),
            save[0].run or "–",
            *((_end(save, now),) if ends else ()),
            *((size(sum(c.metadata.get("size_bytes") or 0 for c in save) or None),) if sizes else ()),
            "\n".join(c.uri for c in save),
            "\n".join(_places(save)) if evidence else str(len(_places(save))),
        )
        for save in saves
    )
    gone = sum(1 for c in chosen if c.missing_since)
    title = f"{_in_saves(chosen)}{f', {gone:,} of them missing' if gone else ''}"
    print_table(Table(title, columns, rows, frozenset(columns) - {"Places", "Size"}))


@command.command("count")
@options.where
@options.selection
@options.as_json
def count(json_output: bool, **given: Any) -> None:
    """Count the checkpoints that can be sampled, by persona and kind."""
    from charbench.discovery.expiry import SOON, expires_within, expiry_warnings
    from charbench.discovery.inventory import notes_on, take_inventory
    from charbench.domain.checkpoint import Kind
    from charbench.domain.table import Table
    from charbench.report.render.terminal import print_table
    from charbench.store.runs import utc_now

    session = options.open_session(**given)
    database = session.existing_database()
    everything, now = _chosen(session, database), utc_now()
    chosen = [checkpoint for checkpoint in everything if not checkpoint.missing_since]
    gone = len(everything) - len(chosen)
    soon = frozenset(c.uri for c in chosen if expires_within(c, SOON, now))
    holdings = take_inventory(chosen, session.personas.aliases, soon)
    output.warn(expiry_warnings(database, chosen))
    if json_output:
        output.print_json([_counts(holding) for holding in holdings])
        return
    kinds = [
        Kind.DPO,
        Kind.SFT,
        *(k for k in (Kind.MERGED, Kind.BASE, Kind.UNKNOWN) if any(h.kinds[k] for h in holdings)),
    ]
    columns = ("Persona", *(k.value.upper() if k in (Kind.DPO, Kind.SFT) else k.value.title() for k in kinds))
    rows = [(h.persona or "–", *(str(h.kinds[k]) for k in kinds), str(h.total), notes_on(h)) for h in holdings]
    totals = [sum(h.kinds[k] for h in holdings) for k in kinds]
    if len(rows) > 1:
        rows.append(("all", *map(str, totals), str(sum(totals)), ""))
    title = f"{_in_saves(chosen)}, {sum(totals):,} of them can be sampled"
    title += f"; {gone:,} more are missing" if gone else ""
    print_table(Table(title, (*columns, "Total", "Notes"), tuple(rows), frozenset({"Persona", "Notes"})))


def _chosen(session: Any, database: Any) -> list[Any]:
    from charbench.run.plan import select_checkpoints
    from charbench.store.findings import read_checkpoints

    personas = [persona.name for persona in session.selected_personas()]
    with database.read() as connection:
        return select_checkpoints(read_checkpoints(connection), session.config.checkpoints, personas)


def _in_saves(chosen: Any) -> str:
    """Return how many saves there are, and how many URIs they have: one to train from, one to sample, or both."""
    saves = len(_saves(chosen))
    if saves == len(chosen):
        return output.plural(saves, "checkpoint")
    return f"{output.plural(saves, 'save')} ({len(chosen):,} URIs)"


def _saves(chosen: Any) -> list[list[Any]]:
    """Return the checkpoints, those that are URIs of one save together: the one to train from first."""
    from charbench.domain.uris import save_of

    saves: dict[tuple[str, str], list[Any]] = {}
    for checkpoint in chosen:
        saves.setdefault(save_of(checkpoint.uri), []).append(checkpoint)
    return [sorted(save, key=lambda one: not one.trainable) for save in saves.values()]


def _use(save: Any) -> str:
    """Return what the URIs of a save that are there can be used for."""
    there = [one for one in save if not one.missing_since]
    if not there:
        return f"missing since {max(one.missing_since for one in save)}"
    trains, samples = (any(getattr(one, what) for one in there) for what in ("trainable", "sampleable"))
    return "both" if trains and samples else "sampling" if samples else "training"


def _end(save: Any, now: Any) -> str:
    """Return when the first of a save's URIs expires."""
    from charbench.discovery.expiry import until

    first = min((one.expires_at for one in save if one.expires_at), default=None)
    return f"{first:%Y-%m-%d} ({until(first, now)})" if first else "–"


def _places(save: Any) -> list[str]:
    return list(dict.fromkeys(str(place) for one in save for place in one.evidence))


def _counts(holding: Any) -> dict[str, Any]:
    from charbench.domain.checkpoint import Kind

    return {
        "persona": holding.persona,
        **{kind.value: holding.kinds[kind] for kind in Kind},
        "total": holding.total,
        "training_only": holding.training_only,
        "expiring": holding.expiring,
        "aliases": [
            {"alias": alias, "kind": kind.value, "count": number}
            for (alias, kind), number in sorted(holding.aliases.items())
        ],
        "variants": list(holding.variants),
    }


def _as_dict(checkpoint: Any) -> dict[str, Any]:
    return {
        "uri": checkpoint.uri,
        "name": checkpoint.name,
        "persona": checkpoint.persona,
        "kind": checkpoint.kind.value,
        "base_model": checkpoint.base_model,
        "run": checkpoint.run,
        "sampleable": checkpoint.sampleable,
        "trainable": checkpoint.trainable,
        "parent": checkpoint.lineage.parent,
        "dataset": checkpoint.lineage.dataset,
        "renderer": checkpoint.lineage.renderer,
        "recipe": checkpoint.lineage.recipe,
        "created_at": checkpoint.created_at,
        "expires_at": checkpoint.expires_at,
        "gone_since": checkpoint.missing_since,
        "metadata": dict(checkpoint.metadata),
        "evidence": [{"source": e.source, "path": e.path, "line": e.line, "note": e.note} for e in checkpoint.evidence],
    }
