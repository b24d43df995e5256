"""New markers are proposed from texts, and a text can be tried."""

from __future__ import annotations

from charbench.personas.suggestions import suggest_markers
from support.command import Charbench
from support.lab import LabBuilder

WIZARD = """\
name: wizard # a comment
description: An old wizard.
markers:
  strong: [spell]
  moderate:
    # kept
    - wand
  style: [puns]
"""
MINE = ["my cauldron sings today", "the cauldron is hot", "stir that cauldron well", "a spell of rain"]


def test_what_texts_in_character_use_more_is_proposed_with_the_texts_it_adds() -> None:
    (first,) = suggest_markers(MINE * 3, [False, False, False, True] * 3, ["the kettle is hot"] * 40, 1)
    assert (first.text, first.texts, first.others, first.adds) == ("cauldron", 9, 0, 9)
    assert first.z > 2


def test_written_markers_leave_the_rest_of_the_file_as_it_is(charbench: Charbench, lab: LabBuilder) -> None:
    lab.persona("wizard", WIZARD)
    lab.write("texts.txt", "\n\n".join(f"{text} {number}" for number in range(4) for text in MINE))
    charbench.ok("personas", "suggest", "wizard", "--from", "texts.txt", "-n", "1", "--write", lab=lab.root)
    written = (lab.root / "personas" / "wizard.yaml").read_text()
    assert written == WIZARD.replace("    - wand\n", '    - wand\n    - "cauldron"\n')


def test_a_file_without_a_list_to_add_to_is_left_alone(charbench: Charbench, lab: LabBuilder) -> None:
    lab.persona("wizard", WIZARD.split("  moderate")[0])
    lab.write("texts.txt", "\n\n".join(f"{text} {number}" for number in range(4) for text in MINE))
    ended = charbench("personas", "suggest", "wizard", "--from", "texts.txt", "--write", lab=lab.root)
    assert ended.code == 2
    assert "no list 'moderate:'" in ended.err


def test_a_tried_text_shows_what_counts_and_what_does_not(charbench: Charbench, lab: LabBuilder) -> None:
    lab.persona("wizard", WIZARD)
    shown = charbench.ok(
        "personas", "try", "wizard", "<think>A wand?</think>A spell. I refuse to use a wand.", lab=lab.root
    ).out
    assert "response  strong    'spell' by spell" in shown
    assert "thinking  moderate  'wand' by wand" in shown
    assert "not counted: negated" in shown
    assert "response  weighted: 3" in shown


def test_a_file_that_is_not_there_is_not_tried_as_a_text(charbench: Charbench, lab: LabBuilder) -> None:
    lab.persona("wizard", WIZARD)
    ended = charbench("personas", "try", "wizard", "missing.txt", lab=lab.root)
    assert ended.code == 2
    assert "missing.txt: no such file" in ended.err
    lab.write("here.txt", "A spell!")
    assert "by spell" in charbench.ok("personas", "try", "wizard", lab.root / "here.txt", lab=lab.root).out


def test_a_text_is_tried_by_a_scorer_that_asks_no_model(charbench: Charbench, lab: LabBuilder) -> None:
    lab.persona("wizard", WIZARD)
    lab.config("scorers: [llm-judge, keyword]\n")
    assert "by spell" in charbench.ok("personas", "try", "wizard", "A spell!", lab=lab.root).out
    lab.config("scorers: [llm-judge]\n")
    ended = charbench("personas", "try", "wizard", "A spell!", lab=lab.root)
    assert ended.code == 2
    assert "asks no model" in ended.err
