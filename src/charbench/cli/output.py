"""Results go to stdout, messages to stderr."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from charbench.cli.streams import is_unicode
from charbench.text.enumeration import counted
from charbench.text.redaction import redact, redact_command
from charbench.text.terminal import sanitize, sanitize_json

_WHICH_JOBS = ("runs", "everything")
plural = counted


def print_json(value: Any) -> None:
    """Print a result as JSON."""
    escaped = not is_unicode(sys.stdout)  # a character that an encoding lacks would else be lost
    click.echo(sanitize_json(json.dumps(value, ensure_ascii=escaped, indent=2, default=str)))


def say(text: str, *, quiet: bool = False) -> None:
    """Print a message on stderr, without secrets and control characters."""
    if not quiet:
        click.echo(sanitize(redact(text)), err=True)


def warn(lines: Iterable[str], *, limit: int = 10) -> None:
    """Print warnings on stderr; those beyond ``limit`` are counted."""
    everything = list(lines)
    for line in everything[:limit]:
        say(f"warning: {line}")
    if len(everything) > limit:
        say(f"warning: ... and {len(everything) - limit:,} more")


def this_command() -> str:
    """Return what was typed, fit to be typed again; secrets in it are hidden."""
    return redact_command(["charbench", *sys.argv[1:]])


def command_to_go_on() -> str:
    """Return the command that resumes what this one has begun: ``--fresh`` is left out."""
    return _to_type(["charbench", *(word for word in sys.argv[1:] if word != "--fresh")])


def train_command(job: str, lab: Path | None = None) -> str:
    """Return the command that trains one job just as the command that was typed does; secrets in it are hidden.

    It has all that was typed and that ``charbench train`` knows, but which jobs; ``lab`` is to be named where
    the command that was typed has another word for it.
    """
    from charbench.cli.train import command

    typed = click.get_current_context()
    words = ["charbench", "train", "-c", job]
    for option in command.params:
        source = typed.get_parameter_source(option.name) if option.name else None
        if (
            isinstance(option, click.Option)
            and source is ParameterSource.COMMANDLINE
            and option.name not in _WHICH_JOBS
        ):
            words += _as_typed(option, typed.params[option.name])
    if lab is not None:
        words += ["--lab", str(lab)]
    return _to_type(words)


def place_as_typed(options: Collection[str]) -> str:
    """Return those of these options that the command line gave, as typed, for other commands on the same lab."""
    typed = click.get_current_context()
    words: list[str] = []
    for option in typed.command.params:
        if not isinstance(option, click.Option) or option.name not in options:
            continue
        if typed.get_parameter_source(option.name) is ParameterSource.COMMANDLINE:
            words += _as_typed(option, typed.params[option.name])
    return _to_type(words)


def _to_type(words: Sequence[str]) -> str:
    """Return a command to be typed; ``$CHARBENCH_STORE`` stands for a store's URL that holds credentials."""
    told: list[str] = []
    for word in words:
        option, equals, value = word.partition("=")
        told += [option, value] if equals and option == "--store" else [word]
    for place in range(1, len(told)):
        if told[place - 1] == "--store" and redact_command([told[place]]) != shlex.join([told[place]]):
            told[place] = "$CHARBENCH_STORE"
    return redact_command(told).replace("'$CHARBENCH_STORE'", '"$CHARBENCH_STORE"')


def _as_typed(option: click.Option, value: Any) -> list[str]:
    name = option.opts[-1]
    if option.is_flag:
        return [name] if value == option.flag_value else []
    return [word for one in (value if option.multiple else [value]) for word in (name, str(one))]
