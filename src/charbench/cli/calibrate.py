"""``charbench calibrate``: are the scorers right? Ask people, blind."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import click

from charbench.cli import options, output

_CHANNELS = options.Choice(["response", "thinking"])


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
    """Write a CSV to be labelled: texts drawn at random, half of them with the trait, blind, shuffled.

    Texts without a score are drawn too, and checkpoints by their numbers of texts. Fill in 'label' with 0 (denies or
    refuses), 1 (plain assistant), 2 (assistant with traits) or 3 (fully the character), in a spreadsheet or with
    'charbench calibrate label'.
    """
    from charbench.errors import UsageError
    from charbench.scoring.labelling import draw, write_rows

    session = options.open_session(**given)
    database = session.existing_database()
    rows: list[dict[str, str]] = []
    warnings: list[str] = []
    with database.write() as connection:
        for persona in session.selected_personas():
            drawn = draw(connection, persona, channel, count, seed)
            rows += drawn.rows
            if drawn.without:
                warnings.append(
                    f"{persona.name}: {drawn.without:,} of {drawn.checkpoints:,} checkpoints have none of these texts, "
                    "by chance; rates over all texts stay valid, a checkpoint's own rests on labels of the others"
                )
    if not rows:
        raise UsageError(
            f"no scored samples with a {channel} for {', '.join(session.config.personas)}; run charbench run first"
        )
    write_rows(path, rows)
    output.warn(warnings)
    click.echo(
        f"Wrote {output.plural(len(rows), 'sample')} to {path}. Label them from 0 (denies or refuses) to 3 (fully the "
        f"character), in the file or with charbench calibrate label {path}; then: charbench calibrate read {path}"
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
@click.option(
    "--against", metavar="CHECKPOINT", help="Name or URI: show differences from it. [default: the base model]"
)
@click.option("--force", is_flag=True, help="Correct rates though labellers agree too little (alpha below 0.67).")
@options.as_json
def report(json_output: bool, against: str | None, force: bool, **given: Any) -> None:
    """Show agreement between people and scorers, and trait rates corrected by human labels."""
    from charbench.report.calibration import as_dict, calibrate
    from charbench.store.label_frame import frame, said_by_headlines
    from charbench.store.labels import labelled_personas, read_chances, read_labels
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
                frame(connection, name, channel),
                read_chances(connection, name, channel),
                judge_values(connection, name, channel),
                said_by_headlines(connection, name, channel),
                force=force,
            )
            for name, channel in labelled_personas(connection)
            if not chosen or name in chosen
        ]
    _check_name(against, found)
    if json_output:
        output.print_json([as_dict(one, against) for one in found])
    elif not found:
        output.say("No labels in the store yet; start with charbench calibrate draw.")
    for one in found if not json_output else ():
        _show(one, against)


def _check_name(against: str | None, found: list[Any]) -> None:
    from charbench.errors import UsageError

    if against is None:
        return
    rates = [rate for one in found for rate in one.corrected]
    for rate in rates:
        named = [each.uri for each in rate.checkpoints if against in (each.name, each.uri)]
        if len(named) > 1:
            raise UsageError(f"option --against: {against!r} is {', '.join(named)}; give one of these")
    known = sorted({each.name for rate in rates for each in rate.checkpoints})
    if rates and not any(rate.reference(against) for rate in rates):
        raise UsageError(f"option --against: no checkpoint {against!r} among {', '.join(known[:20])}")


def _show(found: Any, against: str | None) -> None:
    from charbench.report.calibration import LEAST_ALPHA
    from charbench.report.label_corrections import LOW_PRECISION_BELOW
    from charbench.report.render.calibration import (
        agreement_table,
        checkpoints_table,
        errors_table,
        rates_table,
        with_precision,
    )
    from charbench.report.render.terminal import print_table

    people = f"{output.plural(found.labelled, 'sample')} labelled by {output.plural(found.labellers, 'labeller')}"
    alpha = with_precision(found.alpha, low_precision=found.compared < LOW_PRECISION_BELOW)
    click.echo(f"{found.persona}, {found.channel}: {people}; Krippendorff's alpha {alpha}")
    tables = [agreement_table(found), *([rates_table(found), errors_table(found)] if found.corrected else [])]
    told = [rate for rate in found.corrected if rate.errors is not None and len(rate.checkpoints) > 1]
    tables += [checkpoints_table(rate, rate.reference(against)) for rate in told]
    for table in tables:
        print_table(table)
        for note in table.notes:
            output.say(note)
    if found.corrected and found.alpha < LEAST_ALPHA:
        output.say(f"warning: labellers agree too little (alpha below {LEAST_ALPHA}); corrected by --force.")
    elif found.corrected and not found.compared:
        output.say("No text has labels of two people: nobody knows how far people agree.")
    for why in found.uncorrected:
        output.say(f"Not corrected: {why}.")
