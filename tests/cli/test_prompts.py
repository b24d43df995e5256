"""Files of prompts are read in the form that their name says; one prompt is asked once, to look at the answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import Charbench, Ended
from support.endpoint import Endpoint, options, serving


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving(Endpoint()) as endpoint:
        yield endpoint


def ask(charbench: Charbench, folder: Path, endpoint: Endpoint, name: str, text: str) -> Ended:
    (folder / name).write_text(text, encoding="utf-8")
    words = ["sample", "-c", "model:m", "--prompts", name]
    return charbench(*words, *options(endpoint), lab=folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "asked"),
    [
        ("p.json", '["Who goes?", {"text": "Where?"}]', {"Who goes?", "Where?"}),
        ("p.json", '{\n  "messages": [{"role": "user", "content": "Who goes?"}]\n}', {"Who goes?"}),
        ("P.JSON", '[\n  "Who goes?"\n]', {"Who goes?"}),
        ("p.jsonl", '{"text": "Who goes?"}\n\n"Where?"\n', {"Who goes?", "Where?"}),
        ("p.txt", "Who goes?\n\n  Where?\n", {"Who goes?", "Where?"}),
        ("p", "Who goes?\n", {"Who goes?"}),
        ("p.yml", "- Who goes?\n", {"Who goes?"}),
    ],
)
def test_prompts_are_read_in_the_form_that_the_files_name_says(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint, name: str, text: str, asked: set[str]
) -> None:
    ended = ask(charbench, tmp_path, endpoint, name, text)
    assert ended.code == 0, ended.err
    assert {body["messages"][-1]["content"] for body in endpoint.requests} == asked


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.jsonl", '{"messages": [{"role": "user"}]}', "messages.0.content: Field required"),
        (
            "p.jsonl",
            '{"messages": [{"role": "user", "content": "  "}]}',
            "messages.0.content: String should have",
        ),
        ("p.yaml", "- ''\n", "the prompt is empty"),
        ("p.json", '{"messages": [', "p.json: not JSON"),
        ("p.json", "42", "a list of prompts is needed"),
        ("p.csv", "prompt\nWho goes?\n", ".csv is not a format of prompts; .yaml, .json, .jsonl and .txt are"),
    ],
)
def test_a_file_that_holds_no_prompts_is_refused_in_one_line(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint, name: str, text: str, said: str
) -> None:
    ended = ask(charbench, tmp_path, endpoint, name, text)
    assert (ended.code, endpoint.count) == (2, 0)
    (line,) = ended.err.strip().splitlines()
    assert said in line


def look(charbench: Charbench, folder: Path, endpoint: Endpoint, *more: str) -> Ended:
    (folder / "charbench.yaml").write_text("epochs: 8\n")
    return charbench.ok("sample", "-c", "model:m", "--prompt", "Who goes?", *more, *options(endpoint), lab=folder)


def test_a_prompt_to_look_at_is_asked_once_whatever_the_lab_says(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint
) -> None:
    shown = look(charbench, tmp_path, endpoint)
    assert endpoint.count == 1
    assert shown.out.startswith("model:m (closed, stop")


def test_several_answers_to_look_at_are_numbered(charbench: Charbench, tmp_path: Path, endpoint: Endpoint) -> None:
    shown = look(charbench, tmp_path, endpoint, "--epochs", "3")
    assert endpoint.count == 3
    heads = [line for line in shown.out.splitlines() if line.startswith("model:m")]
    assert [head.partition(": c")[0] for head in heads] == [f"model:m (answer {n} of 3" for n in (1, 2, 3)]
    assert [one["epoch"] for one in look(charbench, tmp_path, endpoint, "--epochs", "3", "--json").json] == [0, 1, 2]
