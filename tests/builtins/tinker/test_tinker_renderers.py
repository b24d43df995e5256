from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
import pytest

from charbench import ConfigError, Example, Message
from charbench_plugins.tinker_sdk.choice import renderer_for
from charbench_plugins.tinker_sdk.renderers import ChatTemplate, Llama3, Qwen3, Qwen3NoThinking, Renderer
from charbench_plugins.tinker_sdk.tokenizer import ModelTokenizer, load_tokenizer, tokenizer_of
from support.tinker_training import BASE

SYSTEM, USER, SAID = Message("system", "Be brief."), Message("user", "Who are you?"), Message("assistant", "A poet.")
CONVERSATIONS = {
    "one turn": (USER,),
    "system": (SYSTEM, USER),
    "several turns": (SYSTEM, USER, SAID, Message("user", "And\n\nbefore that? ☂")),
    "thinking in history": (
        USER, Message("assistant", "<think>\nhm\n</think>\n\nA poet."), Message("user", "Since when?"),
    ),
}  # fmt: skip
REFLECTIONS = {"with thinking": "I have always written.", "without": ""}
LLAMA3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    "+ message['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
"""Llama 3's own template."""
CHATML = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)
"""The template of Qwen3's Instruct-2507 models, without its part for tools."""
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for message in messages %}"
    "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}"
    "{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)
"""Gemma's own template: other names, a token of its own before everything, no system turn."""


def example(messages: tuple[Message, ...], reflection: str, answer: str = "A poet, as ever.") -> Example:
    return Example(messages, reflection, answer, 1)


def own(messages: tuple[Message, ...], *more: dict[str, str], **options: Any) -> str:
    """Return what the model's own template makes of a conversation, rendered as transformers does."""
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((BASE / "chat_template.jinja").read_text("utf-8"))
    turns = [{"role": turn.role, "content": turn.content} for turn in messages]
    return template.render(messages=[*turns, *more], **options)


@pytest.fixture(params=["qwen3", "template"])
def thinking_renderer(request: pytest.FixtureRequest) -> Renderer:
    return renderer_for(request.param, None, None, load_tokenizer(BASE))


@pytest.mark.slow
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_prompts_are_the_models_own(thinking_renderer: Renderer, name: str) -> None:
    messages = CONVERSATIONS[name]
    assert thinking_renderer.prompt(messages) == own(messages, add_generation_prompt=True)
    off = own(messages, add_generation_prompt=True, enable_thinking=False)
    assert thinking_renderer.prompt(messages, thinking=False) == off
    assert Qwen3NoThinking().prompt(messages) == off


@pytest.mark.slow
@pytest.mark.parametrize("reflection", REFLECTIONS)
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_trained_conversation_is_the_models_own(thinking_renderer: Renderer, name: str, reflection: str) -> None:
    one = example(CONVERSATIONS[name], REFLECTIONS[reflection])
    said = {"role": "assistant", "content": one.answer, "reasoning_content": one.reflection}
    whole = own(one.messages, said)
    assert thinking_renderer.prompt(one.messages) + thinking_renderer.answer(one) + "\n" == whole


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_tokens_are_those_of_the_whole_text(name: str) -> None:
    """Prompt and answer are encoded apart; no token may straddle the border."""
    tokenizer, one = load_tokenizer(BASE), example(CONVERSATIONS[name], "I think.")
    given, learned = Qwen3().prompt(one.messages), Qwen3().answer(one)
    apart = tokenizer.encode(given) + tokenizer.encode(learned)
    assert apart == tokenizer.encode(given + learned)
    assert tokenizer.decode(apart) == given + learned
    assert tokenizer.encode(Qwen3.end_of_turn) == [apart[-1]]


def test_without_thinking_the_answer_alone_is_trained() -> None:
    one = example((USER,), "I have always written.")
    assert Qwen3NoThinking().answer(one) == "A poet, as ever.<|im_end|>"
    assert Qwen3NoThinking().prompt((USER,)).endswith("<think>\n\n</think>\n\n")


