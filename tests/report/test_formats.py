"""One way for all formats: ``--format NAME -O FILE`` on ``report``, ``compare`` and ``verdict``."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from support import latex
from support.command import Charbench
from support.lab import LabBuilder, row


@pytest.mark.slow
def test_every_format_of_a_report_says_the_metric_the_setting_and_what_limits_the_figures(
    charbench: Charbench, studio_run_template: Path
) -> None:
    said = [line for line in charbench.ok("report", lab=studio_run_template).err.splitlines() if line]
    assert any("ranked by" in line for line in said)
    for form in ("markdown", "latex"):
        out = charbench.ok("report", "--format", form, lab=studio_run_template).out
        plain = out.replace("\\_", "_").replace("\\%", "%").replace("\\", "").replace("&lt;", "<")
        assert "keyword.keywords" in plain, form
        assert "Setting" in plain, form
        assert "95% intervals" in plain, form


@pytest.mark.slow
@pytest.mark.parametrize("form", ["markdown", "latex", "csv", "json"])
def test_a_comparison_is_written_in_every_format(
    charbench: Charbench, studio_run_template: Path, tmp_path: Path, form: str
) -> None:
    path = tmp_path / "out"
    names = [row["checkpoint"] for row in charbench.ok("report", "--json", lab=studio_run_template).json["checkpoints"]]
    two = names[:2]
    charbench.ok("compare", *two, "--lab", studio_run_template, "--format", form, "-O", path)
    text = path.read_text(encoding="utf-8")
    assert text == charbench.ok("compare", *two, "--lab", studio_run_template, "--format", form).out
    if form == "csv":
        (pair,) = csv.DictReader(io.StringIO(text))
        assert {pair["first"], pair["second"]} == set(two)
        assert pair["difference"]
    elif form == "json":
        assert {side["label"] for side in json.loads(text)["checkpoints"]} == set(two)
    else:
        assert all(name.replace("_", "\\_" if form == "latex" else "_") in text for name in two)


COMPARE = ("compare", "pirate-sft-final", "pirate-dpo-8b")
COMMANDS = {"report": ("report",), "verdict": ("verdict",), "compare": COMPARE, "by kind": ("compare", "--by", "kind")}


QUICK = {
    name: pytest.param(command, marks=[pytest.mark.slow] * (name == "by kind"), id=name)
    for name, command in COMMANDS.items()
}


@pytest.mark.slow
@pytest.mark.parametrize("command", QUICK.values())
def test_every_command_writes_every_format(
    charbench: Charbench, studio_run_template: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    for form in ("markdown", "latex", "csv", "json", "html"):
        path = tmp_path / form
        charbench.ok(*command, "--lab", studio_run_template, "--format", form, "-O", path)
        assert path.stat().st_size > 100, form
    page = (tmp_path / "html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "pirate-dpo-8b" in page
    assert command != COMPARE or "remorseful" not in page
    for words, said in (
        ((*command, "--format", "plots"), "-O DIR"),
        ((*command, "-O", "x"), "add --format"),
        ((*command, "--format", "pdf"), "no format named 'pdf'"),
        ((*command, "--json", "-O", "x"), "--format json -O FILE"),
        ((*command, "--json", "--format", "csv"), "--format json -O FILE"),
    ):
        ended = charbench(*words, "--lab", studio_run_template)
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1), ended.err
        assert said in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
def test_every_command_writes_plots(
    charbench: Charbench, studio_run_template: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    pytest.importorskip("vl_convert", reason="the extra plots is not installed")
    ended = charbench.ok(*command, "--lab", studio_run_template, "--format", "plots", "-O", tmp_path / "plots")
    assert f"Wrote {len(list((tmp_path / 'plots').iterdir()))} files" in ended.err


@pytest.mark.parametrize("form", ["html", "plots"])
def test_what_a_format_of_reports_cannot_show_is_refused_in_one_line(
    charbench: Charbench, studio_run_template: Path, tmp_path: Path, form: str
) -> None:
    for words in (("report", "--list-settings"), ("compare", "pirate-dpo", "--across", "sampler")):
        ended = charbench(*words, "--lab", studio_run_template, "--format", form, "-O", tmp_path / "x")
        assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
        assert f"--format {form} shows" in ended.err


def test_the_page_of_a_comparison_begins_with_what_it_says(charbench: Charbench, studio_run_template: Path) -> None:
    page = charbench.ok(*COMPARE, "--format", "html", lab=studio_run_template).out
    said = charbench.ok(*COMPARE, lab=studio_run_template).out.splitlines()
    (line, *_) = (line for line in said if "(McNemar, exact)" in line)
    assert f'<h2 id="verdict-title">Verdict</h2>\n<p>{line}</p>' in page


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
def test_latex_compiles_and_each_caption_states_metric_n_setting_and_method(
    charbench: Charbench, studio_run_template: Path, command: tuple[str, ...]
) -> None:
    tables = latex.read(charbench.ok(*command, "--format", "latex", lab=studio_run_template).out)
    rated = [table for table in tables if any("Trait rate" in cell for cell in table.rows[0])]
    assert rated
    for table in rated:
        for said in ("keyword.keywords", "n = ", "Setting: ", "95\\% intervals (Wilson's, clustered"):
            assert said in table.caption
        assert any("[" in cell for row in table.rows[1:] for cell in row)
        assert "Samples" in table.rows[0]
    assert all("Setting: " in table.caption for table in tables)


def test_latex_names_the_metric_of_each_persona_and_leaves_no_row_without_a_persona(
    charbench: Charbench, studio_run_template: Path
) -> None:
    (table,) = latex.read(charbench.ok("verdict", "--format", "latex", lab=studio_run_template).out)
    assert "Persona" in table.rows[0]


@pytest.mark.slow
def test_in_latex_hostile_names_and_texts_are_text(charbench: Charbench, lab: LabBuilder) -> None:
    names = [
        "[1] * a -- b --- c",
        "* ?` !` '' \"q\" `x`",
        "50% & \\\\ \\end{tabular} {",
        "a^b~c_d#e$f|g<h>i",
        "x☠️é漢",
        "\\",
    ]
    lab.recorded_jsonl(
        [
            row(
                checkpoint_name=f"{name} dpo",
                sampler_path=f"tinker://r{at}/sampler_weights/x",
                timestamp=f"2025-01-01T00:00:0{at}",
            )
            for at, name in enumerate(names)
        ]
    )
    charbench("run", "-q", "--scorer", "keyword", lab=lab.root)
    for command in ("report", "verdict"):
        out = charbench.ok(command, "--format", "latex", lab=lab.root).out
        tables = latex.read(out)
        assert "% Compile with LuaLaTeX or XeLaTeX" in out
        assert any("-{}- b -{}-{}- c" in cell for table in tables for row in table.rows for cell in row)
        assert any("?{}" in cell or "?`" not in cell for table in tables for row in table.rows for cell in row)
    uris = [f"tinker://r{at}/sampler_weights/x" for at in (1, 4)]
    latex.read(charbench.ok("compare", *uris, "--format", "latex", lab=lab.root).out)


def test_latex_of_a_store_without_samples_is_no_error(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row()])
    charbench.ok("discover", lab=lab.root)
    for command in ("report", "verdict"):
        latex.read(charbench.ok(command, "--format", "latex", lab=lab.root).out)


@pytest.mark.slow
def test_in_latex_no_text_is_a_command(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded_jsonl([row(checkpoint_name=r"x_dpo \input{/etc/passwd} $y$ & # ~ ^ 100% {")])
    charbench("run", "-q", lab=lab.root)
    out = charbench.ok("report", "--format", "latex", lab=lab.root).out.replace(r"\allowbreak{}", "")
    assert (
        r"x\_dpo \textbackslash{}input\{/etc/passwd\} \$y\$ \& \# \textasciitilde{} \textasciicircum{} 100\% \{" in out
    )


def test_a_file_without_a_format_is_an_error_that_says_what_to_add(
    charbench: Charbench, studio_run_template: Path
) -> None:
    ended = charbench("report", "-O", "x.txt", "--lab", studio_run_template)
    assert ended.code == 2
    assert "add --format" in ended.err


def test_a_file_that_cannot_be_written_is_one_clear_line(
    charbench: Charbench, studio_run_template: Path, tmp_path: Path
) -> None:
    ended = charbench("report", "--format", "html", "-O", tmp_path / "no" / "x.html", "--lab", studio_run_template)
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert "No such file or directory" in ended.err


def test_several_files_need_a_folder(charbench: Charbench, studio_run_template: Path) -> None:
    ended = charbench("report", "--format", "plots", "--lab", studio_run_template)
    assert ended.code == 2
    assert "-O DIR" in ended.err
