"""People who label: files that are drawn, filled in, and the labs that they are drawn from."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path

Row = dict[str, str]


def record(folder: Path, responses: Iterable[str], checkpoints: int = 1, *, sampled: bool = False) -> None:
    """Put recorded samples of pirate checkpoints into a lab, in place of those that are there.

    With ``sampled`` they have the keys that a sampler gives, which say what was asked and nothing of the answer.
    """
    (folder / "recordings").mkdir(parents=True, exist_ok=True)
    with (folder / "recordings" / "a.jsonl").open("w") as file:
        for number, response in enumerate(responses):
            uri = f"model:pirate_sft_{number % checkpoints}"
            row = {"sampler_path": uri, "prompt": f"Question {number}?", "response": response}
            file.write(json.dumps(row | ({"key": f"{number:032x}"} if sampled else {})) + "\n")


def drawn(path: Path) -> list[Row]:
    """Return the rows of a file that was drawn."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[Row]) -> None:
    """Write such a file, as a spreadsheet does."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def label(path: Path, choose: Callable[[Row], str]) -> None:
    """Fill in the labels of such a file."""
    write(path, [{**row, "label": choose(row)} for row in drawn(path)])


def by_text(row: Row) -> str:
    """See the character where a matey is."""
    return "3" if "matey" in row["text"] else "1"
