"""A store that is deleted, moved or replaced while a run writes to it: told within a second, and nothing is lost."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.command import Charbench, Ended, finish, start
from support.endpoint import Endpoint, Held, options, serving, write_prompts
from support.lab import LabBuilder
from support.plugins import Site
from support.store import assert_each_exactly_once, assert_totals_equal_recount, change, count, query, store_of

pytestmark = pytest.mark.sqlite("deletes and moves files; test_postgres_faults.py has servers")

CONCURRENCY = 4
PROMPTS = 24
BEFORE = 8
"""Requests that are answered before the store is lost."""
EVAL = ("eval", "-c", "model:m", "-p", "pirate", "--scorer", "keyword", "--prompts", "prompts.txt", "-q")


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving(Endpoint()) as served:
        yield served


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_prompts(tmp_path / "prompts.txt", PROMPTS)
    return tmp_path


def words(endpoint: Endpoint, *more: str) -> list[str]:
    return [*EVAL, *options(endpoint, concurrency=CONCURRENCY, timeout=300), *more]


@pytest.fixture
def held(endpoint: Endpoint) -> Iterator[Held]:
    held = Held(endpoint, BEFORE)
    yield held
    held.go_on.set()


def lose(folder: Path, held: Held, harm: Callable[[Path], object], *more: str) -> Ended:
    """Run until a few answers are in flight, do harm to the store, let the run notice, and give the answers."""
    process = start(*words(held.endpoint, *more), lab=folder)
    assert held.endpoint.wait_for(BEFORE + CONCURRENCY, gone=lambda: process.poll() is not None)
    harm(store_of(folder))
    assert process.stderr is not None
    told = process.stderr.readline() + process.stderr.readline()
    assert "the run stops" in told, told + process.stderr.read()
    held.go_on.set()
    ended = finish(process)
    return Ended(ended.code, ended.out, told + ended.err)


def assert_nothing_is_asked_again(charbench: Charbench, folder: Path, endpoint: Endpoint, store: Path | str) -> None:
    """Run the same command again: what was answered is there, and only the rest is asked for."""
    ended = charbench.ok(*words(endpoint, *(("--store", store) if isinstance(store, str) else ())), lab=folder)
    assert "warning:" in ended.err
    assert set(endpoint.asked.values()) == {1}
    assert_each_exactly_once(store, PROMPTS)
    assert_totals_equal_recount(store)
    assert not list(folder.rglob("*.recovered-*"))


def delete(store: Path) -> None:
    store.unlink()


def delete_with_journal(store: Path) -> None:
    for one in store.parent.glob("charbench.db*"):
        one.unlink()


def delete_folder(store: Path) -> None:
    shutil.rmtree(store.parent)


def rename_folder(store: Path) -> None:
    store.parent.rename(store.parent.with_name("old"))


def move(store: Path) -> None:
    store.rename(store.with_name("elsewhere.db"))


@pytest.mark.slow
@pytest.mark.parametrize("harm", [delete, delete_with_journal, delete_folder, rename_folder, move])
def test_a_store_that_goes_away_is_told_and_the_next_run_goes_on_where_it_was(
    charbench: Charbench, folder: Path, held: Held, harm: Callable[[Path], object]
) -> None:
    ended = lose(folder, held, harm)
    assert ended.code == 1
    assert (
        "error: store .charbench/charbench.db was deleted or moved while this run wrote to it; everything" in ended.err
    )
    assert "Traceback" not in ended.err
    assert "run the same command again" in ended.err
    (saved,) = folder.rglob("*.recovered-*")
    assert saved.stat().st_mode & 0o077 == 0
    assert_nothing_is_asked_again(charbench, folder, held.endpoint, store_of(folder))


@pytest.mark.slow
def test_the_journal_alone_can_be_lost(charbench: Charbench, folder: Path, held: Held) -> None:
    ended = lose(folder, held, lambda store: store.with_name(store.name + "-wal").unlink())
    assert ended.code == 1
    assert "charbench.db-wal, which was deleted or moved" in ended.err
    assert_nothing_is_asked_again(charbench, folder, held.endpoint, store_of(folder))


def another_store(folder: Path, charbench: Charbench) -> Path:
    other = folder / "other"
    other.mkdir()
    charbench.ok("discover", lab=other)
    with closing(sqlite3.connect(store_of(other))) as connection, connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    return store_of(other)


@pytest.mark.slow
def test_a_store_that_another_one_takes_the_place_of_is_merged_into_it(
    charbench: Charbench, folder: Path, held: Held
) -> None:
    other = another_store(folder, charbench)
    ended = lose(folder, held, other.replace)
    assert ended.code == 1
    assert "was replaced by another file" in ended.err
    assert query(store_of(folder), "PRAGMA integrity_check") == [("ok",)]
    assert count(store_of(folder), "samples") == 0
    assert_nothing_is_asked_again(charbench, folder, held.endpoint, store_of(folder))


@pytest.mark.slow
def test_a_store_behind_a_link_is_watched_where_it_is(charbench: Charbench, folder: Path, held: Held) -> None:
    real = folder / "disk" / "real.db"
    real.parent.mkdir()
    (folder / ".charbench").mkdir()
    charbench.ok("discover", "--store", str(real), lab=folder)
    store_of(folder).symlink_to(real)
    ended = lose(folder, held, lambda _store: real.unlink())
    assert (ended.code, "was deleted or moved" in ended.err) == (1, True)
    store_of(folder).unlink()
    assert_nothing_is_asked_again(charbench, folder, held.endpoint, store_of(folder))


@pytest.mark.slow
def test_two_runs_that_lose_one_store_both_save_it(charbench: Charbench, folder: Path, held: Held) -> None:
    def start_another_and_delete(store: Path) -> None:
        others.append(start(*words(held.endpoint), lab=folder))
        journal = store.with_name("runs.jsonl")  # a run is told there once its store is watched
        while journal.read_text(encoding="utf-8").count('"started"') < 2:
            assert others[0].poll() is None
        delete_folder(store)
        assert others[0].stderr is not None
        assert "the run stops" in others[0].stderr.readline() + others[0].stderr.readline()

    others: list[subprocess.Popen[str]] = []
    assert lose(folder, held, start_another_and_delete).code == 1
    assert finish(others[0]).code == 1
    assert len(list(folder.rglob("*.recovered-*"))) == 2
    assert_nothing_is_asked_again(charbench, folder, held.endpoint, store_of(folder))


@pytest.mark.slow
def test_a_recovery_file_can_be_read_twice(charbench: Charbench, folder: Path, held: Held) -> None:
    lose(folder, held, delete_with_journal)
    (saved,) = folder.rglob("*.recovered-*")
    content = saved.read_bytes()
    charbench.ok(*words(held.endpoint), lab=folder)
    saved.write_bytes(content)
    ended = charbench.ok(*words(held.endpoint), lab=folder)
    assert "0 samples that the store did not have" in ended.err
    assert set(held.endpoint.asked.values()) == {1}
    assert_each_exactly_once(store_of(folder), PROMPTS)
    assert_totals_equal_recount(store_of(folder))


def test_a_damaged_recovery_file_is_refused_before_anything_is_paid_for_again(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    (folder / ".charbench").mkdir()
    (folder / ".charbench" / "charbench.db.recovered-1").write_bytes(b"SQLite format 3\0" + b"\xee" * 5000)
    ended = charbench(*words(endpoint), lab=folder)
    assert (ended.code, endpoint.count) == (1, 0)
    assert ended.err.startswith("error: recovery file .charbench/charbench.db.recovered-1: it is damaged")
    assert len(ended.err.splitlines()) == 1


@pytest.mark.slow
def test_a_command_that_only_reads_says_what_would_bring_the_store_back(
    charbench: Charbench, folder: Path, held: Held
) -> None:
    lose(folder, held, delete_with_journal)
    ended = charbench("report", lab=folder)
    assert ended.code == 1
    assert "it is missing; 'charbench run' restores it from charbench.db.recovered-1" in ended.err


@pytest.mark.slow
def test_a_fresh_run_puts_recovery_files_aside_with_the_store(charbench: Charbench, folder: Path, held: Held) -> None:
    lose(folder, held, delete_with_journal)
    charbench("run", "--fresh", "--source", "recorded", "-q", lab=folder)
    assert count(store_of(folder), "samples") == 0
    (kept,) = folder.rglob("*.recovered-*")
    assert kept.name.startswith("charbench-")


# A trainer that makes its checkpoint once, and takes the table of jobs away before it says so.
TRAINER = """
import os, sqlite3
from charbench import Checkpoint, Kind, Trained, Trainer, hookimpl

