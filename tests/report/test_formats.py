"""One way for all formats: ``--format NAME -O FILE`` on ``report`` and ``compare``."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row


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


def test_in_latex_no_text_is_a_command(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded_jsonl([row(checkpoint_name=r"x_dpo \input{/etc/passwd} $y$ & # ~ ^ 100% {")])
    charbench("run", "-q", lab=lab.root)
    out = charbench.ok("report", "--format", "latex", lab=lab.root).out
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
