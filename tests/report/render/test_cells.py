"""Figures are written alike in every table, and what is not known is a dash."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import ReportContent
from charbench.analysis.clusters import clustered_mean
from charbench.domain.table import Table
from charbench.report.calibration import Agreement, Calibration
from charbench.report.compare.words import estimate_cell
from charbench.report.render import cells
from charbench.report.render.calibration import agreement_table
from charbench_plugins.formats import MarkdownReporter

NAN = math.nan


def markdown(tables: list[Table]) -> str:
    """Return tables as the built-in reporter writes them."""
    return "".join(MarkdownReporter().report(ReportContent(lambda: tables, list, dict)))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (cells.share(0.666), "67%"),
        (cells.share(NAN), "–"),
        (cells.whole(1460.4), "1,460"),
        (cells.whole(NAN), "–"),
        (cells.decimal(0.75), "0.8"),
        (cells.size(1_200_000_000), "1.2 GB"),
        (cells.size(999), "999 B"),
        (cells.size(None), "–"),
        (cells.points(0.08, -0.39, 0.41), "+8 [−39, +41]"),
        (cells.points(0.08, NAN, NAN), "+8"),
        (cells.points(NAN, NAN, NAN), "–"),
        (cells.points(-0.001, -0.2, 0.2), "0 [−20, +20]"),
        (cells.decimals(0.4, -0.1, 0.9), "+0.40 [−0.10, +0.90]"),
        (cells.decimals(0.004, 0.001, 0.007), "+0.0040 [+0.0010, +0.0070]"),
        (cells.decimals(-1234.5, -1500, -1000), "−1,234.5 [−1,500.0, −1,000.0]"),
        (cells.count(1270.0), "1,270"),
        (cells.count(3.5), "3.5"),
        (cells.three_digits(0.04167), "0.0417"),
        (cells.three_digits(1234.4), "1,234"),
        (cells.p_value(0.17), "0.17"),
        (cells.p_value(0.0079), "0.0079"),
        (cells.p_value(0.00001), "<0.0001"),
        (cells.p_value(NAN), "–"),
    ],
)
def test_a_figure_is_written_so(written: str, expected: str) -> None:
    assert written == expected


@given(st.dictionaries(st.sampled_from([*cells.STATE_LETTERS, "error"]), st.integers(0, 1000)))
def test_the_bar_of_states_is_ten_wide_and_shows_only_states_that_there_are(totals: dict[str, int]) -> None:
    bar = cells.states_bar(totals)
    there = {letter for name, letter in cells.STATE_LETTERS.items() if totals.get(name)}
    assert bar == "–" if not there else len(bar) == cells.BAR_WIDTH and set(bar) <= there


def test_a_cell_cannot_break_out_of_a_markdown_table() -> None:
    table = Table("Rates", ("Name", "Rate"), (("a|b\n<script>\\", "1"),), frozenset({"Name"}), ("note <b>",))
    assert markdown([table]).splitlines() == [
        "## Rates", "", "| Name | Rate |", "| --- | ---: |", "| a\\|b &lt;script>\\\\ | 1 |", "", "note &lt;b>",
    ]  # fmt: skip


def test_a_confusion_of_thousands_of_texts_is_written_in_full() -> None:
    table = {(0, 0): 1270.0, (0, 1): 435.0, (1, 0): 359.5, (1, 1): 954.0}
    two = Agreement("judge_a", "judge_b", 3016, 2, 0.47, 0.47, table)
    (row,) = agreement_table(Calibration("pirate", "response", 120, 1, NAN, 0, [two])).rows
    assert row[2] == "3,016"
    assert row[-1] == "1,270 435 / 359.5 954"


def test_a_small_mean_is_written_alike_in_a_report_and_in_a_comparison() -> None:
    mean = clustered_mean([0.001, 0.002, 0.004, -0.001], "abcd")
    assert estimate_cell(mean) == cells.mean_with_interval(mean) == "0.0015 [−0.0018, 0.0048]"
