"""A PostgreSQL server of our own, for the tests of stores on one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.store import connect


def _tool(name: str) -> str:
    found = shutil.which(name) or next(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), None)
    if found is None:
        pytest.skip(f"PostgreSQL is not installed: there is no {name}")
    return found


@pytest.fixture(scope="session")
def postgresql() -> Iterator[tuple[str, Callable[..., object]]]:
    """A server on a Unix socket, run as nobody where we are root: the URL of its stores, and its pg_ctl."""
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
        yield f"postgresql+psycopg://charbench@/{{}}?host={folder}", pg_ctl
    finally:
        pg_ctl("-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(postgresql: tuple[str, Callable[..., object]]) -> str:
    """The URL of a database on the server, with ``{}`` for its name."""
    return postgresql[0]


@pytest.fixture
def pg_ctl(postgresql: tuple[str, Callable[..., object]]) -> Callable[..., object]:
    """The server's pg_ctl."""
    return postgresql[1]


@pytest.fixture
def store(server: str, request: pytest.FixtureRequest) -> str:
    """A new, empty database."""
    name = f"t{abs(hash(request.node.name)) % 10**9}"
    with connect(server.format("postgres")).connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(f"CREATE DATABASE {name}")
    return server.format(name)
