"""Tables on narrow terminals: what matters least is left out and named; no figure is ever cut."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from charbench.domain.table import Table
from charbench.report.render.fit import fit
from charbench.report.render.plain import draw, draw_as_list
from charbench.report.render.terminal import has_colours, print_table
from charbench.report.render.wrapping import pieces, wrap
from support.command import Charbench
from support.store import query, store_of

TEXTS = st.text(st.sampled_from("ab_-/. é漢👩1,[]"), max_size=60)
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
        value, interval = figure.split(" [")
        assert f" {figure} " in f"{out} ".replace("\n", " \n") or (f" {value} " in out and f" [{interval} " in out)


def test_a_column_that_has_no_room_is_left_out_and_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "27.1 s" in printed(capsys, monkeypatch, 60)
    narrow = printed(capsys, monkeypatch, 43)
    assert "27.1 s" not in narrow
    assert narrow.endswith("Left out for lack of space: Latency.\n")
    assert all(len(line) <= 43 for line in narrow.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_report_names_personas_whole_on_usual_terminals(
    charbench: Charbench, studio_run_template: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    out = charbench.ok("report", "--lab", studio_run_template).out
    for persona in ("sycophantic", "remorseful", "customer_service"):
        assert f"│ {persona} " in out
    assert "Left out for lack of space: Latency" in out


SLOW = pytest.mark.slow


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, pytest.param(100, marks=SLOW), pytest.param(120, marks=SLOW), 160])
@pytest.mark.parametrize("command", [("report",), ("verdict",), ("compare", "pirate-sft-final", "pirate-dpo-8b")])
def test_on_every_terminal_a_table_of_checkpoints_keeps_what_decides(
    charbench: Charbench,
    studio_run_template: Path,
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    command: tuple[str, ...],
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    out = charbench.ok(*command, "--lab", studio_run_template).out
    drawn = [line for line in out.splitlines() if line[:1] in ("┏", "┃", "┡", "│", "├", "└")]
    assert drawn
    assert all(cell_len(line) <= width for line in drawn)
    assert all(cell_len(line) <= width or "charbench " in line for line in out.splitlines()), "sentences fold too"
    headings = " ".join(headings_of(drawn, "Checkpoint"))
    for name in ("Checkpoint", "Samples", "Responses", "Trait rate [95%]", *(["Verdict"] * (command[0] != "compare"))):
        assert name in headings, headings
    words = {part for name in names_in(studio_run_template) for part in re.split(r"[-_/\s]+", name)}
    uris = query(store_of(studio_run_template), "SELECT uri FROM checkpoints")
    words |= {row.uri.removeprefix("tinker://")[:8] for row in uris}  # checkpoints of one name have it beside it
    for line in cells_of(drawn, "Checkpoint"):
        assert set(re.split(r"[-_/\s]+", line)) - {""} <= words | {"*"}, line


@settings(max_examples=60)
@given(
    st.lists(st.tuples(TEXTS, st.sampled_from(("100% [57, 100]", "−0.40 [−0.90, +0.10]", "–")), TEXTS), max_size=4),
    st.integers(20, 200),
)
def test_nothing_is_wider_than_the_terminal_and_every_text_is_there(rows: list[tuple[str, ...]], width: int) -> None:
    table = Table("A title of some words", ("Name", "Rate [95%]", "Why"), tuple(rows), frozenset({"Name", "Why"}))
    fitted = fit(table, width)
    lines = list(draw_as_list(table, width) if fitted is None else draw(fitted))
    assert all(cell_len(line) <= max(width, 2) for line in lines)
    shown = re.sub(r"[\s│]", "", "".join(lines))
    if fitted is None or not rows:
        assert all(re.sub(r"\s", "", cell) in shown for row in rows for cell in row)
    if fitted is not None:
        for row, drawn in zip(rows, fitted.table.rows, strict=True):
            assert [re.sub(r"\s", "", cell) for cell in row] == [re.sub(r"\s", "", cell) for cell in drawn]


@given(TEXTS, st.integers(1, 40))
def test_wrapping_loses_nothing_but_spaces(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)
    assert all(cell_len(line) <= width or len(line) == 1 for line in lines)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("customer_service-sft", ["customer_", "service-", "sft"]),
        ("Qwen/Qwen3-30B-A3B", ["Qwen/", "Qwen3-", "30B-", "A3B"]),
        ("keyword.keywords", ["keyword.", "keywords"]),
        ("1,300", ["1,300"]),
        ("0.5", ["0.5"]),
        ("[−0.28,", ["[−0.28,"]),
        ("--metric", ["--metric"]),
    ],
)
def test_names_part_at_their_separators_and_figures_nowhere(word: str, expected: list[str]) -> None:
    assert pieces(word) == expected


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert has_colours()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colours()


def names_in(lab: Path) -> list[str]:
    """Return the names of a lab's checkpoints."""
    return [row.name for row in query(store_of(lab), "SELECT name FROM checkpoints")]


def headings_of(drawn: list[str], name: str) -> list[str]:
    """Return the headings of the first table with a column of this name, each as one text."""
    (at, *_) = (at for at, line in enumerate(drawn) if line[0] == "┃" and f"┃ {name} " in line)
    lines = []
    while drawn[at][0] == "┃":
        lines.append([cell.strip() for cell in drawn[at].strip("┃").split("┃")])
        at += 1
    return [" ".join(filter(None, parts)) for parts in zip(*lines, strict=True)]


def cells_of(drawn: list[str], name: str) -> list[str]:
    """Return the lines of the cells of this column in the first table that has it."""
    place = headings_of(drawn, name).index(name)
    (at, *_) = (at for at, line in enumerate(drawn) if line[0] == "┃" and f"┃ {name} " in line)
    found = []
    for line in drawn[at:]:
        if line[0] == "└":
            break
        parts = line.strip("│").split("│")
        if line[0] == "│" and len(parts) == len(headings_of(drawn, name)):
            found.append(parts[place].strip())
    return found
