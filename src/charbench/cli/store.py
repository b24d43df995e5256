"""``charbench store``: what is done with a store as a whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from charbench.cli import options, output
from charbench.errors import StoreError, UsageError

if TYPE_CHECKING:
    from charbench.store.database import Database

LARGE = 10_000
"""Rows of a table that takes long enough for people to want to know of it."""


@click.group("store")
def command() -> None:
    """Copy a store to another database."""


@command.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@options.quiet
@options.as_json
def copy(source: str, target: str, quiet: bool, json_output: bool) -> None:
    """Copy everything in the store FROM into the store TO, which must be empty or not exist yet.

    FROM and TO are files or database URLs, SQLite or PostgreSQL. FROM is not changed. The copy is complete, or TO stays
    empty: repeat the same command after an error or Ctrl-C.
    """
    from charbench.store.copying import copy_store
    from charbench.store.database import Database, parse_url
    from charbench.text.redaction import register_secrets_of, register_secrets_of_environment

    register_secrets_of_environment(os.environ)
    register_secrets_of([source, target])
    source, target = (one if "://" in one else f"sqlite:///{one}" for one in (source, target))
    if parse_url(source) == parse_url(target):
        raise UsageError("FROM and TO are the same store; name another one to copy to")
    _check_recovered(source)
    old = Database.open(source, create=False, read_only=True)
    try:
        new = Database.open(target)
        try:
            rows = copy_store(old, new, lambda table, count: _tell(table, count, quiet=quiet))
        finally:
            new.close()
    finally:
        old.close()
    if json_output:
        output.print_json({"from": old.name, "to": new.name, "rows": rows})
    else:
        _print(old, new, rows)


def _print(old: Database, new: Database, rows: dict[str, int]) -> None:
    from charbench.text.redaction import redact
    from charbench.text.terminal import sanitize

    mainly = ", ".join(f"{rows[table]:,} {table}" for table in ("checkpoints", "samples", "scores"))
    told = f"Copied {output.plural(sum(rows.values()), 'row')} ({mainly}) from {old.name} to {new.name}."
    click.echo(sanitize(redact(told)))


def _tell(table: str, count: int, *, quiet: bool) -> None:
    if count >= LARGE:
        output.say(f"Copying {table}: {output.plural(count, 'row')}", quiet=quiet)


def _check_recovered(url: str) -> None:
    """Raise where a run has saved results beside a file: they belong into the copy, and are not in the store yet."""
    from charbench.store.database import sqlite_path
    from charbench.store.recovery import recovery_files

    path = sqlite_path(url)
    if path is not None and (files := recovery_files(url, Path(path).parent)):
        raise StoreError(
            f"store {path}: {files[0].name} beside it has results that it lacks; 'charbench run' takes them in first"
        )
