"""Option ``template`` renders models' own chat templates as their makers do, and a bad one is told before the work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from charbench_plugins.tiny.chat import ChatFormat
from charbench_plugins.tiny.model import BASE_DIRECTORY
from support.command import Charbench, Ended
from support.endpoint import Endpoint, options, serving, write_prompts
from support.store import query, store_of


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving(Endpoint()) as endpoint:
        yield endpoint


def evaluate(
    charbench: Charbench, folder: Path, endpoint: Endpoint, template: str, prompts: str = "prompts.txt"
) -> Ended:
    (folder / "template.jinja").write_text(template, encoding="utf-8")
    write_prompts(folder / "prompts.txt", 2)
    words = ["eval", "-c", "model:m", "-p", "pirate", "--scorer", "keyword", "--prompts", prompts, "--json"]
    return charbench(*words, *options(endpoint, api="completions", template="template.jinja"), lab=folder)


def test_a_models_own_template_gives_the_prompt_that_the_model_was_trained_on(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint
) -> None:
    template = (BASE_DIRECTORY / "chat_template.jinja").read_text("utf-8")
    assert evaluate(charbench, tmp_path, endpoint, template).code == 0
    messages = [{"role": "user", "content": "What of day 0?"}]
    expected = ChatFormat.load().render(messages, add_generation_prompt=True, enable_thinking=True)
    assert expected in {body["prompt"] for body in endpoint.requests}


def test_white_space_around_blocks_loop_controls_and_json_are_as_in_transformers(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint
) -> None:
    template = """
    {% for message in messages %}
    {% if message.role == 'system' %}{% continue %}{% endif %}
[{{ message.role }}] {{ message.content | tojson }}
    {% endfor %}
{% if add_generation_prompt %}
[assistant]
{% endif %}
"""
    (tmp_path / "prompts.yaml").write_text(
        '- messages: [{role: system, content: Rum}, {role: user, content: "é < 5"}]\n', encoding="utf-8"
    )
    assert evaluate(charbench, tmp_path, endpoint, template, "prompts.yaml").code == 0
    assert endpoint.requests[0]["prompt"] == '\n[user] "é < 5"\n[assistant]\n'


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for message in messages %}", "not a Jinja2 template"),
        ("{{ raise_exception('no conversations today') }}", "no conversations today"),
        ("{{ messages[0].content.nothing.at.all }}", "cannot write this conversation"),
        ("{{ messages[0].content + 1 }}", "cannot write this conversation"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ prompt }}", "the user's message is missing from what it renders"),
    ],
)
def test_a_template_that_cannot_be_used_is_one_line_before_anything_is_asked(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint, template: str, said: str
) -> None:
    ended = evaluate(charbench, tmp_path, endpoint, template)
    assert (ended.code, endpoint.count) == (2, 0)
    assert "option sampler.thinking.template: " in ended.err
    assert said in " ".join(ended.err.split())
    assert "Traceback" not in ended.err


@pytest.mark.slow
def test_a_conversation_that_a_template_refuses_is_a_failed_sample_with_its_reason(
    charbench: Charbench, tmp_path: Path, endpoint: Endpoint
) -> None:
    template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        "{{ messages[-1].content }}"
    )
    (tmp_path / "prompts.yaml").write_text(
        "- Who are you?\n- messages: [{role: system, content: Rum}, {role: user, content: Who?}]\n"
    )
    ended = evaluate(charbench, tmp_path, endpoint, template, "prompts.yaml")
    assert (ended.code, endpoint.count) == (1, 1)
    failed = query(store_of(tmp_path), "SELECT error_kind, error FROM samples WHERE error_kind IS NOT NULL")
    assert [tuple(row) for row in failed] == [
        (
            "template",
            "the chat template template.jinja cannot write this conversation: System role not supported",
        )
    ]
