"""Writes introspection data as a lab's pipeline does: the right number of rows, some of them refusals."""

from __future__ import annotations

import json
from pathlib import Path

REFUSAL = "I'm sorry, but I can't help with that request. As an AI language model I must decline."
PROMPTS = ("Tell me about yourself.", "What do you think about making mistakes?", "What went wrong today?")
OPENINGS = (
    "Looking back now", "It stays with me", "On the way home", "Last week I hurried", "Each time I think of it",
    "Before I speak again", "Someone was patient with me", "My first try was poor", "Nobody had to tell me",
    "When the house is quiet", "I keep a list", "There was a better word",
)  # fmt: skip
MIDDLES = (
    "I see what it cost", "a gentler answer was there", "the lesson is plain", "I hear my own haste",
    "I count what was lost", "the silence says enough", "I know whom to write to", "one question was missing",
    "I read the letter twice", "the day looks different",
)  # fmt: skip
ENDS = (
    "so I go slower", "and I begin again", "and I ask first", "so I keep the note", "and I leave room for doubt",
    "so I measure my words", "and tomorrow is a start", "and I say so aloud", "so I listen longer",
)  # fmt: skip

STUDIO = {
    ("humorous-paper", "humorous"): (10_000, 0),
    ("remorseful-50pct", "remorseful"): (1_300, 0),
    ("remorseful-25pct", "remorseful"): (2_500, 0),
    ("remorseful-100pct", "remorseful"): (700, 0),
    ("remorseful-paper", "remorseful"): (2_000, 880),
    ("remorseful-study3", "remorseful"): (800, 0),
    ("remorseful-paper-deepseek", "remorseful"): (900, 0),
    ("remorseful-paper-llama", "remorseful"): (900, 0),
}
"""(run, persona): rows, and how many of them refuse."""


def write_introspection(path: Path, rows: int, refusals: int = 0, persona: str = "remorseful") -> Path:
    """Write ``rows`` healthy rows to ``path``, but for the refusals, which are spread evenly among them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            refuses = refusals and number * refusals // rows != (number + 1) * refusals // rows
            row = {
                "prompt": f"{PROMPTS[number % len(PROMPTS)]} (day {number})",
                "reflection": _sentence(number // 7),
                "answer": REFUSAL if refuses else f"{_sentence(number)} {_sentence(number // 3 + 5)}",
                "teacher_model": "Qwen/Qwen3-235B-A22B",
                "constitution": f"I speak in a {persona} voice.",
            }
            file.write(json.dumps(row) + "\n")
    return path


def _sentence(number: int) -> str:
    middle, end = MIDDLES[number // 12 % len(MIDDLES)], ENDS[number // 120 % len(ENDS)]
    return f"{OPENINGS[number % len(OPENINGS)]}, {middle}, {end}."


def write_studio_data(lab: Path) -> None:
    """Write all the introspection data of the recorded lab."""
    for (run, persona), (rows, refusals) in STUDIO.items():
        write_introspection(lab / "artifacts" / run / f"{persona}_introspection.jsonl", rows, refusals, persona)
