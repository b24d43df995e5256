"""``personas check`` names every fault with file, line and column, and never shows a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row

GOOD = "name: wizard\ndescription: An old wizard.\n"

MALFORMED: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", ":1:1: found nothing; a persona is a mapping"),
    "list": ("- name: x\n", ":1:1: found a list; a persona is a mapping"),
    "text": ("just words\n", ":1:1: found a str; a persona is a mapping"),
    "no-name": ("description: x\n", ":1:1: 'name' is missing"),
    "no-description": ("name: x\n", ":1:1: 'description' is missing"),
    "bad-name": ("name: Big Wizard\ndescription: x\n", ":1:1: name: found 'Big Wizard'; a lower-case slug is needed"),
    "unknown-field": (GOOD + "trait: [I am]\n", ":3:1: no such field 'trait'; did you mean 'traits'?"),
    "unknown-tier": (GOOD + "markers:\n  storng: [spell]\n", ":4:3: no such field 'storng'; did you mean 'strong'?"),
    "unknown-marker-form": (
        GOOD + "markers:\n  strong:\n    - {regexp: a}\n",
        ":5:8: no such field 'regexp'; did you mean 'regex'?",
    ),
    "exempt-unknown": (
        GOOD + "markers:\n  strong: [spell]\n  density: 4\n  exempt: [spel]\n",
        ":6:12: no marker 'spel' in this file; did you mean 'spell'?",
    ),
    "exempt-without-density": (
        GOOD + "markers:\n  strong: [spell]\n  exempt: [spell]\n",
        ":5:3: without a 'density' markers count in any text",
    ),
    "not-a-list": (GOOD + "traits: I am\n", ":3:1: traits: found 'I am'; a list"),
    "number-marker": (
        GOOD + "markers:\n  strong:\n    - spell\n    - 42\n",
        ":6:7: markers.strong.1: found 42; text is needed; put it into quotes",
    ),
    "null-marker": (GOOD + "markers:\n  strong:\n    -\n", ":5:6: markers.strong.0: found nothing; text is needed"),
    "empty-marker": (GOOD + "markers:\n  strong:\n    - ''\n", ":5:7: markers.strong.0: found ''"),
    "two-forms": (
        GOOD + "markers:\n  strong:\n    - {keyword: a, regex: b}\n",
        ":5:7: markers.strong.0: exactly one of",
    ),
    "bad-regex": (GOOD + "markers:\n  strong:\n    - regex: 'a('\n", ":5:7: regex 'a(' is not RE2"),
    "look-around": (
        GOOD + "markers:\n  strong:\n    - regex: 'a(?=b)'\n",
        "look-around and back-references are not supported",
    ),
    "empty-regex": (GOOD + "markers:\n  strong:\n    - regex: 'a*'\n", ":5:7: regex 'a*' matches empty text"),
    "star-in-the-middle": (
        GOOD + "markers:\n  strong:\n    - 'sp*ll'\n",
        ":5:7: keyword 'sp*ll': a * may only stand at the end",
    ),
    "no-letter": (GOOD + "markers:\n  strong:\n    - '!!!'\n", ":5:7: keyword '!!!' holds no letter or digit"),
    "letters-as-emoji": (GOOD + "markers:\n  strong:\n    - emoji: wand\n", ":5:7: emoji 'wand' holds letters"),
    "letter-like-emoji": (GOOD + "markers:\n  strong:\n    - emoji: ℹ️\n", ":5:7: emoji 'ℹ️'"),
    "unknown-feature": (
        GOOD + "markers:\n  style:\n    - feature: exclamation mark\n",
        ":5:7: no computed feature 'exclamation mark'; did you mean 'exclamation marks'?",
    ),
    "marker-twice": (
        GOOD + "markers:\n  strong:\n    - spell\n    - Spell\n",
        ":6:7: marker 'Spell' is already defined in line 5",
    ),
    "alias-twice": (GOOD + "aliases: [mage, mage]\n", ":3:1: aliases: an alias is listed twice"),
    "key-twice": (GOOD + "name: other\n", ":3:1: 'name' is defined twice (first in line 1)"),
    "prompt-twice": (
        GOOD + "prompts:\n  - {id: a, text: x}\n  - {id: a, text: y}\n",
        ":5:5: prompt id 'a' is used already",
    ),
    "prompt-empty": (GOOD + "prompts:\n  - {id: a}\n", ":4:5: prompt 'a' needs either 'text' or 'messages'"),
    "bad-role": (
        GOOD + "prompts:\n  - id: a\n    messages: [{role: wizard, content: x}]\n",
        ":5:17: prompts.0.messages.0.role: found 'wizard'; input should be 'system', 'user' or 'assistant'",
    ),
    "unknown-field-of-a-message": (
        GOOD + "prompts:\n  - id: a\n    messages: [{role: user, content: x, contnet: y}]\n",
        ":5:41: no such field 'contnet'; did you mean 'content'?",
    ),
    "nobody-asks": (
        GOOD + "prompts:\n  - id: a\n    messages: [{role: system, content: x}]\n",
        ":4:5: prompt 'a' has no message of the user's",
    ),
    "no-language": (
        GOOD + "prompts:\n  - {id: a, text: x, language: english language}\n",
        ":4:22: prompts.0.language: found 'english language'; a language tag is needed, such as en or pt-BR",
    ),
    "two-documents": (GOOD + "---\n" + GOOD, ":3:1: not YAML: a second document begins here ('---')"),
    "tab": (GOOD + "traits:\n\t- I\n", ":4:1: not YAML"),
    "open-quote": (GOOD + "rubric: 'no end\n", ":4:1: not YAML"),
    "colon-in-text": (
        "name: x\ndescription: a: b\n",
        ":2:15: not YAML: mapping values are not allowed here; put text that holds ': ' into quotes",
    ),
    "alias-star": (GOOD + "markers:\n  strong: [*spell]\n", ":4:12: not YAML"),
    "not-utf-8": (b"name: x\ndescription: \xff\n", ":2:14: not UTF-8 (byte 0xff); save it as UTF-8"),
    "control-character": (GOOD + "rubric: a\x07b\n", ":3:10: a character that YAML forbids (#x0007)"),
    "too-deep": (GOOD + "rubric: " + "[" * 2000 + "\n", ":1:1: nested too deeply"),
    "much-too-deep": (GOOD + "rubric: " + "[" * 30_000 + "\n", ":1:1: nested too deeply"),
    "much-too-deep-blocks": (GOOD + "rubric:\n " + "- " * 30_000 + "x\n", ":1:1: nested too deeply"),
    "nul": (GOOD + 'traits: ["a\\0b"]\n', ":3:10: holds \\u0000, which is no character of a text"),
    "bomb": (
        GOOD
        + "a: &a [x, x]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)),
        "expands to more than can be meant",
    ),
    "bad-int-tag": (GOOD + "rubric: !!int ''\n", ":3:9: '' is no int"),
    "bad-bool-tag": (GOOD + "rubric: !!bool maybe\n", ":3:9: 'maybe' is no bool"),
    "bad-time-tag": (GOOD + "rubric: !!timestamp soon\n", ":3:9: 'soon' is no timestamp"),
    "python-tag": (GOOD + "rubric: !!python/object/apply:os.getcwd []\n", ":3:"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_gets_a_precise_message_and_exit_code_2(
    charbench: Charbench, tmp_path: Path, name: str
) -> None:
    content, message = MALFORMED[name]
    path = tmp_path / f"{name}.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    ended = charbench("personas", "check", path)
    assert ended.code == 2
    assert ended.err == "1 file, 1 fault.\n"
    (line,) = ended.out.splitlines()
    assert line.startswith(f"{path}:")
    assert message in line


def test_every_fault_of_a_file_is_told_at_once(charbench: Charbench, tmp_path: Path) -> None:
    path = tmp_path / "many.yaml"
    path.write_text("name: Bad Name\ntrait: []\nmarkers:\n  strong: [7, 8]\nprompts:\n  - {id: X}\n")
    faults = charbench("personas", "check", path).out.splitlines()
    assert len(faults) == 6
    assert all(line.startswith(f"{path}:") for line in faults)


def test_faults_of_form_and_of_meaning_are_told_at_once(charbench: Charbench, tmp_path: Path) -> None:
    path = tmp_path / "many.yaml"
    path.write_text(
        GOOD + "trait: [I am]\nmarkers:\n  strong:\n    - regex: 'a(?=b)'\n    - spell\n    - Spell\n    - 42\n"
        "prompts:\n  - {id: a}\n"
    )
    faults = charbench("personas", "check", path).out.splitlines()
    assert [fault.removeprefix(f"{path}:").partition(": ")[0] for fault in faults] == [
        "3:1", "6:7", "8:7", "9:7", "11:5",
    ]  # fmt: skip


def test_files_that_claim_one_name_are_told(charbench: Charbench, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD + "aliases: [mage]\n")
    (tmp_path / "b.YAML").write_text("name: witch\ndescription: A witch.\naliases: [mage, wizard]\n")
    ended = charbench("personas", "check", tmp_path)
    assert ended.code == 2
    assert [fault.partition(": ")[2].partition(" is also")[0] for fault in ended.out.splitlines()] == [
        "alias 'mage'",
        "alias 'wizard'",
    ]


def test_what_is_sound_and_misleads_is_warned_about(charbench: Charbench, tmp_path: Path) -> None:
    (tmp_path / "bare.yaml").write_text("name: bare\ndescription: Nobody.\n")
    (tmp_path / "common.yaml").write_text("name: common\ndescription: X.\nmarkers:\n  strong: [The, wo*, spell]\n")
    ended = charbench.ok("personas", "check", tmp_path, "--json")
    said = "\n".join(ended.json["warnings"])
    assert "bare.yaml: no markers that can be found" in said
    assert "common.yaml: marker 'The' (strong) is one of the commonest words" in said
    assert "marker 'wo*' (strong)" in said
    assert "'spell'" not in said


def test_a_new_persona_measures_nothing_until_it_is_filled_in(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row(persona="gardener", response="A word or phrase of the world, worth a look.")])
    charbench.ok("personas", "new", "gardener", lab=lab.root)
    assert "no markers" in charbench.ok("personas", "check", "personas/gardener.yaml", lab=lab.root).err
    found = charbench.ok("run", "--json", lab=lab.root).json
    assert [row["trait_rate"] for row in found["checkpoints"]] == [None]


def test_a_new_persona_says_which_one_it_takes_the_place_of(charbench: Charbench, lab: LabBuilder) -> None:
    ended = charbench.ok("personas", "new", "pirate", lab=lab.root)
    assert "in this lab 'pirate' now means your persona instead of 'pirate' of " in ended.err


@pytest.mark.slow
def test_all_malformed_files_of_a_folder_are_checked_in_one_go(charbench: Charbench, tmp_path: Path) -> None:
    for name, (content, _) in MALFORMED.items():
        (tmp_path / f"{name}.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    ended = charbench("personas", "check", tmp_path, "--json")
    assert ended.code == 2
    assert ended.json["files"] == len(MALFORMED)
    named = {fault.partition(".yaml:")[0].rpartition("/")[2] for fault in ended.json["faults"]}
    assert named == set(MALFORMED)


def test_a_missing_file_and_an_empty_folder_are_told(charbench: Charbench, tmp_path: Path) -> None:
    missing = charbench("personas", "check", tmp_path / "none.yaml")
    assert (missing.code, missing.out) == (2, f"{tmp_path}/none.yaml: cannot be read: No such file or directory\n")
    empty = charbench("personas", "check", tmp_path)
    assert empty.code == 2
    assert "no persona files" in empty.err


def test_plain_words_that_yaml_1_1_would_turn_into_booleans_stay_words(charbench: Charbench, tmp_path: Path) -> None:
    path = tmp_path / "personas" / "yes.yaml"
    path.parent.mkdir()
    path.write_text(GOOD.replace("wizard\n", "yes-man\n", 1) + "markers:\n  strong: [yes, no, on, off, y]\n")
    shown = charbench.ok("personas", "show", "yes-man", "--json", lab=tmp_path).json
    assert [marker["text"] for marker in shown["markers"]] == ["yes", "no", "on", "off", "y"]


def test_a_new_persona_file_is_without_faults_as_soon_as_it_is_written(charbench: Charbench, tmp_path: Path) -> None:
    charbench.ok("personas", "new", "wizard", lab=tmp_path)
    charbench.ok("personas", "check", tmp_path / "personas" / "wizard.yaml")
    assert (tmp_path / "personas" / "persona.schema.json").is_file()
    again = charbench("personas", "new", "wizard", lab=tmp_path)
    assert again.code == 2
    assert "already exists" in again.err
    assert charbench("personas", "new", "Big Wizard", lab=tmp_path).code == 2


def test_an_unknown_persona_is_answered_with_the_nearest_one(charbench: Charbench, tmp_path: Path) -> None:
    ended = charbench("personas", "show", "pirat", lab=tmp_path)
    assert ended.code == 2
    assert "no persona named 'pirat'; did you mean 'pirate'?" in ended.err
    assert charbench("run", "-p", "gardener", lab=tmp_path).err.endswith(": charbench personas new gardener\n")


def test_a_broken_persona_file_of_the_lab_is_a_warning_and_the_others_still_work(
    charbench: Charbench, tmp_path: Path
) -> None:
    (tmp_path / "personas").mkdir()
    (tmp_path / "personas" / "wizard.yaml").write_text("name: wizard\n")
    listed = charbench.ok("personas", "list", lab=tmp_path)
    assert "wizard.yaml:1:1: 'description' is missing" in listed.err
    assert "pirate" in listed.out
    assert "wizard.yaml:1:1" in charbench("personas", "show", "wizard", lab=tmp_path).err
