"""tinker-cookbook's own renderers, in an environment of their own that ``PEER_COOKBOOK_PYTHON`` names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from charbench import Example, Message
from charbench_plugins.tinker_sdk.choice import RendererChoice, renderer_for
from charbench_plugins.tinker_sdk.cookbook import Cookbook
from charbench_plugins.tinker_sdk.renderers import Renderer
from charbench_plugins.tinker_sdk.tokenizer import ModelTokenizer, load_tokenizer
from support.local_models import write_tokenizer
from support.tinker_training import BASE

pytestmark = pytest.mark.peer

if not (PYTHON := os.environ.get("PEER_COOKBOOK_PYTHON")):
    pytest.skip("PEER_COOKBOOK_PYTHON names no Python with tinker-cookbook", allow_module_level=True)
USER = Message("user", "Who are you?")
TALK = (
    Message("system", "Be brief."), USER, Message("assistant", "<think>\nhm\n</think>\n\nA poet."),
    Message("user", "Since when?"),
)  # fmt: skip
EXAMPLES = (
    Example((USER,), "I have always written.", "A poet, as ever.", 1),
    Example((USER,), "", "A poet, as ever.", 2),
    Example(TALK, "I have always written.", "Since\n\nthe war. ☂", 3),
)
HARMONY = ("<|start|>", "<|end|>", "<|return|>", "<|call|>", "<|channel|>", "<|message|>")


def cookbook(name: str, tokenizer: ModelTokenizer) -> Renderer:
    return RendererChoice(name, cookbook=Cookbook(PYTHON)).renderer("tiny/Qwen3-nano", None, tokenizer)


@pytest.fixture(scope="module")
def tokenizer() -> ModelTokenizer:
    return load_tokenizer(BASE)


def test_charbenchs_qwen3_gives_the_cookbooks_tokens(tokenizer: ModelTokenizer) -> None:
    process = Cookbook(PYTHON).renderer("qwen3", "tiny/Qwen3-nano", tokenizer)
    ours = renderer_for("qwen3", None, None, tokenizer)
    for example in EXAMPLES:
        assert ours.example_tokens(example, tokenizer) == process.example_tokens(example, tokenizer)
        for thinking in (True, False):
            asked = {"thinking": thinking, "then": "Well"}
            theirs = process.prompt_tokens(example.messages, tokenizer, **asked)
            assert ours.prompt_tokens(example.messages, tokenizer, **asked) == theirs


@pytest.mark.parametrize(
    ("name", "given", "learned"),
    [
        (
            "qwen3_5",
            "<|im_start|>assistant\n<think>\n",
            "I have always written.\n</think>\n\nA poet, as ever.<|im_end|>",
        ),
        (
            "kimi_k2",
            "<|im_assistant|>assistant<|im_middle|>",
            "<think>I have always written.</think>A poet, as ever.<|im_end|>",
        ),
        ("role_colon", "\n\nAssistant:", " <think>\nI have always written.\n</think>\n\nA poet, as ever.\n\nUser:"),
    ],
)
def test_renderers_that_charbench_does_not_have_tell_prompt_trained_span_and_end(
    tokenizer: ModelTokenizer, name: str, given: str, learned: str
) -> None:
    renderer = cookbook(name, tokenizer)
    assert renderer.prompt((USER,)).endswith(given)
    assert renderer.answer(EXAMPLES[0]) == learned
    assert renderer.version.startswith("tinker-cookbook 0.")
    assert learned.endswith(renderer.end_of_turn)
    for example in EXAMPLES:
        shown, said = renderer.example_tokens(example, tokenizer)
        assert renderer.check(tokenizer.decode(shown), tokenizer.decode(said), example)
        assert shown == renderer.prompt_tokens(example.messages, tokenizer), "trained as it will be asked"


def test_gpt_oss_thinks_in_a_channel_of_its_own(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, special=HARMONY)
    tokenizer = load_tokenizer(tmp_path)
    renderer = cookbook("gpt_oss_medium_reasoning", tokenizer)
    assert renderer.answer(EXAMPLES[0]) == (
        "<|channel|>analysis<|message|>I have always written.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>A poet, as ever.<|return|>"
    )
    said = renderer.check(renderer.prompt((USER,)), renderer.answer(EXAMPLES[0]), EXAMPLES[0])
    assert "with its thinking in a channel of its own" in said
