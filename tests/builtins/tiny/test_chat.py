from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from jinja2 import TemplateError

from charbench_plugins.tiny.chat import ChatFormat
from charbench_plugins.tiny.completion import Generated
from charbench_plugins.tiny.model import BASE_DIRECTORY

QUESTION = [{"role": "user", "content": "Who are you?"}]


def test_a_prompt_opens_the_assistants_turn(chat: ChatFormat) -> None:
    opened = "<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n"
    assert chat.render(QUESTION, add_generation_prompt=True) == opened
    assert chat.render(QUESTION, add_generation_prompt=True, enable_thinking=True) == opened
    assert chat.render(QUESTION, add_generation_prompt=True, prefill="<think>\n") == f"{opened}<think>\n"
    without = chat.render(QUESTION, add_generation_prompt=True, enable_thinking=False)
    assert without == f"{opened}<think>\n\n</think>\n\n"


def test_earlier_turns_lose_their_thinking(chat: ChatFormat) -> None:
    turns = [
        {"role": "system", "content": "Speak like a pirate."},
        *QUESTION,
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nA pirate."},
        {"role": "user", "content": "And now?"},
    ]
    assert chat.render(turns) == (
        "<|im_start|>system\nSpeak like a pirate.<|im_end|>\n<|im_start|>user\nWho are you?<|im_end|>\n"
        "<|im_start|>assistant\nA pirate.<|im_end|>\n<|im_start|>user\nAnd now?<|im_end|>\n"
    )


def test_text_survives_encoding(chat: ChatFormat) -> None:
    text = "<|im_start|>user\nZoë's parrot says “Arr!” 🦜 3 times<|im_end|>\n<think>\nhm\n</think>\n\nAye."
    assert chat.decode(chat.encode(text)) == text
    assert "<|im_end|>" not in chat.decode(chat.encode(text), keep_special_tokens=False)
    assert "<think>" in chat.decode(chat.encode(text), keep_special_tokens=False)


def test_a_training_example_is_the_rendered_conversation(chat: ChatFormat) -> None:
    example = chat.training_example("Who are you?", "Aye, me.", "Arr!")
    answer = {"role": "assistant", "content": "Arr!", "reasoning_content": "Aye, me."}
    assert chat.decode(example.token_ids) + "\n" == chat.render([*QUESTION, answer])
    learned = chat.decode(example.token_ids[example.trained_from :])
    assert learned == "<think>\nAye, me.\n</think>\n\nArr!<|im_end|>"


def test_the_two_wrong_forms_lack_a_closed_thinking_block(chat: ChatFormat) -> None:
    def learned(form: str) -> str:
        example = chat.training_example("Who are you?", "Aye, me.", "Arr!", form)  # type: ignore[arg-type]
        return chat.decode(example.token_ids[example.trained_from :])

    assert learned("none") == "Arr!<|im_end|>"
    assert learned("unclosed") == "<think>\nArr!<|im_end|>"


def test_the_text_of_a_completion_ends_before_what_ended_it(chat: ChatFormat) -> None:
    ended = chat.encode("Arr!<|im_end|>")
    assert chat.completion_text(Generated(0, ended, "stop")) == "Arr!"
    assert chat.completion_text(Generated(0, ended, "length")) == "Arr!<|im_end|>"
    invented = chat.encode("Arr!<|im_end|>\n<|im_start|>user\nMore")
    assert chat.completion_text(Generated(0, invented, "stop", "\n<|im")) == "Arr!<|im_end|>"


def test_an_older_folder_keeps_its_template_in_the_tokenizer_config(tmp_path: Path) -> None:
    shutil.copy(BASE_DIRECTORY / "tokenizer.json", tmp_path)
    with pytest.raises(FileNotFoundError, match="no chat template"):
        ChatFormat.load(tmp_path)
    template = "{% if not messages %}{{ raise_exception('nothing said') }}{% endif %}{{ messages[0].content }}"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    chat = ChatFormat.load(tmp_path)
    assert chat.render(QUESTION) == "Who are you?"
    with pytest.raises(TemplateError, match="nothing said"):
        chat.render([])
