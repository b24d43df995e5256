"""Writes ``docs/reference/cli.md`` from the commands themselves.

python docs/make_cli_reference.py
python docs/make_cli_reference.py --check     (ends with 1 if the file is not up to date)
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from charbench.cli import cli

FILE = Path(__file__).parent / "reference" / "cli.md"
HEAD = """\
# Commands

<!-- Made by docs/make_cli_reference.py: change the commands, not this file. -->

Results go to stdout, progress and messages to stderr; `NO_COLOR`, `--quiet` and a pipe are respected. Exit codes:
0 done, 1 some items failed, 2 wrong usage or configuration, 130 interrupted, 141 the reader of a pipe went away.
Values given on the command line win over the environment (`CHARBENCH_...`), the environment over `charbench.yaml`.
"""


def reference() -> str:
    """The whole file."""
    return "\n".join([HEAD, *sections(cli, "charbench")])


def sections(group: click.Group, path: str, level: int = 2) -> Iterator[str]:
    """A section for each command of a group, groups' own commands after them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        title = f"{path} {name}"
        yield section(command, title, level)
        if isinstance(command, click.Group):
            yield from sections(command, title, level + 1)


def section(command: click.Command, title: str, level: int) -> str:
    """One command: how it is called, what it does, its options."""
    arguments = [metavar(p) for p in command.params if isinstance(p, click.Argument)]
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    lines = [f"{'#' * level} {title}", ""]
    if not isinstance(command, click.Group):
        called = " ".join([title, *(["[OPTIONS]"] if options else []), *arguments])
        lines += ["```", called, "```", ""]
    lines += [prose(command.help or ""), ""]
    if options:
        lines += ["| option | meaning |", "| --- | --- |", *map(row, options), ""]
    return "\n".join(lines)


def prose(text: str) -> str:
    """A docstring as Markdown: click's ``\\b`` marks a paragraph whose lines are to be kept."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(
        "```\n" + paragraph.removeprefix("\b\n") + "\n```" if paragraph.startswith("\b\n") else paragraph
        for paragraph in paragraphs
    )


def row(option: click.Option) -> str:
    """One line of the table of options."""
    names = ", ".join([*option.opts, *option.secondary_opts])
    value = "" if option.is_flag or option.count else f" {metavar(option)}"
    repeatable = " May be given more than once." if option.multiple else ""
    text = f"{option.help or ''}{repeatable}".replace("|", "\\|").replace("\n", " ")
    return f"| `{names}{value}` | {text} |".replace("`|", "`\\|")


def metavar(parameter: click.Parameter) -> str:
    """What stands for a value: its metavar, its choices, or its name."""
    if parameter.metavar:
        return parameter.metavar
    if isinstance(parameter, click.Argument):
        name = (parameter.name or "").upper()
        return f"{name}..." if parameter.nargs == -1 else name if parameter.required else f"[{name}]"
    if isinstance(parameter.type, click.Choice):
        return "/".join(str(choice) for choice in parameter.type.choices)
    return parameter.type.name.upper().replace(" RANGE", "")


def main(arguments: list[str]) -> int:
    """Write the file, or check it."""
    made = reference()
    if arguments == ["--check"]:
        if FILE.is_file() and FILE.read_text(encoding="utf-8") == made:
            return 0
        print(f"{FILE} is not up to date; run: python docs/make_cli_reference.py", file=sys.stderr)
        return 1
    FILE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
