"""The whole recorded run on a real PostgreSQL: the same report as on SQLite."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations

from charbench.store.database import Database
from charbench.store.merging import merge
from charbench.store.reattribution import remove_scores
from charbench.store.tables import metadata
from support.command import Charbench, finish, start
from support.lab import LabBuilder, row, rows
from support.store import (
    assert_each_exactly_once,
    assert_totals_equal_recount,
    change,
    connect,
    query,
    store_of,
)

pytestmark = pytest.mark.peer
STORE = r""" --store ('[^']*'|\\"\$CHARBENCH_STORE\\")"""
"""The option in a command to copy, within JSON: a URL that names its user is not shown."""
RECORDED = ("run", "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword", "--json")


def test_the_recorded_run_gives_the_same_report_as_on_sqlite(
    charbench: Charbench, studio: Path, studio_run_template: Path, store: str
) -> None:
    ran = charbench.ok(*RECORDED, "--store", store, lab=studio).json
    assert ran["run"]["added"]["samples"] == 175
    for by in ("checkpoint", "name", "persona"):
        here = charbench.ok("report", "--by", by, "--json", "--store", store, lab=studio).out
        there = charbench.ok("report", "--by", by, "--json", lab=studio_run_template).out
        # The commands that it names go on with the same store.
        assert json.loads(re.sub(STORE, "", here)) == json.loads(there)
    for table in ("samples", "scores", "spans"):
        wanted = ("export", "--table", table, "--format", "jsonl")
        here = charbench.ok(*wanted, "--store", store, lab=studio).out
        assert sorted(here.splitlines()) == sorted(charbench.ok(*wanted, lab=studio_run_template).out.splitlines())
    assert_totals_equal_recount(store)
    again = charbench.ok(*RECORDED, "--store", store, lab=studio).json
    assert not any(again["run"]["added"].values())


def test_totals_by_prompt_are_right_after_merging_removing_and_counting_anew(
    charbench: Charbench, lab: LabBuilder, studio_run_template: Path, store: str
) -> None:
    charbench.ok("discover", "--store", store, lab=lab.root)
    old, new = Database.open(f"sqlite:///{store_of(studio_run_template)}"), Database.open(store)
    with old.read() as source, new.write() as target:
        assert merge(source, target).samples == 175
    assert_totals_equal_recount(store)
    (first,) = query(store, "SELECT group_id, min(id) AS id FROM samples GROUP BY group_id ORDER BY group_id LIMIT 1")
    with new.write() as connection:
        remove_scores(connection, first.group_id, [first.id])
    assert_totals_equal_recount(store, emptied=True)
    for table in ("prompt_samples", "prompt_scored", "prompt_totals"):
        change(store, f"DROP TABLE {table}")
    migration = import_module("charbench.store.migrations.versions.0002_settings_and_provenance")
    with new.write() as connection, Operations.context(MigrationContext.configure(connection)):
        migration.add_totals_by_prompt()
    assert_totals_equal_recount(store, emptied=True)
    for database in (old, new):
        database.close()


def test_export_is_the_same_as_on_sqlite(
    charbench: Charbench, studio: Path, studio_run_template: Path, store: str
) -> None:
    charbench.ok(*RECORDED, "--store", store, lab=studio)
    for form in ("--csv", "--jsonl"):
        here = charbench.ok("export", form, "--store", store, lab=studio).out
        assert here == charbench.ok("export", form, lab=studio_run_template).out


def test_the_migrations_make_the_tables_that_the_code_knows(charbench: Charbench, lab: LabBuilder, store: str) -> None:
    charbench.ok("discover", "--store", store, lab=lab.root)
    with connect(store).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_two_runs_at_once_share_the_work(lab: LabBuilder, store: str) -> None:
    lab.recorded(rows(3_000))
    words = ("run", "--source", "recorded", "--store", store, "--json", "-q")
    ended = [finish(process) for process in [start(*words, lab=lab.root) for _ in range(2)]]
    assert [item.code for item in ended] == [0, 0], [item.err for item in ended]
    assert sum(item.json["run"]["added"]["samples"] for item in ended) == 3_000
    assert_each_exactly_once(store, 3_000)
    assert_totals_equal_recount(store)


def test_hostile_rows_are_kept_and_break_nothing(charbench: Charbench, lab: LabBuilder, store: str) -> None:
    hostile = ["\x00", "\ud800", "\x1b[31m", "☠" * 490, "\u202e", "'; DROP TABLE samples; --", "{}[]\\"]
    names = ["response", "thinking", "prompt", "checkpoint_name", "base_model", "prompt_id", "finish_reason", "note",
             "error_kind", "error", "condition", "sampler_path", "persona", "checkpoint_type"]  # fmt: skip
    lab.recorded_jsonl(
        [
            row(timestamp=f"2024-12-12T{a:02d}:{b:02d}:00") | {name: f"v{text}"}
            for a, text in enumerate(hostile)
            for b, name in enumerate(names)
        ]
    )
    lab.write("recordings/nan.jsonl", '{"sampler_path": "u", "prompt": "p", "response": "r", "note": NaN}\n')
    ran = charbench.ok("run", "--source", "recorded", "--store", store, "--json", lab=lab.root).json
    assert ran["run"]["added"]["samples"] == len(hostile) * len(names) + 1
    assert_totals_equal_recount(store)


def test_a_server_that_is_not_there_is_one_line_without_the_password(charbench: Charbench, lab: LabBuilder) -> None:
    url = "postgresql+psycopg://me:hunter2@127.0.0.1:9/none?connect_timeout=2"
    ended = charbench("run", "--store", url, lab=lab.root)
    assert ended.code == 1
    assert ended.err.startswith("error: store postgresql+psycopg://[redacted]@127.0.0.1:9/none")
    assert "hunter2" not in ended.err
    assert len(ended.err.strip().splitlines()) == 1
