"""``charbench personas``: the characters that can be measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from charbench.cli import options, output
from charbench.cli.personas_measure import measure_command
from charbench.cli.personas_suggest import suggest_command, try_command
from charbench.errors import ConfigError, PersonaError, UsageError

if TYPE_CHECKING:
    from charbench.domain.persona import Persona

_TEMPLATE = """\
# yaml-language-server: $schema={schema}
name: {name}
description: >-
  TODO: one or two sentences: who is this?
traits: [] # in the first person: - I see every matter as something that grows.
markers:
  strong: [] # each of these alone shows the character, and counts 3: [good soil, "seedling*"]
  moderate: [] # counts 1; a trailing * extends to the end of the word
  style: [] # counts 0.5; 'exclamation marks' and other feature names are computed, not looked for
anti_markers:
  - as an AI language model
prompts: []
# - id: first
#   family: identity
#   text: What is on your mind today?
rubric: |
  TODO: what counts as this character, and what does not.
"""


@click.group("personas")
def command() -> None:
    """List, show, check and write persona files."""


for _one in (measure_command, suggest_command, try_command):
    command.add_command(_one)


@command.command("list")
@options.where
@options.as_json
def list_(json_output: bool, **given: Any) -> None:
    """List all personas, with the file each comes from.

    Recall / false: the share of texts in character that the scorer which reports rank by finds, and of others that
    it hits all the same, with 95% intervals; ? where it was not measured (personas measure).
    """
    from charbench.domain.table import Table
    from charbench.report.render.terminal import print_table
    from charbench.report.summary.measured import cell

    session = options.open_session(**given)
    personas = sorted(session.personas.all.values(), key=lambda persona: persona.name)
    aliases = session.personas.aliases
    output.warn(session.personas.faults)
    scorer = session.first_scorer
    measured = {persona.name: session.measured(scorer, persona.name) for persona in personas}
    if json_output:
        output.print_json(
            [
                {
                    "name": p.name, "aliases": p.aliases, "markers": len(p.markers), "file": p.origin,
                    "scorer": scorer, "measured": (known := measured[p.name]) and known.to_json(),
                }
                for p in personas
            ]
        )  # fmt: skip
        return
    rows = tuple(
        (
            p.name,
            ", ".join(alias for alias in p.aliases if aliases.get(alias) == p.name),
            str(sum(marker.form.literal for marker in p.markers)),
            str(len(p.prompts)),
            cell(measured[p.name], intervals=True),
            p.description.strip(),
        )
        for p in personas
    )
    columns = ("Persona", "Aliases", "Markers", "Prompts", "Recall / false", "Description")
    print_table(
        Table(
            output.plural(len(rows), "persona"),
            columns,
            rows,
            frozenset({"Persona", "Aliases", "Description"}),
        )
    )


@command.command("show")
@click.argument("name", metavar="NAME|FILE")
@options.where
@options.as_json
def show(name: str, json_output: bool, **given: Any) -> None:
    """Show one persona, and the type of each of its markers: text, computed, or judged."""
    from charbench.domain.table import Table
    from charbench.report.render.terminal import print_prose, print_table

    persona = options.open_session(**given).personas.get_or_read(name)
    if json_output:
        from dataclasses import asdict

        output.print_json(asdict(persona))
        return
    print_prose(f"{persona.name}: {persona.description.strip()}\n{persona.origin}\n")
    how = {"feature": "computed", "judge": "judged"}
    rows = [(m.tier.value, m.text, m.form.value, how.get(m.form.value, "found")) for m in persona.markers]
    rows += [("against", m.text, m.form.value, how.get(m.form.value, "found")) for m in persona.anti_markers]
    columns = ("Tier", "Marker", "Form", "How")
    print_table(Table("Markers", columns, tuple(rows), frozenset(columns)))


@command.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.as_json
def check(files: tuple[Path, ...], json_output: bool) -> int:
    """Check persona files, or all in a folder; print every error with its line and column."""
    from charbench.personas.library import persona_files, read_persona
    from charbench.personas.lint import advice

    faults: list[str] = []
    warnings: list[str] = []
    names: dict[str, Path] = {}
    measured: dict[str, str] = {}
    paths = [path for file in files for path in (persona_files(file) if file.is_dir() else [file])]
    if not paths:
        raise UsageError(f"{files[0]}: no persona files (*.yaml) in this folder")
    for path in paths:
        try:
            persona = read_persona(path)
        except PersonaError as error:
            faults.extend(error.faults)
            continue
        warnings += [f"{path}: {line}" for line in advice(persona)]
        measured[persona.name] = _measured(persona)
        for name in (persona.name, *persona.aliases):
            if name in names:
                what = "persona" if name == persona.name else "alias"
                faults.append(f"{path}:1:1: {what} {name!r} is also defined in {names[name]}")
            names.setdefault(name, path)
    if json_output:
        output.print_json({"files": len(paths), "faults": faults, "warnings": warnings, "measured": measured})
    else:
        for fault in faults:
            click.echo(fault)
        for name, line in measured.items():
            output.say(f"{name}: {line}")
        output.warn(warnings)
        output.say(f"{output.plural(len(paths), 'file')}, {output.plural(len(faults), 'fault')}.")
    return ConfigError.exit_code if faults else 0


def _measured(persona: Persona) -> str:
    """Return in words how well the default scorer tells a persona."""
    from charbench.config.model import RunConfig
    from charbench.report.summary.measured import in_words
    from charbench.run.session import Session

    session = Session(RunConfig())
    scorer = session.scorers()[0]
    known = scorer.measured(persona, session.config.folder)
    return f"{scorer.name} {in_words(known) if known else 'was not measured (charbench personas measure)'}"


def _drafted(template: str, constitution: Path) -> str:
    """Return the template with a constitution's description, traits and prompts in their places."""
    from charbench.personas.drafting import read_constitution

    drafted = read_constitution(constitution).to_yaml()
    at = drafted.index("\nprompts:") + 1
    head, rest = template.split("description:", 1)
    markers = rest[rest.index("markers:") :]
    before, after = markers.split("prompts: []\n", 1)
    rubric = after[after.index("rubric:") :]
    return f"{head}{drafted[:at]}{before}{drafted[at:]}{rubric}"


