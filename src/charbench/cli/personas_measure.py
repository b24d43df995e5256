"""``charbench personas measure``: how well a scorer tells a persona, and each of its markers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from charbench.cli import options, output
from charbench.errors import UsageError

if TYPE_CHECKING:
    from charbench.components.scorer import Scorer
    from charbench.domain.persona import Persona
    from charbench.run.session import Session
    from charbench.scoring.measuring import Group

_MOST_MARKERS = 40
ENOUGH = 15
"""Texts in character from which on a run measures a scorer unasked."""


@click.command("measure")
@click.argument("names", nargs=-1, metavar="[NAME|FILE]...")
@options.where
@click.option("-o", "options", multiple=True, metavar="KIND.NAME.OPTION=VALUE", help="A component's option.")
@click.option("--scorer", metavar="NAME", help="Scorer to measure. [default: the one that reports rank by]")
@click.option(
    "--data", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="Texts in character instead of the lab's training data: JSONL, or text, a paragraph each.",
)  # fmt: skip
@click.option(
    "--against", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help="Further texts out of character."
)
@click.option(
    "--keep/--no-keep",
    default=True,
    show_default=True,
    help="Keep the figures: beside a persona file of the lab's own, else in .charbench.",
)
@options.as_json
def measure_command(
    names: tuple[str, ...],
    scorer: str | None,
    data: tuple[Path, ...],
    against: tuple[Path, ...],
    keep: bool,
    json_output: bool,
    **given: Any,
) -> None:
    """Measure how many texts in character a scorer finds, and how many others it hits.

    In character are the responses that people labelled (charbench calibrate), the persona's training data and the
    gold answers of its file; out of character are the neutral answers that come with charbench, the rejected answers of
    training data, and what other personas say. Without NAME or FILE, every persona is measured.

    Where training data went into the markers (personas suggest), measure on other data.
    """
    from charbench.scoring.measuring import measure

    session = options.open_session(**given)
    made = _scorer(session, scorer)
    personas = [session.personas.get_or_read(name) for name in names] or list(session.personas.all.values())
    faults: list[str] = []
    results = []
    for persona in personas:
        groups = _groups(session, persona, data, against, faults)
        measure(made, persona, groups)
        kept = _keep(session, made, persona, groups) if keep else None
        results.append(_as_dict(made, persona, groups, kept))
        if not json_output:
            _print(persona, groups, with_markers=len(personas) == 1)
        if not any(group.in_character for group in groups):
            file = quote(f"{persona.name}-to-label.csv")
            faults.append(
                f"{persona.name}: no text in character, so that its recall is not known: give some with --data FILE, "
                f"or have people label samples: charbench calibrate draw -p {persona.name} -O {file}"
            )
    output.warn(dict.fromkeys(faults))
    if json_output:
        output.print_json(results)


def measure_unknown(session: Session) -> list[str]:
    """Measure the scorers that a lab's rates rest on, where that is free and nobody has; return a line for each.

    It takes :data:`ENOUGH` texts in character or more, and a scorer that declares ``measured_by_runs``.
    """
    from charbench.components.measured_file import write_measurement
    from charbench.components.scorer import Scorer
    from charbench.components.source_digest import source_digest
    from charbench.report.summary.measured import in_words
    from charbench.scoring.measuring import combined, measure
    from charbench.store.summaries import scored_for

    with session.database.read() as connection:
        pairs = scored_for(connection)
    lines = []
    for scorer in session.scorers():
        if not isinstance(scorer, Scorer) or not scorer.measured_by_runs:
            continue
        for name in sorted(persona for one, persona in pairs if one == scorer.name):
            persona = session.personas.all.get(name)
            if persona is None or session.measured(scorer.name, name) is not None:
                continue
            groups = _groups(session, persona, (), (), [])
            if max((len(group.texts) for group in groups if group.in_character), default=0) < ENOUGH:
                continue
            measure(scorer, persona, groups)
            found = combined(groups)
            identity, code = scorer.identity(persona), source_digest(type(scorer))
            write_measurement(persona, scorer.name, identity, found, session.config.folder, code=code, aside=True)
            lines.append(f"Measured {scorer.name} for {name}: {in_words(found)}.")
    return lines


def _scorer(session: Session, name: str | None) -> Scorer:
    from charbench.components.base import ComponentKind
    from charbench.components.scorer import Scorer

    wanted = session.component(ComponentKind.SCORER, name) if name else session.scorers()[0]
    if not isinstance(wanted, Scorer):
        raise UsageError(f"scorer {wanted.name} compares pairs: it does not say who has the trait")
    return wanted


def _groups(
    session: Session, persona: Persona, data: Sequence[Path], against: Sequence[Path], faults: list[str]
) -> list[Group]:
    from charbench.scoring import known_texts
    from charbench.scoring.measuring import Group

    limits, root = session.config.read_limits, session.config.lab
    database = session.existing_database() if session.has_store else None
    groups = known_texts.labelled_texts(database, persona) if database is not None else []
    files = list(data)
    if not files and database is not None:
        files = [root / one.path for one in known_texts.training_data(database) if one.persona == persona.name]
    mine, rejected = known_texts.data_texts(files, limits, faults)
    if mine:
        groups.append(Group("training data" if not data else "texts of --data", True, mine))
    groups.append(known_texts.gold_answers(persona))
    if rejected:
        groups.append(Group("rejected answers" if not data else "texts of --data out of it", False, rejected))
    if against:
        others, more = known_texts.data_texts(against, limits, faults)
        groups.append(Group("texts of --against", False, [*others, *more]))
    groups += [known_texts.neutral(), known_texts.other_personas(session.personas.all.values(), persona)]
    return [group for group in groups if group.texts]


def _keep(session: Session, scorer: Scorer, persona: Persona, groups: Sequence[Group]) -> Path:
    """Keep the figures in the lab; return the file."""
    from charbench.components.measured_file import write_measurement
    from charbench.components.source_digest import source_digest
    from charbench.scoring.measuring import combined

    measured = combined(groups)
    identity, code = scorer.identity(persona), source_digest(type(scorer))
    return write_measurement(persona, scorer.name, identity, measured, session.config.folder, code=code)


def _as_dict(scorer: Scorer, persona: Persona, groups: Sequence[Group], kept: Path | None) -> dict[str, Any]:
    from charbench.scoring.measuring import combined

    return {
        "persona": persona.name,
        "scorer": scorer.name,
        "measured": combined(groups).to_json(),
        "groups": [
            {
                "texts": group.title, "in_character": group.in_character, "count": group.scored, "hits": group.hits,
                "low": group.rate.low if group.scored else None, "high": group.rate.high if group.scored else None,
                "markers": dict(group.by_marker.most_common()),
            }
            for group in groups
        ],
        "kept_in": str(kept) if kept else None,
    }  # fmt: skip


def _print(persona: Persona, groups: Sequence[Group], *, with_markers: bool) -> None:
    from charbench.domain.table import Table
    from charbench.report.render.cells import percent_with_interval
    from charbench.report.render.terminal import print_table

    figures = tuple(
        (
            "in character" if group.in_character else "others", group.title, f"{group.scored:,}",
            percent_with_interval(group.rate), _most_common(group),
        )
        for group in groups
    )  # fmt: skip
    columns = ("Texts", "Which", "Count", "With the trait [95%]", "Most common markers (texts)")
    left = frozenset({"Texts", "Which", "Most common markers (texts)"})
    print_table(Table(persona.name, columns, figures, left))
    if not with_markers:
        return
    mine = [group for group in groups if group.in_character]
    others = [group for group in groups if not group.in_character]
    counted = [
        (marker, _texts_with(marker.text, mine), _texts_with(marker.text, others))
        for marker in persona.markers
        if marker.form.literal
    ]
    counted.sort(key=lambda one: -one[1])
    rows = [(marker.tier.value, marker.text, f"{hits:,}", f"{false:,}") for marker, hits, false in counted]
    found = [row for row in rows if row[2:] != ("0", "0")]
    unseen = len(rows) - len(found)
    note = (f"{unseen:,} of {len(rows):,} markers stand in none of these texts.",) if unseen else ()
    title = f"Markers of {persona.name}: texts in which each counts"
    names = ("Tier", "Marker", "In character", "Others")
    table = Table(title, names, tuple(found[:_MOST_MARKERS]), frozenset(names[:2]), note)
    print_table(table)
    for line in table.notes:
        output.say(line)


def _texts_with(marker: str, groups: Sequence[Group]) -> int:
    return sum(group.by_marker[marker] for group in groups)


def _most_common(group: Group) -> str:
    return ", ".join(f"{marker} ({count:,})" for marker, count in group.by_marker.most_common(4)) or "–"
