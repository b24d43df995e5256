"""A PostgreSQL server of our own, for the tests of stores on one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.postgresql import Server


@pytest.fixture
def server(postgresql: Server) -> str:
    """The URL of a database on the server, with ``{}`` for its name."""
    return postgresql.url


@pytest.fixture
def pg_ctl(postgresql: Server) -> Callable[..., object]:
    """The server's pg_ctl."""
    return postgresql.pg_ctl


@pytest.fixture
def store(postgresql: Server) -> str:
    """A new, empty database."""
    return postgresql.new_database()
