"""Figures are written alike in every table, and what is not known is a dash."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import ReportContent
from charbench.domain.table import Table
from charbench.report.render import cells
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