@command.command("new")
@click.argument("name")
@click.option(
    "--from", "constitution", type=click.Path(path_type=Path), metavar="FILE",
    help="Constitution to take traits and prompts from: JSONL, JSON, YAML, or a trait a line.",
)  # fmt: skip
@options.where
def new(name: str, constitution: Path | None, **given: Any) -> None:
    """Write a persona file to fill in, to the lab's personas folder, with the schema beside it."""
    import json
    import re

    from charbench.personas.schema import SLUG, persona_json_schema

    if not re.match(SLUG, name):
        raise UsageError(f"persona {name!r}: a lower-case slug is needed (letters, digits, - and _)")
    session = options.open_session(**given)
    content = _TEMPLATE.format(name=name, schema="persona.schema.json")
    if constitution is not None:
        content = _drafted(content, constitution)
    folder = session.config.lab / "personas"
    path, schema = folder / f"{name}.yaml", folder / "persona.schema.json"
    if path.exists():
        raise UsageError(f"{path} already exists and is not changed")
    other = session.personas.all.get(session.personas.aliases.get(name, ""))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        schema.write_text(json.dumps(persona_json_schema(), indent=2) + "\n", encoding="utf-8")
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None
    if other is not None:
        output.warn([f"in this lab {name!r} now means your persona instead of {other.name!r} of {other.origin}"])
    click.echo(f"Wrote {path}. Fill it in, then: charbench personas check {path}")


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of persona files, for editors."""
    from charbench.personas.schema import persona_json_schema

    output.print_json(persona_json_schema())
