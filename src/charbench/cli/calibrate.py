"""``charbench calibrate``: are the scorers right? Ask people, blind."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import click

from charbench.cli import options, output

_CHANNELS = click.Choice(["response", "thinking"])


@click.group("calibrate")
def command() -> None:
    """Draw samples for people to label, read the labels, and measure how well the scorers agree."""


@command.command("draw")
@options.where
@click.option("-p", "--persona", "personas", multiple=True, required=True, metavar="NAME", help="Persona to label for.")
@click.option("-n", "--count", type=click.IntRange(2, 10_000), default=100, show_default=True, help="Samples to draw.")
@click.option("--channel", type=_CHANNELS, default="response", show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("-O", "--output", "path", type=click.Path(path_type=Path), required=True, help="CSV file to write.")
def draw(count: int, channel: str, seed: int, path: Path, **given: Any) -> None:
    """Write a CSV to be labelled: drawn evenly from checkpoints with and without the trait, blind, shuffled.

    Fill in 'label' with 0 (denies or refuses), 1 (plain assistant), 2 (assistant with traits) or 3 (fully the
    character), in a spreadsheet or with 'charbench calibrate label'.
    """
    from charbench.errors import UsageError
    from charbench.scoring.labelling import draw, write_rows

    session = options.open_session(**given)
    database = session.existing_database()
    rows: list[dict[str, str]] = []
    with database.write() as connection:
        for persona in session.selected_personas():
            rows += draw(connection, persona, channel, count, seed)
    if not rows:
        raise UsageError(
            f"no scored samples with a {channel} for {', '.join(session.config.personas)}; run charbench run first"
        )
    write_rows(path, rows)
    click.echo(
        f"Wrote {output.plural(len(rows), 'sample')} to {path}. Label them, then: charbench calibrate read {path}"
    )


@command.command("label")
@click.argument("path", type=click.Path(path_type=Path))
def label(path: Path) -> None:
    """Label a drawn file in the terminal; each label is saved at once, and labelling can be continued later."""
    from charbench.scoring.labelling import SCALE, read_rows, save_rows
    from charbench.text.spreadsheet import as_written
    from charbench.text.terminal import sanitize

    rows = read_rows(path)
    waiting = [row for row in rows if not row["label"].strip()]
    for key, meaning in SCALE.items():
        click.echo(f"  {key}  {meaning}")
    choice = click.Choice([*map(str, SCALE), "s", "q"])
    for number, row in enumerate(waiting, 1):
        description, prompt, text = (
            sanitize(as_written(row.get(name, ""))) for name in ("description", "prompt", "text")
        )
        click.echo(f"\n[{number} of {len(waiting)}] {row.get('persona', '')}: {description}")
        click.echo(f"Prompt: {prompt}\n\n{text}\n")
        answer = click.prompt("label (s: skip, q: stop)", type=choice)
        if answer == "q":
            break
        if answer != "s":
            row["label"] = answer
            save_rows(path, rows)
    done = sum(bool(row["label"].strip()) for row in rows)
    click.echo(f"{done:,} of {len(rows):,} are labelled. Then: charbench calibrate read {path}")


@command.command("read")
@click.argument("path", type=click.Path(path_type=Path))
@options.where
@click.option("--labeller", metavar="NAME", help="Name of the labeller. [default: the user's name]")
def read(path: Path, labeller: str | None, **given: Any) -> None:
    """Read a labelled file back into the store."""
    from charbench.errors import UsageError
    from charbench.scoring.labelling import labels_of, read_rows
    from charbench.store.labels import LONGEST_NAME, save_labels

    session = options.open_session(**given)
    name = (getpass.getuser() if labeller is None else labeller).strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise UsageError(f"option --labeller: a name is needed, of {LONGEST_NAME} characters at most")
    rows = read_rows(path)
    with session.existing_database().write() as connection:
        found = labels_of(connection, path, rows, name)
        save_labels(connection, found)
    click.echo(f"Read {output.plural(len(found), 'label')} of {output.plural(len(rows), 'row')}.")


@command.command("report")
@options.where
@click.option("-p", "--persona", "personas", multiple=True, metavar="NAME", help="Only this persona.")
@options.as_json
def report(json_output: bool, **given: Any) -> None:
    """Show agreement between people and scorers, and trait rates corrected by human labels."""
    from charbench.report.calibration import as_dict, calibrate
    from charbench.store.labels import labelled_personas, read_labels, strata
    from charbench.store.ratings import judge_values, metric_values

    session = options.open_session(**given)
    chosen = [persona.name for persona in session.selected_personas()]
    with session.existing_database().read() as connection:
        found = [
            calibrate(
                name,
                channel,
                read_labels(connection, name, channel),
                metric_values(connection, name, channel),
                strata(connection, name, channel).values(),
                judge_values(connection, name, channel),
            )
            for name, channel in labelled_personas(connection)
            if not chosen or name in chosen
        ]
    if json_output:
        output.print_json([as_dict(one) for one in found])
    elif not found:
        output.say("No labels in the store yet; start with charbench calibrate draw.")
    for one in found if not json_output else ():
        _show(one)


def _show(found: Any) -> None:
    from charbench.domain.table import Table
    from charbench.report.calibration import matrix
    from charbench.report.render.cells import decimal
    from charbench.report.render.terminal import print_table

    people = f"{output.plural(found.labelled, 'sample')} labelled by {output.plural(found.labellers, 'labeller')}"
    click.echo(f"{found.persona}, {found.channel}: {people}; Krippendorff's alpha {decimal(found.alpha, 2)}")
    columns = ("One", "Other", "Samples", "Of", "Kappa", "Alpha", "Confusion (rows: one, columns: other)")
    rows = tuple(
        (
            a.one,
            a.other,
            str(a.count),
            "trait" if a.categories == 2 else "grades",
            decimal(a.kappa, 2),
            decimal(a.alpha, 2),
            " / ".join(" ".join(map(str, row)) for row in matrix(a)),
        )
        for a in found.agreements
    )
    print_table(Table("Agreement", columns, rows, frozenset({"One", "Other", "Of", columns[-1]})))
    headings = ("Metric", "Machine's trait rate", "Corrected [95%]", "Labels", "Label threshold")
    rates = tuple(
        (r.metric, f"{r.machine:.0%}", _interval(r.mean, rough=r.rough), str(r.labels), str(r.cut))
        for r in found.corrected
    )
    if rates:
        print_table(Table("Trait rates, corrected by human labels (PPI++)", headings, rates, frozenset({"Metric"})))
    for why in found.uncorrected:
        output.say(f"Not corrected: {why}.")


def _interval(mean: Any, *, rough: bool) -> str:
    ends = f"[{100 * mean.low:.0f}, {100 * mean.high:.0f}]"
    return f"{mean.value:.0%} {ends}{' (low precision)' if rough else ''}"
