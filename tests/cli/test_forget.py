"""``charbench forget``: results leave every report, and come back when no removal of them is left."""

from __future__ import annotations

from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder
from support.parrot import PARROT, A, B, Lab, rows
from support.plugins import Site
from support.store import assert_totals_equal_recount, change, query, store_of

AS_IN_0004 = (
    "CREATE TABLE kept AS SELECT * FROM removed_samples",
    "DROP TABLE removed_samples",
    (
        "CREATE TABLE removed_samples (sample_id BIGINT NOT NULL, removal_id INTEGER NOT NULL,"
        " group_id INTEGER NOT NULL, CONSTRAINT pk_removed_samples PRIMARY KEY (sample_id))"
    ),
    "CREATE INDEX ix_removed_samples_removal_id ON removed_samples (removal_id)",
    "INSERT INTO removed_samples SELECT * FROM kept",
    "DROP TABLE kept",
    "ALTER TABLE diagnoses DROP COLUMN sampling",
    "UPDATE alembic_version SET version_num = '0004'",
)
"""Makes a store one of before removals could overlap."""


@pytest.fixture
def lab(charbench: Charbench, site: Site, lab: LabBuilder) -> Lab:
    site.install("parrot", PARROT)
    return Lab(charbench, lab)


def forget(lab: Lab, *words: str) -> Any:
    return lab.charbench.ok("forget", *words, "--json", lab=lab.lab.root).json


@pytest.mark.slow
def test_forgetting_a_run_takes_it_out_of_reports_and_restoring_puts_it_back(lab: Lab) -> None:
    lab.eval(A, B, temperature=0)
    first = lab.report()
    lab.eval(A, temperature=1)
    before = lab.report()
    number = lab.listed()[0]["newest_run"]
    shown = forget(lab, "--run", str(number))
    assert (shown["samples"], shown["checkpoints"], shown["done"]) == (6, {"a": 6}, False)
    assert lab.report() == before
    forget(lab, "--run", str(number), "--yes")
    assert_totals_equal_recount(store_of(lab.lab.root))
    assert lab.report() == first
    assert lab.eval(A, temperature=1)["run"]["added"]["samples"] == 0
    assert lab.report() == first
    forget(lab, "--run", str(number), "--restore", "--yes")
    assert_totals_equal_recount(store_of(lab.lab.root))
    assert lab.report() == before


@pytest.mark.slow
def test_a_forgotten_setting_and_checkpoint_are_in_no_report_and_no_export(lab: Lab, charbench: Charbench) -> None:
    lab.eval(A, B, temperature=0)
    lab.eval(B, temperature=1)
    warm, cold = (one["id"] for one in lab.listed())
    forget(lab, "--setting", warm, "--yes")
    assert [one["id"] for one in lab.listed()] == [cold]
    forget(lab, "-c", "b", "--yes")
    assert rows(lab.report()) == {"a": (6, 1.0)}
    exported = charbench.ok("export", "--csv", lab=lab.lab.root).out
    assert "pp:b" not in exported
    forget(lab, "--setting", warm, "--restore", "--yes")
    assert rows(lab.report()) == {"a": (6, 1.0)}, "b is forgotten still"
    forget(lab, "-c", "b", "--restore", "--yes")
    assert rows(lab.report()) == {"b": (6, 0.0)}


@pytest.mark.slow
def test_purging_erases_the_text_and_asks_nothing_again(lab: Lab) -> None:
    lab.eval(A, B, temperature=0)
    forget(lab, "-c", "a", "--purge", "--yes")
    assert_totals_equal_recount(store_of(lab.lab.root))
    assert query(store_of(lab.lab.root), "SELECT count(*) FROM samples WHERE response = ''")[0][0] == 6
    assert lab.eval(A, B, temperature=0)["run"]["added"]["samples"] == 0
    assert forget(lab, "-c", "a", "--restore")["samples"] == 0


