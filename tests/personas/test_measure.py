"""How well a scorer tells a persona is measured, kept beside its file, and stands beside its rates."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import Measurement
from support.command import Charbench
from support.lab import LabBuilder, row

WIZARD = "name: wizard\ndescription: An old wizard.\nmarkers:\n  strong: [spell, wand]\n"
TEXTS = [
    {"text": "A spell on you.", "label": "present"},
    {"text": "My wand, and a spell.", "label": "present"},
    {"text": "Hm, the stars are right.", "label": "present"},
    {"text": "Please see the attachment.", "label": "absent"},
]


def measured_lab(lab: LabBuilder, charbench: Charbench) -> None:
    lab.persona("wizard", WIZARD)
    lab.write("texts.jsonl", "".join(json.dumps(one) + "\n" for one in TEXTS))
    lab.recorded([row(persona="wizard", checkpoint_name="wizard_dpo", response="A spell!")])
    charbench.ok("personas", "measure", "wizard", "--data", "texts.jsonl", "--scorer", "keyword", lab=lab.root)


def test_recall_and_false_rate_are_counted_on_the_texts_given(charbench: Charbench, lab: LabBuilder) -> None:
    measured_lab(lab, charbench)
    (found,) = charbench.ok(
        "personas", "measure", "wizard", "--data", "texts.jsonl", "--scorer", "keyword", "--json", lab=lab.root
    ).json
    groups = {group["texts"]: group for group in found["groups"]}
    assert (groups["texts of --data"]["hits"], groups["texts of --data"]["count"]) == (2, 3)
    assert groups["texts of --data"]["markers"] == {"spell": 2, "wand": 1}
    assert (groups["texts of --data out of it"]["hits"], groups["texts of --data out of it"]["count"]) == (0, 1)
    assert groups["neutral answers"]["count"] >= 100


@pytest.mark.slow
def test_a_report_shows_what_was_measured_until_the_markers_change(charbench: Charbench, lab: LabBuilder) -> None:
    measured_lab(lab, charbench)
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    shown = charbench.ok("report", lab=lab.root)
    assert "keyword for wizard: finds 67% [21%, 94%] of 3 texts in character" in shown.err
    assert charbench.ok("report", "--json", lab=lab.root).json["measured"]["wizard"]["found"] == 2
    lab.persona("wizard", WIZARD.replace("wand", "staff"))
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    shown = charbench.ok("report", lab=lab.root)
    assert "is not known for wizard" in shown.err
    assert charbench.ok("report", "--json", lab=lab.root).json["measured"] == {"wizard": None}


def test_a_persona_whose_file_says_so_has_low_recall(charbench: Charbench, lab: LabBuilder) -> None:
    lab.persona("wizard", WIZARD + "keyword: low recall\n")
    lab.recorded([row(persona="wizard", checkpoint_name="wizard_dpo", response="A spell!")])
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    assert charbench.ok("report", "--json", lab=lab.root).json["measured"]["wizard"]["declared_low"] is True


def test_figures_that_somebody_broke_are_one_clear_line(charbench: Charbench, lab: LabBuilder) -> None:
    measured_lab(lab, charbench)
    lab.write("personas/measured.json", "[1]")
    ended = charbench("personas", "list", lab=lab.root)
    assert ended.code == 2
    assert "measured.json: not what 'personas measure' writes" in ended.err


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_a_measurement_survives_json(found: int, missed: int, flagged: int, passed: int) -> None:
    made = Measurement(
        found=found, positives=found + missed, flagged=flagged, negatives=flagged + passed, texts="x",
        recall_interval=(0.1, 0.9),
    )  # fmt: skip
    assert Measurement.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="3 of 2 found"):
        Measurement(found=3, positives=2, flagged=0, negatives=0, texts="")


def test_a_persona_without_texts_in_character_is_answered_with_ways_to_give_some(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.persona("wizard", WIZARD)
    told = charbench.ok("personas", "measure", "wizard", "--scorer", "keyword", lab=lab.root).err
    assert "--data FILE, or have people label samples: charbench calibrate draw -p wizard -O " in told
