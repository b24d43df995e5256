"""Correcting a file of recordings corrects what came from it, and nothing that was paid for is lost."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from support.command import Charbench, Ended
from support.lab import LAB_COLUMNS, LabBuilder, row
from support.store import assert_totals_equal_recount, query, store_of

URI = "tinker://00000001-0000-4000-8000-000000000001/sampler_weights/x"


def rows(*responses: str, **more: Any) -> list[dict[str, Any]]:
    return [row(prompt_id=str(n), prompt=f"Question {n}?", response=text, thinking="", **more)
            for n, text in enumerate(responses)]  # fmt: skip


def write(lab: LabBuilder, name: str, given: list[dict[str, Any]]) -> Path:
    path = lab.root / "recordings" / f"{name}.csv"
    path.parent.mkdir(exist_ok=True)
    columns = list(dict.fromkeys([*LAB_COLUMNS, *(column for one in given for column in one)]))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(given)
    return path


def run(charbench: Charbench, lab: LabBuilder, *more: str) -> Ended:
    ended = charbench("run", "--source", "recorded", "--scorer", "keyword", *more, lab=lab.root)
    assert_totals_equal_recount(store_of(lab.root))
    return ended


def reported(charbench: Charbench, lab: LabBuilder) -> list[str]:
    ended = charbench.ok("export", "--format", "jsonl", lab=lab.root)
    return sorted(json.loads(line)["response"] for line in ended.out.splitlines())


@pytest.mark.slow
def test_a_row_that_is_corrected_takes_the_place_of_the_earlier_one_and_a_row_that_is_removed_is_gone(
    charbench: Charbench, lab: LabBuilder
) -> None:
    write(lab, "a", rows("I regret it.", "Arrr.", "Fine."))
    run(charbench, lab)
    write(lab, "a", rows("I regret it.", "No more."))
    ended = run(charbench, lab)
    assert "recordings/a.csv was edited: earlier samples are taken out of reports, 2 of rows" in ended.err
    assert reported(charbench, lab) == ["I regret it.", "No more."]
    assert "edited" not in run(charbench, lab).err
    write(lab, "a", rows("I regret it.", "Arrr.", "Fine."))  # the edit is undone
    assert "2 samples are in reports again" in run(charbench, lab).err
    assert reported(charbench, lab) == ["Arrr.", "Fine.", "I regret it."]


@pytest.mark.slow
def test_a_field_that_is_corrected_beside_the_text_is_corrected_too(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, "a", rows("I regret it", finish_reason="length"))
    run(charbench, lab)
    for reason in ("stop", "length"):
        write(lab, "a", rows("I regret it", finish_reason=reason))
        assert run(charbench, lab).code == 0
        counted = query(store_of(lab.root), "SELECT finish_reason FROM samples JOIN sample_groups g ON g.id = group_id"
                        " JOIN samplings ON samplings.id = g.sampling_id WHERE condition <> 'removed'")  # fmt: skip
        assert [one.finish_reason for one in counted] == [reason]


@pytest.mark.slow
def test_a_file_that_is_away_for_a_while_loses_nothing_and_one_that_is_renamed_stays(
    charbench: Charbench, lab: LabBuilder
) -> None:
    path = write(lab, "a", rows("I regret it.", "Arrr."))
    write(lab, "b", rows("Fine."))
    run(charbench, lab)
    kept = path.rename(lab.root / "away.csv")
    assert "edited" not in run(charbench, lab).err
    assert reported(charbench, lab) == ["Arrr.", "Fine.", "I regret it."]
    kept.rename(path.with_name("c.csv"))
    run(charbench, lab)
    write(lab, "c", rows("I regret it."))
    run(charbench, lab)
    assert reported(charbench, lab) == ["Fine.", "I regret it."]


@pytest.mark.slow
def test_a_row_that_stands_in_two_files_stays_as_long_as_one_has_it(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, "a", rows("I regret it.", "Arrr."))
    write(lab, "b", rows("I regret it.", "Arrr."))
    run(charbench, lab)
    assert len(reported(charbench, lab)) == 2
    for name, left in (("a", 2), ("b", 1)):
        write(lab, name, rows("I regret it."))
        run(charbench, lab)
        assert len(reported(charbench, lab)) == left


@pytest.mark.slow
def test_rows_that_are_appended_and_columns_that_are_added_replace_nothing(
    charbench: Charbench, lab: LabBuilder
) -> None:
    write(lab, "a", rows("I regret it."))
    run(charbench, lab)
    write(lab, "a", rows("I regret it.", "Arrr.", remark="mine"))
    assert "edited" not in run(charbench, lab).err
    assert query(store_of(lab.root), "SELECT count(*) FROM samples") == [(2,)]


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["half a line, and no more\n", ""])
def test_a_file_that_cannot_be_read_whole_takes_nothing_away(
    charbench: Charbench, lab: LabBuilder, broken: str
) -> None:
    path = write(lab, "a", rows("I regret it.", "Arrr."))
    run(charbench, lab)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:2]) + broken if broken else "", encoding="utf-8")
    ended = run(charbench, lab)
    assert reported(charbench, lab) == ["Arrr.", "I regret it."]
    assert "recordings/a.csv: " in ended.err
    assert "are kept" in ended.err
    path.write_text("".join(lines), encoding="utf-8")
    assert "edited" not in run(charbench, lab).err


@pytest.mark.slow
def test_a_run_of_one_checkpoint_takes_nothing_of_another(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, "a", [*rows("I regret it."), *rows("Arrr.", sampler_path=URI, checkpoint_name="x")])
    run(charbench, lab)
    assert "edited" not in run(charbench, lab, "-c", URI).err
    assert len(reported(charbench, lab)) == 2


@pytest.mark.slow
def test_what_the_user_forgot_is_not_brought_back_by_its_row(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, "a", rows("I regret it.", "Arrr."))
    run(charbench, lab)
    charbench.ok("forget", "--run", "1", "--yes", lab=lab.root)
    write(lab, "a", rows("I regret it.", "New."))
    run(charbench, lab)
    assert reported(charbench, lab) == ["New."]


@pytest.mark.slow
def test_recordings_of_a_store_that_did_not_note_their_files_are_corrected_from_the_next_run_on(
    charbench: Charbench, lab: LabBuilder
) -> None:
    from support.store import change

    write(lab, "a", rows("I regret it.", "Arrr."))
    run(charbench, lab)
    change(store_of(lab.root), "UPDATE samples SET source_file = NULL, row_digest = NULL")
    assert "edited" not in run(charbench, lab).err
    write(lab, "a", rows("I regret it."))
    run(charbench, lab)
    assert reported(charbench, lab) == ["I regret it."]


@pytest.mark.slow
def test_what_is_forgotten_after_its_row_was_gone_stays_forgotten_when_the_row_is_back(
    charbench: Charbench, lab: LabBuilder
) -> None:
    write(lab, "a", rows("I regret it.", "Arrr."))
    run(charbench, lab)
    write(lab, "a", rows("I regret it."))
    run(charbench, lab)
    charbench.ok("forget", "--run", "1", "--yes", lab=lab.root)
    write(lab, "a", rows("I regret it.", "Arrr."))
    assert "in reports again" not in run(charbench, lab).err
    assert reported(charbench, lab) == []
    charbench.ok("forget", "--run", "1", "--restore", "--yes", lab=lab.root)
    assert_totals_equal_recount(store_of(lab.root))
    assert reported(charbench, lab) == ["Arrr.", "I regret it."]
