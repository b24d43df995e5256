"""Opening a store: made when it is not there, brought up to date, and refused with a clear line otherwise."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from charbench.store.database import Database
from charbench.store.tables import metadata
from support.command import Charbench, clean_environment, finish, start
from support.lab import LabBuilder, row
from support.store import connect, count, query, store_of

pytestmark = pytest.mark.sqlite("opens files; test_postgres.py has servers")


def test_the_migrations_make_the_tables_that_the_code_knows(tmp_path: Path) -> None:
    Database.open(f"sqlite:///{tmp_path / 'new.db'}").close()  # by the SQL that is kept of all migrations
    with connect(tmp_path / "new.db").connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_new_store_is_word_for_word_what_all_migrations_make() -> None:
    from charbench.store.new_store import SCHEMA, schema_of_migrations

    assert SCHEMA.read_text(encoding="utf-8") == schema_of_migrations(), "run python tools/make_schema.py"


def test_the_newest_migration_is_the_head_that_the_code_names() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from charbench.store import database, migrate

    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [database.HEAD]
    assert sorted(script.revision for script in scripts.walk_revisions()) == sorted(database.KNOWN)


def test_a_store_of_a_newer_charbench_is_refused(charbench: Charbench, lab: LabBuilder) -> None:
    charbench.ok("discover", lab=lab.root)
    with closing(sqlite3.connect(store_of(lab.root))) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for words in (["run"], ["report"], ["discover"], ["status"]):
        ended = charbench(*words, lab=lab.root)
        assert ended.code == 1
        assert "was made by a newer charbench (its schema is 9999" in ended.err
        assert "upgrade charbench" in ended.err
        assert len(ended.err.splitlines()) == 1


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(charbench: Charbench, lab: LabBuilder) -> None:
    path = lab.write("notes.db", "These are my notes, and no database. " * 100)
    before = path.read_bytes()
    ended = charbench("run", "--store", "notes.db", lab=lab.root)
    assert (ended.code, ended.err) == (
        1,
        "error: store notes.db: this file is not a charbench store (not an SQLite database)\n",
    )
    assert path.read_bytes() == before


def test_a_store_path_that_is_a_folder_is_refused(charbench: Charbench, lab: LabBuilder) -> None:
    (lab.root / "folder").mkdir()
    ended = charbench("run", "--store", "folder", lab=lab.root)
    assert (ended.code, ended.err) == (1, "error: store folder: is a folder; name a file\n")


@pytest.mark.parametrize(
    ("store", "message"),
    [
        ("/dev/null/charbench.db", "error: store /dev/null/charbench.db: "),
        ("x" * 4000, "error: store xxx"),
        ("mysql://user:hunter2@host/db", "mysql"),
        ("nonsense://x", "is not a database URL"),
        ("sqlite://", "has no file"),
        ("postgresql+psycopg://user:hunter2@127.0.0.1:1/none?connect_timeout=1", "error: store postgresql+psycopg://"),
    ],
)
def test_a_store_that_cannot_be_is_one_line(charbench: Charbench, lab: LabBuilder, store: str, message: str) -> None:
    ended = charbench("run", "--store", store, lab=lab.root)
    assert ended.code in (1, 2)
    assert message in ended.err
    assert "hunter2" not in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def as_somebody_bound_by_permissions(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder that may not be written to; root is kept from writing there all the same."""
    prefix = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may write anywhere, and there is no setpriv to forbid it")
        prefix = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    folder.chmod(0o555)
    try:
        return subprocess.run(
            [*prefix, sys.executable, "-m", "charbench", *words],
            cwd=folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
        )
    finally:
        folder.chmod(0o755)


@pytest.mark.slow
def test_a_folder_that_may_not_be_written_to_is_one_line(lab: LabBuilder) -> None:
    for words in (["run"], ["run", "--store", "mine.db"]):
        done = as_somebody_bound_by_permissions(*words, folder=lab.root)
        assert done.returncode == 1, done.stderr
        assert done.stderr.startswith("error: store ")
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_store_in_a_read_only_folder_is_reported(charbench: Charbench, lab: LabBuilder, tmp_path: Path) -> None:
    lab.recorded([row()])
    charbench.ok("run", lab=lab.root)
    folder = tmp_path / "read-only"
    folder.mkdir()
    with (
        closing(sqlite3.connect(store_of(lab.root))) as source,
        source,
        closing(sqlite3.connect(folder / "copy.db")) as target,
        target,
    ):
        source.backup(target)
    source.close()
    target.close()
    (folder / "copy.db").chmod(0o444)
    done = as_somebody_bound_by_permissions("report", "--store", "copy.db", folder=folder)
    assert (done.returncode, "remorseful" in done.stdout) == (0, True), done.stderr


def test_commands_that_only_read_make_no_store(charbench: Charbench, lab: LabBuilder) -> None:
    for words in (["report"], ["status"], ["export"], ["checkpoints", "list"], ["reset", "all"]):
        ended = charbench(*words, lab=lab.root)
        assert ended.code == 1
        assert "it does not exist yet; 'charbench run' or 'charbench discover' creates it" in ended.err
    assert not (lab.root / ".charbench").exists()


def test_a_store_that_breaks_in_the_middle_is_one_line(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row(response="I regret " + "x" * 20_000)])
    charbench.ok("run", lab=lab.root)
    store = store_of(lab.root)
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'checkpoints'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    for end in ("-wal", "-shm"):
        store.with_name(store.name + end).unlink(missing_ok=True)
    with store.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xee" * size)
    ended = charbench("report", lab=lab.root)
    assert ended.code == 1
    assert ended.err.startswith("error: store ")
    assert "malformed" in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.slow
def test_many_processes_can_open_a_new_store_at_once(lab: LabBuilder) -> None:
    lab.recorded([row(timestamp=f"2024-12-12T09:00:{second:02d}") for second in range(20)])
    ended = [finish(process) for process in [start("run", "--json", lab=lab.root) for _ in range(3)]]
    assert [item.code for item in ended] == [0] * 3, [item.err for item in ended]
    assert sum(item.json["run"]["added"]["samples"] for item in ended) == 20
    assert count(store_of(lab.root), "samples") == 20
    assert query(store_of(lab.root), "SELECT count(*) FROM alembic_version")[0][0] == 1


def test_a_store_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    maker = sqlite3.connect(path, isolation_level=None)
    maker.execute("BEGIN IMMEDIATE")
    maker.execute("CREATE TABLE something (name)")
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(Database.open, f"sqlite:///{path}")
        try:
            with pytest.raises(TimeoutError):
                opening.result(timeout=0.5)
        finally:
            maker.execute("COMMIT")
            maker.close()
        opening.result().close()
    assert query(path, "PRAGMA journal_mode") == [("wal",)]


def test_connections_are_closed_on_request_and_later_ones_read_on(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'new.db'}")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE mine (number INTEGER)")
    assert database.files is not None
    assert database.files.fault() is None  # and knows the journal from here on
    assert _beside(tmp_path)
    database.release()
    assert not _beside(tmp_path)  # SQLite removes them with the last connection
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM mine").scalar() == 0
    assert database.files.fault() is None
    database.close()


def test_a_store_whose_file_was_taken_away_keeps_its_connections(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'new.db'}")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE mine (number INTEGER)")
    (tmp_path / "new.db").rename(tmp_path / "old.db")
    database.release()
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM mine").scalar() == 0
    database.close()


def _beside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("new.db-*"))
