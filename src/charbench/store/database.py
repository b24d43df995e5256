"""Opens a store: connects, migrates, and hands out transactions."""

from __future__ import annotations

import logging
import re
import shutil
import sqlite3
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, NoSuchModuleError

from charbench.config.private_files import FOLDER_MODE, private_file
from charbench.errors import StoreError, UsageError
from charbench.store.dialect import read_json
from charbench.store.faults import BUSY_SECONDS, is_the_stores, reason
from charbench.store.files import StoreFiles
from charbench.store.read_only import for_reading, live_for_reading, may_write, path_of
from charbench.text.redaction import keep_userinfo, redact

HEAD = "0006"
"""The newest migration; a store that is further on was made by a newer charbench."""
KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006")
_HOST_AND_NAME = re.compile(r"[\w.,:\[\]-]*(?:/[^/]*)?")


class Database:
    """A store's connections. Make one with :meth:`open`."""

    def __init__(self, engine: Engine, url: URL) -> None:
        self.engine = engine
        self.name = shown(url)
        self.path = sqlite_path(url)
        """The file that the store is, None where it is none."""
        self.files: StoreFiles | None = None
        """Its files as they were when it was opened, None where it has none or may only be read."""
        self.close = weakref.finalize(self, engine.dispose)
        """Closes all connections; done at the latest when nobody holds the database any more."""
        self.dialect = engine.dialect.name

    @classmethod
    def open(cls, url: str, *, create: bool = True, upgrade: bool = True, read_only: bool = False) -> Database:
        """Open the store at ``url``, bringing its tables up to date; with ``upgrade`` off it is taken as it is.

        One that is ``read_only`` is never written, whoever may: not made and not brought up to date either.

        Raises :class:`StoreError` when it cannot be reached, was made by a newer charbench (``read_only``: or by an
        older one), or (with ``create`` off) is not there; :class:`UsageError` when ``url`` is not a database URL.
        """
        parsed = parse_url(url)
        if parsed.get_backend_name() == "sqlite":
            _prepare_file(parsed, create and not read_only)
        try:
            database = cls(_engine(parsed, read_only=read_only), parsed)
            if read_only:
                database._check_revision()
            elif upgrade:
                database._bring_up_to_date()
            database._remember_files()
        except (DatabaseError, InterfaceError) as error:
            raise StoreError(f"store {shown(parsed)}: {reason(error, sqlite_path(parsed))}") from None
        except ModuleNotFoundError as error:
            raise StoreError(
                f"store {shown(parsed)}: {error.name} is missing; pip install 'charbench[postgres]'"
            ) from None
        return database

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._faults(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes: the only one at a time on SQLite; committed at the end, or not at all."""
        with self._faults(), self.engine.connect() as connection:
            connection.info["immediate"] = True
            try:
                with connection.begin():
                    yield connection
            finally:
                connection.info.pop("immediate", None)

    def release(self) -> None:
        """Close the connections that nobody uses; each keeps some megabytes of a SQLite store. Later ones are new.

        Those to a server stay, and those to a file that is no longer at its place: there is no other way to it.
        """
        if self.files is not None and self.files.main_fault() is None:
            self.engine.dispose()
            self.files.closed()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (DatabaseError, InterfaceError) as error:
            if not is_the_stores(error):
                raise  # a bug of ours: a statement or a value that no store could take
            raise StoreError(f"store {self.name}: {reason(error, self.path)}") from error

    def _remember_files(self) -> None:
        """Open no other file from now on that may take the place of this one, and make none."""
        if self.path is None or not may_write(self.path):
            return
        files = self.files = StoreFiles(self.path)

        @sa.event.listens_for(self.engine, "do_connect")
        def on_do_connect(*_: Any) -> None:
            if (fault := files.main_fault()) is not None:
                raise sqlite3.OperationalError(f"its file {fault}")

    def _check_revision(self) -> None:
        """Raise unless the tables are up to date, as they must be where nothing may be written."""
        if (revision := self._known_revision()) != HEAD:
            raise StoreError(
                f"store {self.name} was made by an older charbench (its schema is {revision}, this one reads {HEAD}); "
                "any other command, such as 'charbench status', brings it up to date"
            )

    def _known_revision(self) -> str | None:
        with self.engine.connect() as connection:
            revision = _revision(connection)
        if revision is not None and revision not in KNOWN:
            raise StoreError(
                f"store {self.name} was made by a newer charbench (its schema is {revision}, "
                f"this one knows {HEAD}); upgrade charbench, or use another store with --store"
            )
        return revision

    def _bring_up_to_date(self) -> None:
        if self._known_revision() == HEAD:
            return
        from charbench.store.new_store import is_empty, make_tables

        with self.write() as connection:
            if self.dialect == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(20241212)"))
            if _revision(connection) == HEAD:  # another process may have done it while this one waited
                return
            if self.dialect == "sqlite" and is_empty(connection):
                make_tables(connection)
                return
            from charbench.store.migrate import upgrade

            upgrade(connection)


def sqlite_path(url: URL | str) -> Path | None:
    """Return the file that a URL of SQLite names, None for another database."""
    parsed = parse_url(url) if isinstance(url, str) else url
    return Path(path_of(parsed)) if parsed.get_backend_name() == "sqlite" else None


def shown(url: URL) -> str:
    """Return the URL as it may be printed: a file's path, or the URL without its credentials."""
    if url.get_backend_name() == "sqlite":
        return path_of(url)
    return redact(url.render_as_string(hide_password=False))


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def parse_url(url: str) -> URL:
    """Return a database URL's parts; raises :class:`UsageError` where it is none."""
    try:
        parsed = make_url(_with_quoted_userinfo(keep_userinfo(url)))
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        raise UsageError(
            f"store {redact(url)!r} is not a database URL ({error}); "
            "sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME is needed"
        ) from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise UsageError(f"store {shown(parsed)!r}: only SQLite and PostgreSQL are supported")
    return parsed


def _with_quoted_userinfo(url: str) -> str:
    """Return the URL with each ``@`` in the password written as %40: SQLAlchemy takes the first for the end of it."""
    if url.startswith("sqlite"):
        return url
    before, mark, query = url.partition("?")
    userinfo, at, rest = before.rpartition("@")
    if at and not _HOST_AND_NAME.fullmatch(rest):  # the "?" is the password's
        userinfo, at, rest = url.rpartition("@")
        mark = query = ""
    return f"{userinfo.replace('@', '%40')}{at}{rest}{mark}{query}"


def _prepare_file(url: URL, create: bool) -> None:
    if not url.database or url.database == ":memory:":
        raise UsageError("store sqlite:// has no file; name one, such as sqlite:///charbench.db")
    path = Path(url.database)
    try:
        if path.is_dir():
            raise StoreError(f"store {path}: is a folder; name a file")
        if not path.exists():
            if not create:
                raise StoreError(
                    f"store {path}: it does not exist yet; 'charbench run' or 'charbench discover' creates it"
                )
            path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            private_file(path)
    except OSError as error:
        raise StoreError(f"store {path}: {reason(error)}") from None


def _engine(url: URL, *, read_only: bool = False) -> Engine:
    if url.get_backend_name() != "sqlite":
        # What it logs of a lost connection is told by the error itself.
        logging.getLogger("psycopg").addHandler(logging.NullHandler())
        # Whatever the server's default: a claim must see what was stored before it (see claims.claim).
        engine = sa.create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED")
        if read_only:
            sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("SET TRANSACTION READ ONLY"))
        return engine
    cannot_write = url.database is not None and not may_write(Path(url.database))
    place, folder = for_reading(url) if cannot_write else (live_for_reading(url) if read_only else url, None)
    read_only = read_only or cannot_write
    arguments = {"timeout": BUSY_SECONDS, "check_same_thread": False, "isolation_level": None}
    engine = sa.create_engine(place, connect_args=arguments, json_deserializer=read_json)
    if folder is not None:
        weakref.finalize(engine, shutil.rmtree, folder, ignore_errors=True)

    @sa.event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's begin event below starts transactions, not sqlite3
        if not read_only:
            _turn_on_wal(connection)
        last = "query_only=ON" if read_only else "synchronous=NORMAL"
        for pragma in ("foreign_keys=ON", "temp_store=MEMORY", "cache_size=-2000", last):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        # IMMEDIATE: a writer takes its turn at the start, instead of failing in the middle.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get("immediate") else "BEGIN")

    return engine


def _turn_on_wal(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work side by side.

    While another process turns it on, or makes the store, SQLite may answer "locked" at once and not wait out
    the connection's timeout, so that we wait here.
    """
    wal = "PRAGMA journal_mode=WAL"
    try:
        connection.execute(wal)
    except sqlite3.OperationalError as error:
        if not _is_locked(error):
            raise
        from charbench.components.limits import Limits
        from charbench.concurrency.retry import RetryPolicy

        limits = Limits(tries=sys.maxsize, deadline=BUSY_SECONDS)
        retries = RetryPolicy(
            limits, errors=(sqlite3.OperationalError,), retryable=_is_locked, first_wait=0.02, longest_wait=0.1
        )
        retries.call_blocking(lambda: connection.execute(wal))


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
