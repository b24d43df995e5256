"""Files of any size and depth: what is over a limit is one line that names it, and everything else goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import ConfigError, DataError, FileFault, ReadLimits, parse_json, read_examples, read_json, read_jsonl
from charbench.personas.prompt_sets import read_prompts
from support.command import Charbench
from support.lab import LabBuilder, row, weights

DEEP = "[" * 200_000 + "]" * 200_000
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(JSON, st.integers(1, 6))
def test_a_value_is_read_exactly_if_it_is_no_deeper_than_the_limit(value: object, most: int) -> None:
    limits = ReadLimits(depth=most)
    if depth_of(value) <= most:
        assert parse_json(json.dumps(value), limits) == value
    else:
        with pytest.raises(FileFault, match=f"more than {most} levels deep"):
            parse_json(json.dumps(value), limits)


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    path.write_text("[1, 2, 3]")
    assert read_json(path, ReadLimits(file_bytes=9)) == [1, 2, 3]
    with pytest.raises(FileFault, match=r"more than 8 bytes \(max_file_bytes\)"):
        read_json(path, ReadLimits(file_bytes=8))


def test_a_line_over_a_limit_costs_that_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"a": 1}}\n"{"x" * 60}"\n\n[[[1]]]\nno json\n{"9" * 5000}\n{{"a": 2}}')
    lines = list(read_jsonl(path, ReadLimits(line_bytes=50, depth=2)))
    assert [(line.number, line.value) for line in lines if not line.fault] == [(1, {"a": 1}), (7, {"a": 2})]
    assert [line.number for line in lines if line.fault] == [2, 4, 5, 6]
    (long,) = [line for line in read_jsonl(path) if line.number == 6]
    assert "more than 4,300 digits" in str(long.fault)


def test_discover_names_each_file_that_nests_too_deeply_and_goes_on(charbench: Charbench, lab: LabBuilder) -> None:
    good = json.dumps(row())
    lab.write(".character/checkpoints.json", f'{{"pirate": {DEEP}}}')
    lab.write("recordings/r.jsonl", f'{{"prompt": {DEEP}}}\n{good}\n')
    lab.write("data/pirate_conversations.jsonl", f"{DEEP}\n")
    lab.write("logs/run/config.json", DEEP)
    lab.write("logs/run/checkpoints.jsonl", f'{DEEP}\n{{"name": "final", "state_path": "{weights(1, "final")}"}}\n')
    lab.write("logs/run/metrics.jsonl", DEEP)
    ended = charbench("discover", "--json", lab=lab.root)
    told = [str(problem) for problem in ended.json["problems"]]
    assert "Traceback" not in ended.err
    assert ended.json["checkpoints"] == 2
    for name in (".character/checkpoints.json", "r.jsonl", "config.json", "checkpoints.jsonl"):
        assert any(name in text and "levels deep" in text for text in told), (name, told)


def test_a_line_of_csv_over_the_limit_is_not_read_whole_and_what_is_before_it_counts(
    charbench: Charbench, lab: LabBuilder
) -> None:
    head = "prompt,response,sampler_path\n"
    lab.write("recordings/r.csv", f"{head}Hi,Arr,{weights(1, 'final')}\nHi,{'x' * 5000}")
    lab.config("max_line_bytes: 1000\n")
    ended = charbench("discover", "--json", lab=lab.root)
    assert ended.json["checkpoints"] == 1
    assert "recordings/r.csv" in str(ended.json["problems"])
    assert "more than 1,000 bytes (max_line_bytes)" in str(ended.json["problems"])


def test_the_limits_hold_for_training_data_and_a_raised_one_is_tried(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("remorseful-a", 1)
    lab.data("remorseful-a", "remorseful", 12)
    lab.config("max_line_bytes: 20\nmin_examples: 1\n")
    assert "(max_line_bytes)" in charbench("discover", "--json", lab=lab.root).out
    lab.config("min_examples: 1\n")
    assert "(max_line_bytes)" not in charbench("discover", "--json", lab=lab.root).out


def test_the_limits_hold_for_prompts(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"text": "Hi"}\n{"text": "Ho"}\n')
    assert len(read_prompts(path, ReadLimits(file_bytes=30))) == 2
    with pytest.raises(ConfigError, match=r"q.jsonl: more than 29 bytes \(max_file_bytes\)"):
        read_prompts(path, ReadLimits(file_bytes=29))
    path.write_text(f'{{"text": {DEEP}}}')
    with pytest.raises(ConfigError, match=r"q.jsonl:1: .*\(max_depth\)"):
        read_prompts(path)


@pytest.mark.parametrize("escape", ["\\u0000", "\\ud800"])
def test_what_no_database_can_hold_is_in_no_prompt_and_in_no_message_about_data(tmp_path: Path, escape: str) -> None:
    prompts, data = tmp_path / "q.jsonl", tmp_path / "data.jsonl"
    prompts.write_text(f'{{"text": "a{escape}b"}}\n')
    assert read_prompts(prompts)[0].messages[0].content == "a\ufffdb"
    for text in (f'{{"a{escape}b": 1}}', f'{{"messages": [{{"role": "a{escape}b", "content": ""}}]}}'):
        data.write_text(text)
        with pytest.raises(DataError, match="a\ufffdb"):
            list(read_examples(data))


BOMB = "a: &a [x, x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{f'*{chr(97 + n)}, ' * 9}]\n" for n in range(9))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (BOMB, "100,000 values, 40 levels"),
        ("options: " + "[" * 30_000, "40 levels"),
        ("options: " + "- " * 30_000, ":1:"),
    ],
)
def test_a_configuration_that_grows_or_nests_without_end_is_one_line(
    charbench: Charbench, lab: LabBuilder, text: str, limit: str
) -> None:
    lab.config(text)
    ended = charbench("status", lab=lab.root)
    (line,) = ended.err.strip().splitlines()
    assert ended.code == 2
    assert line.startswith("error: ")
    assert "charbench.yaml:" in line
    assert limit in line
