"""Merging a recovery file into a store that others have written to meanwhile: nothing is lost, nothing counts twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from support.command import Charbench
from support.edited_plugin import PAID, EditedPlugin
from support.lab import LabBuilder
from support.plugins import Site
from support.store import assert_totals_equal_recount, change, count, query, store_of

pytestmark = pytest.mark.sqlite("a run's recovery file is a file")

RUN = ("run", "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword", "--json")
TABLES = ("samples", "scored", "scores", "score_totals", "sample_groups", "checkpoints", "evidence", "prompts")


def saved_by_a_run(whole: Path, lab: Path) -> Path:
    """Leave a whole store beside a lab's store, as a run leaves it that loses its own."""
    saved = store_of(lab).with_name("charbench.db.recovered-9")
    with closing(sqlite3.connect(store_of(whole))) as source, source, closing(sqlite3.connect(saved)) as target, target:
        source.backup(target)
    source.close()
    target.close()
    return saved


@pytest.mark.slow
@pytest.mark.parametrize("personas", [(), ("-p", "pirate"), ("-p", "remorseful")])
def test_what_was_saved_and_what_was_done_since_become_one_store(
    charbench: Charbench, studio: Path, studio_run_template: Path, personas: tuple[str, ...]
) -> None:
    if personas:
        charbench.ok(*RUN, *personas, lab=studio)  # a run that began anew, and has done a part
    else:
        charbench.ok("discover", "--source", "recorded", lab=studio)
    saved = saved_by_a_run(studio_run_template, studio)
    ran = charbench.ok(*RUN, lab=studio)
    assert not any(ran.json["run"]["added"].values())
    assert "charbench.db.recovered-9 was read" in ran.err
    assert not saved.exists()
    for table in TABLES:
        assert count(store_of(studio), table) == count(store_of(studio_run_template), table), table
    for by in ("checkpoint", "name", "persona"):
        here = charbench.ok("report", "--by", by, "--json", lab=studio).json
        assert here == charbench.ok("report", "--by", by, "--json", lab=studio_run_template).json
    assert_totals_equal_recount(store_of(studio))
    assert query(store_of(studio), "PRAGMA foreign_key_check") == []


def test_a_sample_that_failed_since_is_replaced_by_the_one_that_was_saved(
    charbench: Charbench, studio_run: Path
) -> None:
    saved_by_a_run(studio_run, studio_run)
    (good,) = query(store_of(studio_run), "SELECT * FROM samples WHERE error_kind IS NULL ORDER BY id LIMIT 1")
    for text in (
        "DELETE FROM scores WHERE scored_id IN (SELECT id FROM scored WHERE sample_id = :id)",
        "DELETE FROM scored WHERE sample_id = :id",
        "UPDATE samples SET error_kind = 'timeout', state = 'error', response = '', thinking = '' WHERE id = :id",
    ):
        change(store_of(studio_run), text, id=good.id)
    recount(store_of(studio_run), good.group_id)
    charbench.ok(*RUN, lab=studio_run)
    (now,) = query(store_of(studio_run), "SELECT * FROM samples WHERE key = :key", key=good.key)
    assert (now.error_kind, now.response) == (None, good.response)
    assert_totals_equal_recount(store_of(studio_run))


@pytest.mark.slow
def test_what_was_removed_in_the_store_that_was_saved_can_be_restored(
    charbench: Charbench, studio: Path, studio_run: Path
) -> None:
    before = charbench.ok("report", "--json", lab=studio_run).json
    charbench.ok("forget", "-c", "pirate_test_dpo", "--yes", lab=studio_run)
    charbench.ok("discover", "--source", "recorded", lab=studio)
    saved_by_a_run(studio_run, studio)
    charbench.ok(*RUN, lab=studio)
    forgotten = charbench.ok("report", "--json", lab=studio_run).json
    assert charbench.ok("report", "--json", lab=studio).json == forgotten != before
    charbench.ok("forget", "-c", "pirate_test_dpo", "--restore", "--yes", lab=studio)
    assert charbench.ok("report", "--json", lab=studio).json == before
    assert_totals_equal_recount(store_of(studio))


def recount(store: Path, group: int) -> None:
    """Make a group's totals those of its one failed and other samples, as if it had failed from the start."""
    columns = [row.name for row in query(store, "PRAGMA table_info(sample_groups)")][3:]
    change(store, f"UPDATE sample_groups SET {', '.join(f'{name} = 0' for name in columns)} WHERE id = :id", id=group)
    for table in ("score_totals", "prompt_samples", "prompt_scored", "prompt_totals"):
        change(store, f"DELETE FROM {table} WHERE group_id = :id", id=group)
    change(store, "DELETE FROM scores WHERE scored_id IN (SELECT scored.id FROM scored JOIN samples"
                  " ON samples.id = sample_id WHERE group_id = :id)", id=group)  # fmt: skip
    change(store, "DELETE FROM scored WHERE sample_id IN (SELECT id FROM samples WHERE group_id = :id)", id=group)
    change(store, "DELETE FROM samples WHERE group_id = :id AND error_kind IS NULL", id=group)
    change(store, "UPDATE sample_groups SET samples = 1, errors = 1 WHERE id = :id", id=group)


@pytest.mark.slow
def test_scores_by_other_code_of_a_plugin_that_were_saved_stay_apart(
    charbench: Charbench, site: Site, lab: LabBuilder
) -> None:
    plugin = EditedPlugin(charbench, site, lab)
    plugin.record(*range(5))
    plugin.edit(5, PAID)
    plugin.run()
    saved_by_a_run(lab.root, lab.root)
    store_of(lab.root).unlink()
    plugin.edit(50, PAID)
    with store_aside(store_of(lab.root).with_name("charbench.db.recovered-9")):
        plugin.run()
    plugin("run", "--scorer", "keyword", "-q")
    versions = query(store_of(lab.root), "SELECT version, id FROM scorings WHERE scorer = 'long' ORDER BY id")
    assert len({one.version for one in versions}) == len(versions) == 2
    counted = "SELECT scoring_id, count(*) AS n FROM scored WHERE scoring_id IN (:a, :b) GROUP BY scoring_id"
    found = query(store_of(lab.root), counted, a=versions[0].id, b=versions[1].id)
    assert [one.n for one in found] == [10, 10]
    assert_totals_equal_recount(store_of(lab.root))


@contextmanager
def store_aside(path: Path) -> Iterator[None]:
    """Let a file not be there for a while."""
    aside = path.rename(path.with_name("aside"))
    yield
    aside.rename(path)