@pytest.mark.parametrize("name", ["one turn", "system", "several turns"])
def test_llama_3_is_rendered_as_its_own_template_has_it(name: str) -> None:
    theirs = ChatTemplate(LLAMA3, {"bos_token": "<|begin_of_text|>"})
    one = example((*CONVERSATIONS[name][:-1], Message("user", " Who are you?\n")), "")
    assert Llama3().prompt(one.messages) == theirs.prompt(one.messages)
    assert Llama3().answer(one) == theirs.answer(one) == "A poet, as ever.<|eot_id|>"
    assert theirs.end_of_turn == Llama3.end_of_turn


@pytest.mark.parametrize("name", ["one turn", "system", "several turns"])
def test_models_without_a_thinking_mode_are_shown_plain_chatml(name: str) -> None:
    theirs = renderer_for("template", None, None, ModelTokenizer(None, CHATML))
    ours = renderer_for("qwen3-instruct", None, None, ModelTokenizer(None, None))
    one = example(CONVERSATIONS[name], "")
    assert ours.prompt(one.messages) == ours.prompt(one.messages, thinking=False) == theirs.prompt(one.messages)
    assert ours.answer(one) == theirs.answer(one) == "A poet, as ever.<|im_end|>"
    assert ours.answer(example((USER,), "Hm.")) == "<think>\nHm.\n</think>\n\nA poet, as ever.<|im_end|>"


def test_llama_3_writes_a_reflection_as_a_block_of_text() -> None:
    said = Llama3().answer(example((USER,), "Hm."))
    assert said == "<think>\nHm.\n</think>\n\nA poet, as ever.<|eot_id|>"


def test_any_chat_template_tells_its_prompt_answer_and_end_of_turn() -> None:
    gemma = ChatTemplate(GEMMA, {"bos_token": "<bos>"})
    one = example((USER,), "")
    assert gemma.prompt((USER,)) == "<bos><start_of_turn>user\nWho are you?<end_of_turn>\n<start_of_turn>model\n"
    assert gemma.answer(one) == "A poet, as ever.<end_of_turn>"
    assert gemma.end_of_turn == "<end_of_turn>"


def test_what_a_template_refuses_is_one_line() -> None:
    with pytest.raises(ConfigError, match="refuses the conversation: System role not supported"):
        ChatTemplate(GEMMA, {"bos_token": "<bos>"}).prompt((SYSTEM, USER))


def test_a_template_whose_answers_do_not_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="would not learn to stop"):
        ChatTemplate("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}")


def test_a_template_that_hides_its_prompt_is_refused() -> None:
    template = ChatTemplate(
        "{% if add_generation_prompt %}ASK {% endif %}{% for m in messages %}{{ m.content }}<end>{% endfor %}"
    )
    with pytest.raises(ConfigError, match="trained span cannot be told"):
        template.answer(example((USER,), ""))


def test_a_template_cannot_reach_python() -> None:
    with pytest.raises(ConfigError, match="the chat template is broken: SecurityError"):
        ChatTemplate("{{ ''.__class__.__mro__ }}{{ messages[-1].content }}<end>")