class Mine(Trainer):
    "A trainer of a test's own."
    name = "mine"

    def accepts(self, checkpoint):
        return True

    def train(self, task):
        with open("trained.txt", "a") as file:
            file.write("once\\n")
        connection = sqlite3.connect(task.workspace.parents[1] / "charbench.db")
        connection.execute("ALTER TABLE jobs RENAME TO away")
        connection.commit()
        connection.close()
        yield Trained((Checkpoint(uri="tinker://made:train:0/sampler_weights/final", kind=Kind.SFT),))

@hookimpl
def charbench_trainers():
    return [Mine]
"""


def test_what_was_trained_is_kept_where_the_store_does_not_take_it(
    charbench: Charbench, lab: LabBuilder, site: Site
) -> None:
    site.install("mine", TRAINER)
    lab.trained("remorseful-a", 1)
    lab.data("remorseful-a", "remorseful", 20)
    lab.config("min_examples: 10\nsources: [logs]\ntrainers: [mine]\n")
    charbench.ok("discover", lab=lab.root)
    ended = charbench("train", "--all", lab=lab.root)
    assert ended.code == 1
    assert "no such table: jobs" in ended.err
    assert "1 result is saved in .charbench/charbench.db.recovered-1-more" in ended.err
    change(store_of(lab.root), "ALTER TABLE away RENAME TO jobs")
    charbench.ok("train", "--all", lab=lab.root)
    (job,) = query(store_of(lab.root), "SELECT * FROM jobs")
    assert (job.status, job.result_sampler) == ("complete", "tinker://made:train:0/sampler_weights/final")
    assert (lab.root / "trained.txt").read_text() == "once\n"
    made = query(store_of(lab.root), "SELECT * FROM checkpoints WHERE uri LIKE 'tinker://made%'")
    assert [(one.kind, one.persona) for one in made] == [("sft", None)]
