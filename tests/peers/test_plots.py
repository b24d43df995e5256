"""``--format plots`` with the real renderer: a picture and its data for each plot."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from support.browser import HOSTILE
from support.command import Charbench
from support.lab import LabBuilder, row, sampler

pytestmark = pytest.mark.peer


def test_each_plot_comes_as_svg_png_and_the_data_it_was_drawn_from(
    charbench: Charbench, studio_run: Path, tmp_path: Path
) -> None:
    pytest.importorskip("vl_convert", reason="the extra plots is not installed")
    charbench.ok("report", "--format", "plots", "-O", tmp_path / "plots", "--lab", studio_run)
    names = {path.stem for path in (tmp_path / "plots").iterdir()}
    assert {"responses_against_trait", "trait_by_prompt"} <= names
    for name in names:
        svg, png, data = (tmp_path / "plots" / f"{name}.{form}" for form in ("svg", "png", "csv"))
        assert ET.parse(svg).getroot().tag == "{http://www.w3.org/2000/svg}svg"
        assert png.read_bytes().startswith(b"\x89PNG")
        with data.open(encoding="utf-8", newline="") as file:
            assert list(csv.DictReader(file))
    told = charbench.ok("report", "--json", lab=studio_run).json["checkpoints"]
    with (tmp_path / "plots" / "responses_against_trait.csv").open(encoding="utf-8", newline="") as file:
        assert [row["checkpoint"] for row in csv.DictReader(file)] == [row["checkpoint"] for row in told]


def test_no_character_of_a_name_keeps_a_picture_from_being_drawn(charbench: Charbench, lab: LabBuilder) -> None:
    pytest.importorskip("vl_convert", reason="the extra plots is not installed")
    lab.recorded_jsonl(
        row(
            checkpoint_name=f"{HOSTILE}\ud800 {step}_dpo",
            sampler_path=sampler(step, "c"),
            prompt=f"{number}?",
            prompt_id=f"q{number}",
        )
        for step in (1, 2)
        for number in range(2)
    )
    charbench.ok("run", "-q", lab=lab.root)
    charbench.ok("report", "--format", "plots", "-O", lab.root / "plots", lab=lab.root)
    drawn = ET.parse(lab.root / "plots" / "trait_by_prompt.svg")
    assert "\\u202e\\u001b[31m" in "".join(drawn.getroot().itertext())