@pytest.mark.slow
def test_a_sample_of_two_removals_stays_out_of_reports_until_both_are_restored(lab: Lab) -> None:
    lab.eval(A, B, temperature=0)
    lab.eval(A, B, temperature=0, prompts="more.txt")
    everything = lab.report()
    forget(lab, "--run", "2", "--yes")
    first = lab.report()
    assert rows(first) == {"a": (6, 1.0), "b": (6, 1.0)}
    second = forget(lab, "-c", "b", "--yes")
    assert (second["samples"], second["also_removed_by"]) == (9, {"run 2": 3})
    assert rows(lab.report()) == {"a": (6, 1.0)}
    for words, stay, left in ((("--run", "2"), 3, {"a": (9, 1.0)}), (("-c", "b"), 0, rows(everything))):
        assert forget(lab, *words, "--restore", "--yes")["stay_removed"] == stay
        assert_totals_equal_recount(store_of(lab.lab.root))
        assert rows(lab.report()) == left
        assert lab.eval(A, B, temperature=0, prompts="more.txt")["run"]["added"]["samples"] == 0
        assert rows(lab.report()) == left


@pytest.mark.slow
def test_what_is_restored_in_the_order_of_its_removal_is_back_in_parts(lab: Lab) -> None:
    lab.eval(A, B, temperature=0)
    lab.eval(A, B, temperature=0, prompts="more.txt")
    forget(lab, "--run", "2", "--yes")
    forget(lab, "-c", "b", "--yes")
    printed = lab.charbench.ok("forget", "-c", "b", "--restore", "--yes", lab=lab.lab.root)
    assert "Put back: 6 of 9 samples of 1 checkpoint" in printed.out
    assert "3 samples stay out of reports: removed by run 2, too." in printed.err
    assert_totals_equal_recount(store_of(lab.lab.root))
    assert rows(lab.report()) == {"a": (6, 1.0), "b": (6, 1.0)}


@pytest.mark.slow
def test_purging_erases_what_another_removal_took_out_and_restoring_that_brings_nothing_empty_back(lab: Lab) -> None:
    lab.eval(A, B, temperature=0)
    lab.eval(A, B, temperature=0, prompts="more.txt")
    forget(lab, "--run", "2", "--yes")
    forget(lab, "-c", "b", "--purge", "--yes")
    assert query(store_of(lab.lab.root), "SELECT count(*) FROM samples WHERE response = ''")[0][0] == 9
    assert forget(lab, "--run", "2", "--restore", "--yes")["stay_removed"] == 3
    assert_totals_equal_recount(store_of(lab.lab.root))
    assert rows(lab.report()) == {"a": (9, 1.0)}
    assert forget(lab, "-c", "b", "--restore")["samples"] == 0


@pytest.mark.slow
def test_what_an_older_version_removed_stays_removed_and_is_restored_after_the_upgrade(lab: Lab) -> None:
    lab.eval(A, B, temperature=0)
    before = lab.report()
    forget(lab, "-c", "b", "--yes")
    for statement in AS_IN_0004:
        change(store_of(lab.lab.root), statement)
    assert rows(lab.report()) == {"a": (6, 1.0)}
    assert forget(lab, "--run", "1", "--yes")["also_removed_by"] == {"checkpoint b": 6}
    for words in (("-c", "b"), ("--run", "1")):
        forget(lab, *words, "--restore", "--yes")
        assert_totals_equal_recount(store_of(lab.lab.root))
    assert lab.report() == before


@pytest.mark.parametrize(
    ("what", "said"),
    [(("--run", "99"), "no run named '99'"), (("--setting", "abc"), "'abc'"), (("-c", "abc"), "'abc'")],
)
def test_what_is_unknown_can_neither_be_forgotten_nor_restored(
    charbench: Charbench, lab: Lab, what: tuple[str, str], said: str
) -> None:
    lab.lab.write("a.csv", "model,prompt,response,finish_reason\npirate,Who?,Arr,stop\n")
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.lab.root)
    for more in ((), ("--yes",), ("--restore",), ("--purge", "--yes")):
        told = charbench("forget", *what, *more, lab=lab.lab.root)
        assert (told.code, told.out) == (2, "")
        assert said in told.err
