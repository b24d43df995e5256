"""A PostgreSQL server of our own, and new databases on it."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from support.store import connect


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    url: str
    """The URL of a database on it, with ``{}`` for its name."""
    pg_ctl: Callable[..., object]
    """Runs the server's pg_ctl with the words given."""
    numbers: Iterator[int]

    def new_database(self, like: str | None = None) -> str:
        """Make a new database, empty or with what the one at the URL ``like`` holds, and return its URL."""
        name = f"t{next(self.numbers)}"
        copied = f" TEMPLATE {make_url(like).database}" if like else ""
        self._run(f"CREATE DATABASE {name}{copied}")
        return self.url.format(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self._run(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with connect(self.url.format("postgres")).connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(statement)


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a Unix socket, run as nobody where we are root; skips the test where there is no PostgreSQL."""
    pytest.importorskip("psycopg")
    folder = Path(tempfile.mkdtemp(prefix="charbench-pg-"))
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    prefix = [*nobody, "env", f"HOME={folder}"]
    if nobody:
        os.chown(folder, 65534, 65534)
    data = folder / "data"
    subprocess.run(
        [*prefix, _tool("initdb"), "-D", data, "-U", "charbench", "-A", "trust", "--no-sync", "-E", "UTF8"],
        check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    control = [*prefix, _tool("pg_ctl"), "-w", "-D", data, "-l", folder / "log"]

    def pg_ctl(*words: str) -> None:
        subprocess.run([*control, "-o", options, *words], check=True, stdout=subprocess.DEVNULL, cwd=folder)

    pg_ctl("start")
    try:
        yield Server(f"postgresql+psycopg://charbench@/{{}}?host={folder}", pg_ctl, itertools.count(1))
    finally:
        pg_ctl("-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _tool(name: str) -> str:
    found = shutil.which(name) or next(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), None)
    if found is None:
        pytest.skip(f"PostgreSQL is not installed: there is no {name}")
    return found
