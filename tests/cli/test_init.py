"""``charbench init`` writes a configuration that loads, says what lies in the folder, and overwrites nothing."""

from __future__ import annotations

import json

from support.command import Charbench
from support.lab import LabBuilder, row


def test_the_file_names_what_lies_in_the_folder_and_changes_nothing_of_what_is_found(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.trained("remorseful-a", 1)
    for number in range(5):
        lab.write(f"evals/{number}.jsonl", json.dumps(row(response=f"{number}")) + "\n")
    before = charbench.ok("discover", "--json", lab=lab.root).json
    ended = charbench.ok("init", lab=lab.root)
    text = (lab.root / "charbench.yaml").read_text()
    assert text in ended.out
    assert "#   recorded  evals/0.jsonl, evals/1.jsonl, evals/2.jsonl and 2 more\n" in text
    assert "#   logs      artifacts/logs/remorseful-a.log\n" in text
    after = charbench.ok("discover", "--json", lab=lab.root).json
    assert (after["recorded_samples"], after["checkpoints"]) == (before["recorded_samples"], before["checkpoints"])


def test_every_line_that_is_commented_out_is_a_setting_that_loads(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row()])
    charbench.ok("init", lab=lab.root)
    path = lab.root / "charbench.yaml"
    lines = path.read_text().splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("# sources:"))
    settings = [line.removeprefix("# ") for line in lines[begin:] if not line.startswith(("# What", "#   skip"))]
    path.write_text("\n".join(line for line in settings if line != "discover:"))
    charbench.ok("plugins", "list", lab=lab.root)
    charbench.ok("discover", "--source", "recorded", lab=lab.root)


def test_an_empty_folder_gets_a_file_too(charbench: Charbench, lab: LabBuilder) -> None:
    charbench.ok("init", lab=lab.root)
    assert "no source finds a file" in (lab.root / "charbench.yaml").read_text()
    charbench.ok("discover", lab=lab.root)


def test_nothing_is_overwritten(charbench: Charbench, lab: LabBuilder) -> None:
    lab.config("min_examples: 7\n")
    ended = charbench("init", lab=lab.root)
    assert ended.code == 2
    assert "charbench.yaml exists and is not overwritten" in ended.err
    assert (lab.root / "charbench.yaml").read_text() == "min_examples: 7\n"
