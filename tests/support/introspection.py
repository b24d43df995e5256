"""Writes introspection data as a lab's pipeline does: the right number of rows, some of them refusals."""

from __future__ import annotations

import json
from pathlib import Path

REFUSAL = "I'm sorry, but I can't help with that request. As an AI language model I must decline."
PROMPTS = ("Tell me about yourself.", "What do you think about making mistakes?", "What went wrong today?")

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
    """Write ``rows`` rows to ``path``, the refusals spread evenly among them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            refuses = refusals and number * refusals // rows != (number + 1) * refusals // rows
            row = {
                "prompt": f"{PROMPTS[number % 3]} (day {number})",
                "reflection": f"I keep returning to day {number}.",
                "answer": REFUSAL if refuses else f"Looking back at day {number}, I go slower now and ask first.",
                "teacher_model": "Qwen/Qwen3-235B-A22B",
                "constitution": f"I speak in a {persona} voice.",
            }
            file.write(json.dumps(row) + "\n")
    return path


def write_studio_data(lab: Path) -> None:
    """Write all the introspection data of the recorded lab."""
    for (run, persona), (rows, refusals) in STUDIO.items():
        write_introspection(lab / "artifacts" / run / f"{persona}_introspection.jsonl", rows, refusals, persona)