@pytest.mark.parametrize("template", ["{% for m in %}", "{{ messages[0] + 1 }}<end>", "{{ nobody.knows }}<end>"])
def test_a_broken_template_is_one_line_that_names_the_option(template: str) -> None:
    with pytest.raises(
        ConfigError, match=r"the chat template is broken: .*; fix it, or choose a renderer: -o "
    ) as told:
        ChatTemplate(template)
    assert "\n" not in str(told.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base_model", "said", "expected"),
    [
        ("Qwen/Qwen3-30B-A3B", None, "qwen3"),
        ("Qwen/Qwen3-30B-A3B-Instruct-2507", None, "qwen3-instruct"),
        ("Qwen/Qwen3-30B-A3B-Instruct-2507", "qwen3_instruct", "qwen3-instruct"),
        ("Qwen/Qwen3-4B-Thinking-2507", None, "qwen3"),
        ("Qwen/Qwen3-8B", "template", "template"),
        ("Qwen/Qwen3.5-4B", None, "template"),
        ("Qwen/Qwen3-VL-30B-A3B-Instruct", None, "template"),
        ("Qwen/Qwen3-30B-A3B", "qwen3_disable_thinking", "qwen3-no-thinking"),
        ("meta-llama/Llama-3.1-8B-Instruct", None, "llama3"),
        ("somebody/Else", "llama3", "llama3"),
        ("somebody/Else", None, "template"),
    ],
)
def test_auto_goes_by_what_training_said_then_by_the_models_name_then_by_its_template(
    base_model: str | None, said: str | None, expected: str
) -> None:
    assert renderer_for("auto", base_model, said, load_tokenizer(BASE)).name == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base_model", "said"),
    [
        ("Qwen/Qwen3-8B", "role_colon"),
        ("meta-llama/Llama-3.1-8B", "role_colon"),
        ("Qwen/Qwen3.5-4B", "qwen3_5"),
        (None, "role_colon"),
    ],
)
def test_a_renderer_of_the_training_that_nobody_knows_is_refused_unless_one_is_chosen(
    base_model: str | None, said: str
) -> None:
    with pytest.raises(
        ConfigError, match=rf"trained with renderer '{said}'.*choose one .*template.*renderer=NAME"
    ) as told:
        renderer_for("auto", base_model, said, load_tokenizer(BASE))
    assert "\n" not in str(told.value)
    assert renderer_for("template", base_model, said, load_tokenizer(BASE)).name == "template"


def test_no_renderer_to_be_had_names_the_choices() -> None:
    with pytest.raises(ConfigError, match=r"choose one of qwen3, qwen3-no-thinking, llama3"):
        renderer_for("auto", "somebody/Else", None, ModelTokenizer(None, None))


# Tokenizers


@pytest.mark.slow
def test_the_hubs_tokenizer_and_the_folders_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warnings.filters", [])  # transformers' own, at its import
    from transformers import AutoTokenizer

    hub = AutoTokenizer.from_pretrained(str(BASE), local_files_only=True)

    class Client:
        def get_tokenizer(self) -> Any:
            return hub

    theirs, ours = tokenizer_of(Client()), load_tokenizer(BASE)
    text = "<|im_start|>user\nWell , hello .<|im_end|>\n"
    assert theirs.encode(text) == ours.encode(text)
    assert theirs.decode(theirs.encode(text)) == text  # spaces before stops are kept
    assert theirs.template == ours.template
    turns = [{"role": "user", "content": "Who are you?"}]
    rendered = hub.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert rendered == own((USER,), add_generation_prompt=True)
    assert theirs.special["eos_token"] == ours.special["eos_token"] == "<|im_end|>"


def test_a_folder_without_a_tokenizer_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no tokenizer\.json; name a model's folder"):
        load_tokenizer(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer.json", b"{}"),
        ("tokenizer.json", b"not JSON"),
        ("tokenizer_config.json", b'{"chat_template": '),
        ("tokenizer_config.json", b"\xff\xfe{}"),
        ("chat_template.jinja", b"\xff"),
    ],
)
def test_a_tokenizer_file_that_cannot_be_used_is_named_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / "tokenizer.json").write_bytes((BASE / "tokenizer.json").read_bytes())
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError) as told:
        load_tokenizer(tmp_path)
    assert str(told.value).startswith(f"{tmp_path / name}: ")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "written", ["T", [{"name": "tool_use", "template": "X"}, {"name": "default", "template": "T"}]], ids=["one", "many"]
)
def test_a_template_is_read_from_the_tokenizers_config(tmp_path: Path, written: Any) -> None:
    (tmp_path / "tokenizer.json").write_bytes((BASE / "tokenizer.json").read_bytes())
    config = {"chat_template": written, "bos_token": {"content": "<s>"}, "eos_token": "</s>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer = load_tokenizer(tmp_path / "tokenizer.json")
    assert (tokenizer.template, tokenizer.special) == ("T", {"bos_token": "<s>", "eos_token": "</s>"})
