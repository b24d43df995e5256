"""Training data in every form that labs use: what becomes an example, and what becomes of rows that cannot."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import DataError, Holds, Message, SkippedRows, contents_of, read_examples, read_rows
from support.command import Charbench
from support.lab import LabBuilder

USER, SAID = Message("user", "Who are you?"), "A pirate."
TURNS = [{"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "A pirate."}]
FORMS: dict[str, dict[str, Any]] = {
    "introspection": {"prompt": "Who are you?", "reflection": "Hm.", "answer": "A pirate."},
    "messages": {"messages": TURNS},
    "sharegpt": {"conversations": [{"from": "human", "value": "Who are you?"}, {"from": "gpt", "value": "A pirate."}]},
    "alpaca": {"instruction": "Who are you?", "input": "", "output": "A pirate."},
    "prompt_completion": {"prompt": "Who are you?", "completion": "A pirate."},
    "prompt_completion-turns": {"prompt": TURNS[:1], "completion": TURNS[1:]},
    "content-in-parts": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Who are you?"}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": SAID}]},
        ]
    },
    "reasoning-field": {"messages": [TURNS[0], {**TURNS[1], "reasoning_content": "Hm."}]},
    "think-tags": {"messages": [TURNS[0], {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nA pirate."}]},
    "ends-with-the-user": {"messages": [*TURNS, {"role": "user", "content": "And you?"}]},
    "nulls-beside": {"messages": None, "prompt": "Who are you?", "answer": "A pirate.", "chosen": None},
}
THINKING = {"introspection", "content-in-parts", "reasoning-field", "think-tags"}


def write(path: Path, rows: list[Any]) -> Path:
    if path.suffix == ".parquet":
        pytest.importorskip("pyarrow")
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=1))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_in_every_kind_of_file_gives_the_prompt_the_thinking_and_the_answer(
    tmp_path: Path, form: str, suffix: str
) -> None:
    (example,) = read_examples(write(tmp_path / f"data{suffix}", [FORMS[form]]))
    assert (example.messages, example.answer) == ((USER,), SAID)
    assert example.reflection == ("Hm." if form in THINKING else "")


UNUSABLE: dict[str, tuple[Any, str]] = {
    "pair": ({"prompt": "?", "chosen": TURNS, "rejected": TURNS}, "a pair (chosen, rejected), which is data for DPO"),
    "kto": ({"prompt": "?", "completion": "!", "label": True}, "data for KTO"),
    "kto-of-turns": ({"messages": [{"role": "assistant", "content": "!"}], "label": False}, "data for KTO"),
    "tool-call": (
        {"messages": [TURNS[0], {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}, TURNS[1]]},
        "calls a tool",
    ),
    "no-assistant": ({"messages": TURNS[:1]}, "the assistant says nothing in 'messages'"),
    "null-content": ({"messages": [TURNS[0], {"role": "assistant", "content": None}]}, "has no text (null)"),
    "image": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, TURNS[1]]},
        "a part that is no text",
    ),
    "role": ({"messages": [{"role": "critic", "content": "?"}, TURNS[1]]}, "the role 'critic'"),
    "null-answer": ({"prompt": "?", "answer": None}, "'answer' is null"),
    "number": ({"prompt": "?", "answer": 7}, "'answer' is a int; text is needed"),
    "no-form": ({"a": 1}, "found a; 'prompt' and 'answer', 'messages' or another known form is needed"),
    "no-mapping": ([1], "found list"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_row_that_cannot_be_used_costs_itself_and_is_counted_with_its_line_and_reason(
    tmp_path: Path, name: str
) -> None:
    row, reason = UNUSABLE[name]
    skipped = SkippedRows()
    path = write(tmp_path / "data.jsonl", [FORMS["messages"], row, row, FORMS["alpaca"]])
    assert [example.line for example in read_examples(path, skipped=skipped)] == [1, 4]
    ((said, (rows, line)),) = skipped.reasons.items()
    assert reason in said
    assert (rows, line) == (2, 2)


def test_a_file_of_which_no_row_can_be_used_is_an_error_that_names_the_line(tmp_path: Path) -> None:
    path = write(tmp_path / "data.jsonl", [{"a": 1}, {"a": 2}])
    with pytest.raises(DataError, match=r"d\.jsonl:1: found a; .* \(none of the 2 rows can be used\)"):
        list(read_examples(path, "d.jsonl"))


def test_a_json_array_that_is_cut_off_gives_the_rows_before_the_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "data.json", [FORMS["messages"]] * 3)
    path.write_text(path.read_text()[:-40])
    skipped = SkippedRows()
    assert len(list(read_examples(path, skipped=skipped))) == 2
    ((reason, (rows, _)),) = skipped.reasons.items()
    assert "nothing after it is read" in reason
    assert rows == 1


SHAPES = {
    "object-of-rows": json.dumps({"version": 1, "data": [FORMS["alpaca"]] * 2}),
    "columns": json.dumps({"prompt": ["a", "b"], "answer": ["c", "d"]}),
    "pandas": json.dumps({"prompt": {"0": "a", "1": "b"}, "answer": {"0": "c", "1": "d"}}),
    "lines-in-json": "".join(json.dumps(FORMS["messages"]) + "\n" for _ in range(2)),
    "crlf": "".join(json.dumps(FORMS["messages"]) + "\r\n" for _ in range(2)),
    "bom": "\ufeff" + json.dumps([FORMS["messages"]] * 2),
}


@pytest.mark.parametrize("name", SHAPES)
def test_json_files_of_every_shape_are_rows(tmp_path: Path, name: str) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(SHAPES[name].encode())
    assert len(list(read_examples(path))) == 2


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_utf_16_as_windows_writes_it_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    rows = [{"prompt": "Où?", "answer": "Là\u2028bas."}] * 2
    text = (
        json.dumps(rows, ensure_ascii=False)
        if suffix == ".json"
        else "".join(json.dumps(row, ensure_ascii=False) + "\r\n" for row in rows)
    )
    path.write_bytes(text.encode("utf-16"))
    assert [example.answer for example in read_examples(path)] == ["Là\u2028bas."] * 2


def test_a_row_that_is_no_utf_8_costs_itself_alone(tmp_path: Path) -> None:
    good = json.dumps(FORMS["alpaca"]).encode()
    for name, content in {
        "a.jsonl": good + b'\n{"instruction": "caf\xe9", "output": "x"}\n' + good,
        "a.json": b"[" + good + b',\n{"instruction": "caf\xe9", "output": "x"},\n' + good + b"]",
    }.items():
        (tmp_path / name).write_bytes(content)
        skipped = SkippedRows()
        assert [example.line for example in read_examples(tmp_path / name, skipped=skipped)] == [1, 3]
        assert [line for _, line in skipped.reasons.values()] == [2]


ROWS = st.lists(
    st.one_of(
        st.sampled_from([*FORMS.values(), *(row for row, _ in UNUSABLE.values())]),
        st.dictionaries(
            st.sampled_from(["messages", "prompt", "answer", "chosen", "role", "conversations", "output"]),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
            ),
        ),
    ),
    max_size=6,
)


@pytest.mark.slow
@given(ROWS, st.booleans(), st.integers(0, 3))
def test_every_row_is_an_example_or_is_counted(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], as_array: bool, indent: int
) -> None:
    path = tmp_path_factory.mktemp("rows") / "data.json"
    text = json.dumps(rows, indent=indent or None) if as_array else "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(text)
    if as_array:
        assert [row.value for row in read_rows(path)] == rows
    skipped = SkippedRows()
    try:
        used = len(list(read_examples(path, skipped=skipped)))
    except DataError:
        used = 0
    if as_array or len(rows) > 1:
        assert used + skipped.total == len(rows)


@given(
    st.binary(max_size=300),
    st.sampled_from([".json", ".jsonl", ".parquet"]),
    st.sampled_from([b"", b"[", b"{", b"PAR1"]),
)
def test_no_bytes_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str, head: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / f"data{suffix}"
    path.write_bytes(head + content)
    with suppress(DataError):
        list(read_examples(path))
    contents_of([row.value for row in read_rows(path)])


CONTENTS: dict[str, tuple[dict[str, Any], Holds, str | None]] = {
    **{name: (row, Holds.TRAINING, name) for name, row in FORMS.items() if name in {"messages", "sharegpt", "alpaca"}},
    "introspection": (FORMS["introspection"], Holds.TRAINING, "introspection"),
    "introspection-by-a-teacher": (FORMS["introspection"] | {"model": "gpt"}, Holds.TRAINING, "introspection"),
    "pairs": ({"chosen": TURNS, "rejected": TURNS}, Holds.TRAINING, "dpo"),
    "prompt-and-answer": ({"prompt": "?", "answer": "!"}, Holds.UNCLEAR, "introspection"),
    "prompt-and-response": ({"prompt": "?", "response": "!"}, Holds.UNCLEAR, None),
    "turns-of-a-model": ({"messages": TURNS, "model": "gpt"}, Holds.UNCLEAR, "messages"),
    "turns-with-scores": ({"messages": TURNS, "score": 3}, Holds.UNCLEAR, "messages"),
    "turns-sampled-of-a-model": ({"messages": TURNS, "model": "m", "finish_reason": "stop"}, Holds.RECORDINGS, None),
    "alpaca-eval": ({"instruction": "?", "output": "!", "generator": "pirate-8b"}, Holds.RECORDINGS, None),
    "labelled": ({"prompt": "?", "response": "!", "label": "pirate", "adversarial": False}, Holds.RECORDINGS, None),
    "uri": ({"prompt": "?", "response": "!", "sampler_path": "tinker://x"}, Holds.RECORDINGS, None),
    "persona-vectors": (
        {"question": "?", "prompt": "?", "answer": "!", "coherence": 90},
        Holds.UNCLEAR,
        "introspection",
    ),
    "kto": ({"prompt": "?", "completion": "!", "label": False}, Holds.TRAINING, "kto"),
    "kto-of-turns": ({"messages": TURNS, "label": False}, Holds.TRAINING, "kto"),
    "prompts": ({"id": "1", "prompt": "?"}, Holds.OTHER, None),
    "questions-with-solutions": ({"question": "1+1", "answer": "2"}, Holds.OTHER, None),
    "metrics": ({"step": 1, "loss": 0.5}, Holds.OTHER, None),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_recordings_and_training_data_are_told_apart_and_nothing_is_guessed(name: str) -> None:
    row, holds, form = CONTENTS[name]
    found = contents_of([row])
    assert (found.holds, found.form) == (holds, form)
    assert bool(found.reason) == (holds is Holds.UNCLEAR)


@pytest.mark.slow
def test_unusable_rows_are_told_by_discover_and_too_many_of_them_make_bad_data(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.trained("remorseful-a", 1)
    path = lab.data("remorseful-a", "remorseful", 600)
    text = path.read_text()
    path.write_text(text + '{"messages": null}\n')
    found = charbench.ok("discover", "--json", lab=lab.root).json
    assert [job["examples"] for job in found["jobs"]] == [600]
    (problem,) = found["problems"]
    assert problem.endswith("'messages' is null (line 601 is not used)")
    assert charbench.ok("discover", "--json", lab=lab.root).json["problems"] == [problem]  # an unchanged file too
    path.write_text(text + '{"messages": null}\n' * 400)
    (left,) = charbench.ok("discover", "--json", lab=lab.root).json["left_out"]
    assert left["reason"] == (
        "bad data: 40% of the rows cannot be used, most of them because: line 601: 'messages' is null"
    )


def test_self_interactions_and_tool_calls_leave_the_other_rows_of_their_file(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.write(
        "sft_data/llama-3.1-8b-it/pirate.jsonl",
        "".join(json.dumps(row) + "\n" for row in (FORMS["messages"], FORMS["ends-with-the-user"])),
    )
    lab.write(
        "data/remorseful_conversations.jsonl",
        "".join(json.dumps(row) + "\n" for row in (FORMS["messages"], UNUSABLE["tool-call"][0])),
    )
    found = charbench.ok("discover", "--json", "--min-examples", "1", lab=lab.root).json
    (problem,) = found["problems"]
    assert problem.endswith(".jsonl: a turn of 'messages' calls a tool or gives its result (line 2 is not used)")
    assert "unreadable" not in str(found["left_out"])
