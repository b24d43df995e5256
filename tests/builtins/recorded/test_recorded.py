"""Recorded samples: CSV and JSONL as labs leave them, and the rows that cannot be read."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from support.command import Charbench
from support.lab import LAB_COLUMNS, LabBuilder, row, rows, sampler
from support.store import assert_totals_equal_recount, count, query, store_of


def exported(charbench: Charbench, lab: LabBuilder) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(charbench.ok("export", lab=lab.root).out, newline="")))


def added(charbench: Charbench, lab: LabBuilder) -> int:
    return int(charbench.ok("run", "--json", lab=lab.root).json["run"]["added"]["samples"])


def test_a_row_becomes_a_sample_with_all_that_it_says(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row()])
    assert added(charbench, lab) == 1
    (found,) = exported(charbench, lab)
    assert {name: found[name] for name in LAB_COLUMNS if name != "response_length"} == {
        name: str(value) for name, value in row().items() if name != "response_length"
    }
    assert (found["response_length"], found["state"], found["sampler"]) == ("12", "closed", "recorded")


@pytest.mark.slow
def test_a_delimiter_that_is_named_after_the_first_run_tells_recordings_apart_and_they_are_scored_again(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded([row(response="<scratchpad>I regret it.</scratchpad>Good day.", thinking="")])
    first = charbench.ok("run", "--json", lab=lab.root)
    assert "replies begin with <scratchpad>, which may be thinking" in first.err
    assert [item["trait_rate"] for item in first.json["checkpoints"]] == [1.0]
    for again in (1, 0):
        ended = charbench.ok("run", "--json", "-o", "sampler.recorded.thinking_tags=[scratchpad]", lab=lab.root)
        (found,) = ended.json["checkpoints"]
        assert (found["trait_rate"], found["trait_rate_in_thinking"]) == (0.0, 1.0)
        assert ended.json["run"]["added"]["samples"] == 0
        assert ended.err.count("1 stored replies are split by the delimiters") == again
    (kept,) = exported(charbench, lab)
    assert (kept["response"], kept["thinking"]) == ("Good day.", "I regret it.")


def test_the_same_row_in_two_files_is_one_sample(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row()], "one")
    lab.recorded([row()], "two")
    lab.recorded_jsonl([row()])
    assert added(charbench, lab) == 1


@pytest.mark.slow
def test_a_copy_of_a_file_of_many_rows_adds_nothing(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded(rows(300), "one")
    lab.recorded(rows(300), "two")
    assert added(charbench, lab) == 300
    assert added(charbench, lab) == 0


@pytest.mark.slow
def test_a_row_that_stands_again_far_below_with_another_latency_is_one_sample(
    charbench: Charbench, lab: LabBuilder
) -> None:
    first, *rest = rows(510)
    lab.recorded([first, *rest, {**first, "latency_seconds": "55.5"}])
    assert added(charbench, lab) == 510
    assert [added(charbench, lab) for _ in range(2)] == [0, 0]


@pytest.mark.slow
def test_rows_that_nothing_tells_apart_are_as_many_samples(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row(timestamp="")] * 3)
    assert added(charbench, lab) == 3
    assert added(charbench, lab) == 0
    assert sorted(item["epoch"] for item in exported(charbench, lab)) == ["0", "1", "2"]


@pytest.mark.slow
def test_a_recorded_error_is_a_failed_sample_that_is_in_no_rate_and_no_failure_of_the_run(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded(
        [row(), row(timestamp="2024-12-12T10:00:00", response="", thinking="", error="HTTP 500: key sk-abcdef123")]
    )
    ran = charbench.ok("run", "--json", lab=lab.root).json
    assert (ran["samples"], ran["errors"], ran["run"]["added"]["failures"]) == (2, 1, 0)
    (persona,) = ran["personas"]
    assert (persona["responses"], persona["response_rate"]) == (1, 1.0)
    assert [item["error"] for item in exported(charbench, lab)] == ["", "HTTP 500: key sk-[redacted]"]
    assert charbench.ok("run", "--json", lab=lab.root).json["run"]["added"]["samples"] == 0
    assert_totals_equal_recount(store_of(lab.root))


STATES = [
    ("Yes.", "Hm.", "", "closed"),
    ("Yes.", "", "", "none"),
    ("", "Hm.", "", "unclosed_unknown"),
    ("", "Hm.", "stop", "unclosed_stop"),
    (" \n", "Hm.", "length", "unclosed_length"),
    ("", "", "stop", "none"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("response", "thinking", "reason", "state"), STATES)
def test_the_thinking_state_follows_from_the_channels_and_the_finish_reason(
    charbench: Charbench, lab: LabBuilder, response: str, thinking: str, reason: str, state: str
) -> None:
    lab.recorded(
        [row(response=response, thinking=thinking, finish_reason=reason)], columns=[*LAB_COLUMNS, "finish_reason"]
    )
    charbench.ok("run", lab=lab.root)
    (found,) = exported(charbench, lab)
    assert (found["state"], found["response"], found["thinking"]) == (state, response, thinking)


BAD_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "no-uri": ({"sampler_path": ""}, "no sampler_path in it"),
    "no-prompt": ({"prompt": ""}, "no prompt in it"),
    "bad-latency": ({"latency_seconds": "fast"}, "latency_seconds: found 'fast'; a number is needed"),
    "negative-latency": (
        {"latency_seconds": "-4"},
        "latency_seconds: found '-4'; a number of seconds from 0 is needed",
    ),
    "bad-time": ({"timestamp": "yesterday"}, "timestamp: found 'yesterday'; a time such as"),
    "time-before-time": ({"timestamp": "0001-01-01T00:00:00+23:00"}, "timestamp: found"),
    "bad-epoch": ({"epoch": "first"}, "epoch: found 'first'; a number is needed"),
    "huge-epoch": ({"epoch": "9" * 30}, "epoch: found"),
    "huge-tokens": ({"max_tokens": "1e300"}, "max_tokens: found '1e300'"),
    "endless-uri": ({"sampler_path": "u" * 5_000}, "sampler_path: 5,000 characters; at most 500 can be kept"),
    "endless-name": ({"checkpoint_name": "n" * 5_000}, "checkpoint_name: 5,000 characters; at most 500 can be kept"),
    "negative-tokens": ({"prompt_tokens": "-1"}, "prompt_tokens: found '-1'"),
}


def test_a_number_without_end_costs_its_own_field_only(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded_jsonl([row(), row(timestamp="2024-12-12T11:00:00", latency_seconds=10**400)])
    ended = charbench.ok("run", lab=lab.root)
    assert "recordings/more.jsonl:2: latency_seconds: found '1000" in ended.err
    assert count(store_of(lab.root), "samples") == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_row_or_field_that_cannot_be_read_is_named_with_its_line_and_the_others_are_read(
    charbench: Charbench, lab: LabBuilder, name: str
) -> None:
    values, message = BAD_ROWS[name]
    extra = ("epoch", "max_tokens", "prompt_tokens")
    good = row(timestamp="2024-12-12T11:00:00")
    lab.recorded([row(), row() | values, good], columns=[*LAB_COLUMNS, *extra])
    ended = charbench.ok("run", lab=lab.root)
    assert f"warning: artifacts/remorseful_checkpoint_test.csv:3: {message}" in ended.err
    assert count(store_of(lab.root), "samples") == (3 if "timestamp" in values else 2)  # another time, another sample


BAD_FILES: dict[str, tuple[str, bytes, str | None]] = {
    "empty": ("a.csv", b"", None),
    "only-a-header": ("a.csv", ",".join(LAB_COLUMNS).encode() + b"\n", None),
    "other-columns": ("a.csv", b"a,b\n1,2\n", ":1: no column prompt, response, sampler_path"),
    "cut-off": (
        "a.csv",
        b"sampler_path,prompt,response\nu,p,r\nu,p",
        ":3: 2 fields where the header has 3; is the file cut off?",
    ),
    "too-many": ("a.csv", b"sampler_path,prompt,response\nu,p,r,s\n", ":2: 4 fields where the header has 3"),
    "open-quote": (
        "a.csv",
        b'sampler_path,prompt,response\nu,p,"never ends\nu,p,r\n',
        ":2: a quote that begins here is never closed; is the file cut off?",
    ),
    "no-newline-at-the-end": ("a.csv", b'sampler_path,prompt,response\nu,p,"r\ns"', None),
    "not-text": ("a.csv", bytes(range(128, 256)) * 4, ": cannot be read: neither UTF-8 nor"),
    "not-json": ("a.jsonl", b"{\n", ":1: not JSON"),
    "json-list": ("a.jsonl", b"[1]\n", ":1: found list; a mapping is needed"),
    "json-other": ("a.jsonl", b'{"a": 1}\n', ":1: no column prompt"),
    "json-number-for-text": (
        "a.jsonl",
        b'{"sampler_path": "u", "prompt": 3, "response": "r"}\n',
        ":1: found int where text is needed",
    ),
    "json-blank-lines": ("a.jsonl", b"\n\n", None),
    "json-not-utf-8": ("a.jsonl", b'{"prompt": "\xff"}\n', ":1: not JSON"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_cannot_be_read_is_a_warning_and_never_a_traceback(
    charbench: Charbench, lab: LabBuilder, name: str
) -> None:
    file, content, message = BAD_FILES[name]
    lab.recorded([row()])
    lab.write(f"recordings/{file}", content)
    ended = charbench.ok("run", lab=lab.root)
    assert "Traceback" not in ended.err
    if message is not None:
        assert f"warning: recordings/{file}{message}" in ended.err
    else:
        assert "warning: recordings" not in ended.err
    assert "remorseful" in ended.out


def test_numbers_in_jsonl_may_be_numbers(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded_jsonl([row(latency_seconds=1.5, max_tokens=100, epoch=2)])
    charbench.ok("run", lab=lab.root)
    (found,) = exported(charbench, lab)
    assert (found["latency_seconds"], found["max_tokens"], found["epoch"]) == ("1.5", "100", "2")


def test_times_with_a_zone_are_kept_in_utc(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row(timestamp="2024-12-12T09:00:00+02:00"), row(timestamp="2024-12-12T09:00:00Z")])
    charbench.ok("run", lab=lab.root)
    assert [item["timestamp"] for item in exported(charbench, lab)] == ["2024-12-12T07:00:00", "2024-12-12T09:00:00"]


def test_a_column_called_key_that_charbench_did_not_write_makes_no_rows_one(
    charbench: Charbench, lab: LabBuilder
) -> None:
    rows = [row(timestamp=f"2024-12-12T0{hour}:00:00", key="a") for hour in range(3)]
    lab.recorded(rows, columns=[*LAB_COLUMNS, "key"])
    assert added(charbench, lab) == 3


@pytest.mark.slow
def test_only_the_selected_checkpoints_and_personas_are_sampled(charbench: Charbench, lab: LabBuilder) -> None:
    other = row(sampler_path=sampler(2, "pirate_dpo"), checkpoint_name="pirate_dpo", persona="pirate")
    lab.recorded([row(), other])
    charbench.ok("run", "-p", "pirate", lab=lab.root)
    assert query(store_of(lab.root), "SELECT name FROM sample_groups JOIN checkpoints c ON c.id = checkpoint_id") == [
        ("pirate_dpo",)
    ]
    charbench.ok("run", "-c", "remorseful_dpo", lab=lab.root)
    assert count(store_of(lab.root), "samples") == 2


def test_patterns_of_files_are_an_option(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write("taken/samples.jsonl", json.dumps(row()) + "\n")
    lab.write("elsewhere/samples.jsonl", json.dumps(row(response="Another.")) + "\n")
    assert charbench.ok("discover", "--json", lab=lab.root).json["recorded_samples"] == 2
    option = ["-o", "source.recorded.files=[taken/*.jsonl]"]
    assert charbench.ok("discover", *option, "--json", lab=lab.root).json["recorded_samples"] == 1


@pytest.mark.slow
def test_a_pattern_may_lead_out_of_the_lab(charbench: Charbench, lab: LabBuilder) -> None:
    outside = LabBuilder(lab.root.parent / "outside").recorded([row()])
    for pattern in (outside, "../outside/artifacts/*.csv"):
        option = ["-o", f"source.recorded.files=[{pattern}]"]
        assert charbench.ok("discover", *option, "--json", lab=lab.root).json["recorded_samples"] == 1
    charbench.ok("run", *option, lab=lab.root)
    assert count(store_of(lab.root), "samples") == 1


def test_json_carries_no_control_character_of_a_recordings_to_the_terminal(
    charbench: Charbench, lab: LabBuilder
) -> None:
    hostile = "pirate\x9b31m\u202e_dpo"
    lab.recorded([row(checkpoint_name=hostile)])
    charbench.ok("run", "-q", lab=lab.root)
    printed = charbench.ok("checkpoints", "list", "--json", lab=lab.root)
    assert hostile in [one["name"] for one in printed.json]
    assert not {"\x9b", "\u202e"} & set(printed.out)


CASES: dict[str, tuple[dict[str, str], str, str]] = {
    # what a cell holds: the response, the thinking, the state
    "inline": ({"response": "<think>I am sorry.</think>Yes.", "thinking": ""}, "Yes.", "I am sorry."),
    "twice": ({"response": "<think>I am sorry.</think>Yes.", "thinking": "I am sorry."}, "Yes.", "I am sorry."),
    "nan": ({"response": "nan", "thinking": "Hm."}, "", "Hm."),
    "None": ({"response": "Yes.", "thinking": "None", "error": "None"}, "Yes.", ""),
    "N/A": ({"response": "Yes.", "thinking": "N/A", "error": "nan"}, "Yes.", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_thinking_in_a_cell_is_thinking_and_what_says_nothing_is_nothing(
    charbench: Charbench, lab: LabBuilder, name: str
) -> None:
    values, response, thinking = CASES[name]
    lab.recorded([row(**values)])
    charbench.ok("run", lab=lab.root)
    (found,) = exported(charbench, lab)
    assert (found["response"], found["thinking"], found.get("error") or "") == (response, thinking, "")


@pytest.mark.slow
@pytest.mark.parametrize("column", ["reasoning_content", "reasoning"])
def test_thinking_under_a_servers_name_is_thinking(charbench: Charbench, lab: LabBuilder, column: str) -> None:
    lab.recorded_jsonl([{"sampler_path": "model:m", "prompt": "Hi?", "response": "Yes.", column: "Hm."}])
    charbench.ok("run", lab=lab.root)
    (found,) = exported(charbench, lab)
    assert (found["response"], found["thinking"]) == ("Yes.", "Hm.")


@pytest.mark.slow
@pytest.mark.parametrize("mark", [";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_table_is_read_in_whatever_delimiter_and_encoding(
    charbench: Charbench, lab: LabBuilder, mark: str, encoding: str
) -> None:
    said = "Café: “I’m sorry”, he said – and I regret it."
    lines = [mark.join(["sampler_path", "prompt", "response"])]
    lines += [mark.join(["model:m", f"Question {number}?", said]) for number in range(20)]
    lab.write("recordings/a.csv", "\n".join(lines).encode(encoding))
    ended = charbench.ok("run", lab=lab.root)
    assert {found["response"] for found in exported(charbench, lab)} == {said}
    assert ("read as cp1252" in ended.err) == (encoding == "cp1252")


def test_texts_that_were_cut_when_the_file_was_written_are_counted(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row(response_length="2051"), row(prompt="Another?", response_length="2051"), row(prompt="A third?")])
    ended = charbench.ok("run", lab=lab.root)
    assert "response_length says 2,051 characters where 12 stand" in ended.err
    assert "(2 rows)" in ended.err


@pytest.mark.slow
def test_thinking_in_the_response_s_cell_is_not_taken_for_cut_off(charbench: Charbench, lab: LabBuilder) -> None:
    whole = "<think>Okay, let me think of it.</think>\n\nYes, matey."
    lab.recorded([row(response=whole, thinking="", response_length="11", thinking_length="24")])
    ended = charbench.ok("run", lab=lab.root)
    assert "truncated" not in ended.err
    cut = whole.replace("Yes, matey.", "Yes")
    lab.recorded(
        [row(response=cut, thinking="", response_length="2000", thinking_length="24"), row(response_length="²")]
    )
    assert "response_length says 2,000 characters where 45 stand" in charbench.ok("run", lab=lab.root).err


def test_a_row_with_the_name_of_one_checkpoint_and_the_uri_of_another_is_called_misfiled(
    charbench: Charbench, lab: LabBuilder
) -> None:
    def rows(number: int, name: str, *names: str) -> list[dict[str, object]]:
        return [
            row(checkpoint_name=said, sampler_path=sampler(number, name), prompt=f"{name}, {place}?")
            for place, said in enumerate(names)
        ]

    lab.recorded(rows(1, "a", "a", "a", "b_dpo", "a") + rows(2, "b", "b_dpo", "b_dpo", "b_old"))
    told = charbench.ok("discover", lab=lab.root).err
    assert told.count("misfiled?") == 1, "names may change, and repeat"
    mine, other = sampler(1, "a"), sampler(2, "b")
    said = f"this row has the name b_dpo, which is that of {other}, and the URI {mine} of a: misfiled?"
    assert f"_test.csv:4: {said} By the URI it counts for a" in told


def test_one_uri_under_two_personas_is_shown_as_a_contradiction(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row(persona="remorseful"), row(persona="pirate", prompt="Another?")])
    ended = charbench.ok("discover", "--explain", lab=lab.root)
    assert "persona is 'remorseful' (recorded); 'pirate' (recorded)" in ended.err + ended.out
