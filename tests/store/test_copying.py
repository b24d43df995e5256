"""``charbench store copy`` between files; between a file and PostgreSQL where that is installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from charbench.store.database import Database
from charbench.store.runs import start_run
from support.command import Charbench
from support.store import assert_totals_equal_recount, change, connect, contents, count, store_of

pytestmark = pytest.mark.sqlite("copies files, also to a server")


def test_a_copy_holds_every_row_and_gives_the_same_report(
    charbench: Charbench, studio_run_template: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    copied = charbench.ok("store", "copy", store_of(studio_run_template), copy, "--json")
    assert copied.json["rows"]["samples"] == 175
    assert contents(copy) == contents(store_of(studio_run_template))
    here = charbench.ok("report", "--format", "csv", lab=studio_run_template).out
    assert charbench.ok("report", "--format", "csv", "--store", copy, lab=studio_run_template).out == here


def test_a_store_that_holds_anything_is_not_copied_over(
    charbench: Charbench, studio_run_template: Path, studio_known_template: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(store_of(studio_known_template), copy)
    before = contents(copy)
    refused = charbench("store", "copy", store_of(studio_run_template), copy)
    assert refused.code == 2
    assert f"store {copy} is not empty" in refused.err
    assert contents(copy) == before


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("none.db", "copy.db", "none.db: it does not exist yet"),
        ("{store}", "{store}", "FROM and TO are the same store"),
        ("{store}", "mysql://me:hunter22@db/x", "only SQLite and PostgreSQL"),
        ("text.txt", "copy.db", "not a charbench store"),
    ],
)
def test_what_cannot_be_copied_is_one_line(
    source: str, target: str, told: str, charbench: Charbench, studio_run_template: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("a note\n" * 100)
    store = str(store_of(studio_run_template))
    refused = charbench("store", "copy", source.format(store=store), target.format(store=store))
    assert refused.code in (1, 2)
    assert told in refused.err
    assert len(refused.err.splitlines()) == 1
    assert "hunter22" not in refused.err


def test_what_a_run_saved_beside_a_lost_store_is_not_left_behind(
    charbench: Charbench, studio_run_template: Path, tmp_path: Path
) -> None:
    store = tmp_path / "charbench.db"
    shutil.copy(store_of(studio_run_template), store)
    shutil.copy(store, tmp_path / "charbench.db.recovered-1")
    refused = charbench("store", "copy", store, tmp_path / "copy.db")
    assert refused.code == 1
    assert "charbench.db.recovered-1" in refused.err
    assert not (tmp_path / "copy.db").exists()


def test_a_store_that_a_run_is_using_is_not_copied(
    charbench: Charbench, studio_known_template: Path, tmp_path: Path
) -> None:
    store = tmp_path / "charbench.db"
    shutil.copy(store_of(studio_known_template), store)
    database = Database.open(f"sqlite:///{store}")
    run = start_run(database, "run", "0")
    refused = charbench("store", "copy", store, tmp_path / "copy.db")
    database.close()
    assert refused.code == 2
    assert f"store {store}: run {run} is using it; stop that run first" in refused.err


def test_a_copy_that_breaks_off_leaves_the_target_empty_and_can_be_repeated(
    charbench: Charbench, studio_run_template: Path, tmp_path: Path
) -> None:
    store, copy = tmp_path / "charbench.db", tmp_path / "copy.db"
    shutil.copy(store_of(studio_run_template), store)
    with connect(store).begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("UPDATE samples SET prompt_id = -1 WHERE id = 1")
    broken = charbench("store", "copy", store, copy, "--quiet")
    assert broken.code == 1
    assert f"store {copy} does not take a row of table samples" in broken.err
    assert len(broken.err.splitlines()) == 1
    assert not any(contents(copy).values())
    shutil.copy(store_of(studio_run_template), store)
    assert charbench.ok("store", "copy", store, copy, "--json").json["rows"]["samples"] == 175


@pytest.mark.peer
def test_a_store_goes_to_postgresql_and_back_unchanged(
    charbench: Charbench, studio: Path, studio_run_template: Path, store: str, tmp_path: Path
) -> None:
    here, back = store_of(studio_run_template), tmp_path / "back.db"
    charbench.ok("store", "copy", here, store, "--quiet")
    assert_totals_equal_recount(store)
    charbench.ok("store", "copy", store, back, "--quiet")
    assert contents(back) == contents(here)
    told = charbench.ok("report", "--format", "csv", lab=studio_run_template).out
    assert charbench.ok("report", "--format", "csv", "--store", store, lab=studio_run_template).out == told


@pytest.mark.peer
def test_a_run_goes_on_with_a_copy_on_postgresql(
    charbench: Charbench, studio: Path, studio_run_template: Path, store: str
) -> None:
    charbench.ok("store", "copy", store_of(studio_run_template), store, "--quiet")
    words = ("run", "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword", "--json", "--store", store)
    again = charbench.ok(*words, lab=studio).json
    assert not again["run"]["added"]["scores"]
    more = charbench.ok(*words, "--scorer", "repetition", lab=studio).json
    assert more["run"]["added"]["scores"]
    assert_totals_equal_recount(store)


@pytest.mark.peer
def test_a_value_that_postgresql_does_not_take_is_one_line_and_leaves_it_empty(
    charbench: Charbench, studio_run_template: Path, store: str, tmp_path: Path
) -> None:
    source = tmp_path / "charbench.db"
    shutil.copy(store_of(studio_run_template), source)
    change(source, "UPDATE samples SET epoch = 99999999999 WHERE id = 1")
    broken = charbench("store", "copy", source, store, "--quiet")
    assert broken.code == 1
    assert "does not take a row of table samples" in broken.err
    assert len(broken.err.splitlines()) == 1
    assert count(store, "checkpoints") == 0
