"""Tables on narrow terminals: what matters least is left out and named; no figure is ever cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from charbench.domain.table import Table
from charbench.report.render.terminal import print_table
from support.command import Charbench

TABLE = Table(
    "Rates",
    ("Name", "Rate", "Latency"),
    (("remorseful_100pct_dpo", "100% [57, 100]", "27.1 s"), ("pirate", "0% [0, 4]", "3.0 s")),
    frozenset({"Name"}),
    (),
    ("Latency",),
)


FIGURES = Table("Figures", ("Name", "A", "B"), (("pirate", "100% [57, 100]", "33% [19, 51]"),), frozenset({"Name"}))


def printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int, table: Table = TABLE
) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(table)
    return capsys.readouterr().out


@pytest.mark.parametrize("width", [20, 30, 40, 50, 60, 200])
def test_no_figure_is_ever_cut(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    out = printed(capsys, monkeypatch, width) + printed(capsys, monkeypatch, width, FIGURES)
    for figure in ("100% [57, 100]", "0% [0, 4]", "33% [19, 51]"):
        assert f" {figure} " in out


def test_a_column_that_has_no_room_is_left_out_and_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "27.1 s" in printed(capsys, monkeypatch, 60)
    narrow = printed(capsys, monkeypatch, 40)
    assert "27.1 s" not in narrow
    assert narrow.endswith("Left out for lack of space: Latency.\n")
    assert all(len(line) <= 40 for line in narrow.splitlines())


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_report_names_personas_whole_on_usual_terminals(
    charbench: Charbench, studio_run_template: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    out = charbench.ok("report", "--lab", studio_run_template).out
    for persona in ("sycophantic", "remorseful", "customer_service"):
        assert f"│ {persona} " in out
    assert "Left out for lack of space: Latency" in out
