"""``charbench checkpoints``: what is in the store."""

from __future__ import annotations

from typing import Any

import click

from charbench.cli import options, output


@click.group("checkpoints")
def command() -> None:
    """List checkpoints, and what says so."""


@command.command("list")
@options.where
@options.selection
@click.option("--sampler-only", is_flag=True, help="Only those that can be sampled.")
@click.option("--evidence", is_flag=True, help="Show every file and line that speaks of each.")
@options.as_json
def list_(sampler_only: bool, evidence: bool, json_output: bool, **given: Any) -> None:
    """List the checkpoints in the store, with persona, kind and origin."""
    from charbench.engine.plan import select_checkpoints
    from charbench.report.tables import Table
    from charbench.report.terminal import print_table
    from charbench.store.findings import read_checkpoints

    session = options.open_session(**given)
    personas = [persona.name for persona in session.selected_personas()]
    with session.existing_database().read() as connection:
        chosen = select_checkpoints(read_checkpoints(connection), session.config.checkpoints, personas)
    if sampler_only:
        chosen = [checkpoint for checkpoint in chosen if checkpoint.sampleable]
    if json_output:
        output.print_json([_as_dict(checkpoint) for checkpoint in chosen])
        return
    columns = ("Name", "Persona", "Kind", "Use", "Run", "URI", *(("Evidence",) if evidence else ("Places",)))
    rows = tuple(
        (
            c.name,
            c.persona or "–",
            c.kind.value,
            "sampling" if c.sampleable and not c.trainable else "training" if not c.sampleable else "both",
            c.run or "–",
            c.uri,
            "\n".join(map(str, c.evidence)) if evidence else str(len(c.evidence)),
        )
        for c in chosen
    )
    title = output.plural(len(chosen), "checkpoint")
    print_table(Table(title, columns, rows, frozenset(columns) - {"Places"}))


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
        "metadata": dict(checkpoint.metadata),
        "evidence": [{"source": e.source, "path": e.path, "line": e.line, "note": e.note} for e in checkpoint.evidence],
    }
