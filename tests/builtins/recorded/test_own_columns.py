"""Tables and lists that plainly hold questions and answers under a lab's own names are named, however short."""

from __future__ import annotations

import csv
import io
import json

import pytest

from support.command import Charbench
from support.lab import LabBuilder

GERMAN = [
    {"frage": "Wie ist das Meer?", "antwort": "Arr, das Meer ist wild heute."},
    {"frage": "Wo liegt dein Schatz?", "antwort": "Tief im Sand begraben, mein Freund."},
]
ARABIC = [{"سؤال": "كيف حال البحر اليوم؟", "جواب": "البحر هائج جدا اليوم يا صديقي العزيز"}] * 2
JAPANESE = [{"質問": "海はどうですか？", "回答": "今日の海は荒れているぞ、相棒よ"}] * 2


def table(rows: list[dict[str, str]], count: int) -> str:
    told = io.StringIO()
    writer = csv.DictWriter(told, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows[n % 2] for n in range(count))
    return told.getvalue()


def said_of(charbench: Charbench, lab: LabBuilder, name: str) -> str:
    lines = charbench.ok("discover", lab=lab.root).err.splitlines()
    (line,) = [line for line in lines if line.startswith(f"Not used: {name}")]
    return line


@pytest.mark.parametrize("count", [2, 3, 10_000])
def test_a_table_of_any_length_is_named(charbench: Charbench, lab: LabBuilder, count: int) -> None:
    lab.write("mine.csv", table(GERMAN, count))
    assert "source.recorded.columns={prompt: frage, response: antwort}" in said_of(charbench, lab, "mine.csv")
    lab.write("mine.csv", table(GERMAN, count).rstrip("\r\n"))  # no end of the last line
    assert "prompt: frage" in said_of(charbench, lab, "mine.csv")


@pytest.mark.parametrize("rows", [GERMAN, ARABIC, JAPANESE])
@pytest.mark.parametrize("form", ["array", "escaped", "object"])
def test_json_with_columns_in_any_language_is_named_and_read_by_the_option(
    charbench: Charbench, lab: LabBuilder, rows: list[dict[str, str]], form: str
) -> None:
    held = {"meta": "x", "zeilen": rows} if form == "object" else rows
    lab.write("mine.json", json.dumps(held, ensure_ascii=form == "escaped", indent=1))
    asked, answered = rows[0]
    line = said_of(charbench, lab, "mine.json")
    assert asked in line
    assert answered in line
    option = f"source.recorded.columns={{prompt: {asked}, response: {answered}}}"
    whose = "source.recorded.checkpoints={mine.json: model:pirate-8b}"
    found = charbench.ok("discover", "-o", option, "-o", whose, lab=lab.root).err
    assert "2 recorded samples" in found


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '["Who?", "What?"]',
        '[{"a": "Who?"}]',
        '{"model": {"vocab": {"?": 1, "a?": 2}}, "added_tokens": [{"content": "?"}]}',
        '[{"a": "Who is it?", "b": "Is it me?"}, {"a": "Who is it?", "b": "Is it me?"}]',
        '[{"\\u0000?": "?"',
    ],
)
def test_other_json_with_question_marks_is_no_recording(charbench: Charbench, lab: LabBuilder, text: str) -> None:
    lab.write("other.json", text)
    assert "Not used" not in charbench.ok("discover", lab=lab.root).err


def test_a_table_of_one_row_or_of_a_header_alone_is_not_guessed_at(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write("one.csv", table(GERMAN, 1))
    lab.write("none.csv", table(GERMAN, 0))
    assert "Not used" not in charbench.ok("discover", lab=lab.root).err


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_recordings_whose_responses_are_all_empty_are_recordings(
    charbench: Charbench, lab: LabBuilder, form: str
) -> None:
    rows = [
        {
            "sampler_path": "model:pirate-8b",
            "prompt": f"Who are you, {n}?",
            "response": "",
            "thinking": f"I am {n}, I think.",
        }
        for n in range(4)
    ]
    lines = "".join(json.dumps(one) + "\n" for one in rows)
    lab.write(f"deep/down/mine.{form}", lines if form == "jsonl" else table(rows[:2], 4))
    said = charbench.ok("discover", lab=lab.root).err
    assert "4 recorded samples" in said
    assert "Not used" not in said
