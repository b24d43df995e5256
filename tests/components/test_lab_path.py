"""An option that names a file or folder which is not there is told in one line, before anything is read."""

from __future__ import annotations

import pytest

from support.command import Charbench
from support.lab import LabBuilder


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("recorded.files=[nope.jsonl]", "nope.jsonl"),
        ("recorded.requests={there.jsonl: nope.jsonl}", "nope.jsonl"),
        ("recorded.requests={nope.jsonl: there.jsonl}", "nope.jsonl"),
        ("recorded.checkpoints={nope.csv: model:x}", "nope.csv"),
        ("datasets.files=[/nope/data.jsonl]", "/nope/data.jsonl"),
        ("datasets.runs={'../nope': x}", "../nope"),
        ("logs.logs=[there.jsonl, nope.log]", "nope.log"),
        ("logs.data=['\U0001f3f4']", "\U0001f3f4"),
        ("registry.checkpoints=[nope.json]", "nope.json"),
        ("registry.jobs=[nope.json]", "nope.json"),
        ("cookbook.folders=[nope]", "nope"),
        ("huggingface.files=[nope/config.json]", "nope/config.json"),
        ("inspect.files=[nope.eval]", "nope.eval"),
        ("lm-eval.files=[nope.jsonl]", "nope.jsonl"),
        ("tinker.files=[nope.json]", "nope.json"),
        ("recorded.files=['']", ""),
    ],
)
def test_a_file_that_an_option_names_and_that_is_not_there_is_an_error(
    charbench: Charbench, lab: LabBuilder, option: str, named: str
) -> None:
    lab.write("there.jsonl", "")
    ended = charbench("discover", "-o", f"source.{option}", lab=lab.root)
    assert ended.code == 2
    (line,) = ended.err.splitlines()
    assert line.startswith(f"error: option source.{option.partition('=')[0]}: ")
    assert named in line


def test_files_that_are_there_are_no_error_and_a_pattern_without_files_is_a_warning(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.write("logs/a [1].log", "nothing")
    there = ["source.logs.logs=['logs/a [1].log', 'logs/*']", f"source.logs.data=['{lab.root}/logs', '{lab.root}/l*']"]
    there += ["source.recorded.checkpoints={'*.log': 'model:x'}"]
    words = [word for option in there for word in ("-o", option)]
    said = charbench.ok("discover", *words, lab=lab.root).err
    assert "option" not in said
    said = charbench.ok("discover", "-o", "source.logs.logs=['later/*.log']", lab=lab.root).err
    assert "warning: option source.logs.logs: the pattern 'later/*.log' matches no file" in said


def test_reports_do_not_need_the_files_that_options_name(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write("there.jsonl", '{"prompt": "Who?", "response": "Arr", "model": "pirate-1b", "finish_reason": "stop"}\n')
    lab.write("charbench.yaml", "options: {source.recorded: {files: [there.jsonl]}}\n")
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    (lab.root / "there.jsonl").unlink()
    charbench.ok("report", lab=lab.root)
