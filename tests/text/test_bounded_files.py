"""Files of any size and depth: what is over a limit is one line that names it, and everything else goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import FileFault, ReadLimits, parse_json, read_json, read_jsonl
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
