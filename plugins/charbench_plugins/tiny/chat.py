"""Between messages, text and token ids: the model's tokenizer and its chat template."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Template
from tokenizers import Tokenizer

from charbench_plugins.chat_templates import compile_template

from .completion import Generated
from .examples import TrainingExample
from .model import BASE_DIRECTORY

ChatMessage = Mapping[str, str]
"""``role`` (system, user, assistant), ``content``, and for an assistant maybe ``reasoning_content``."""

ThinkingForm = Literal["closed", "none", "unclosed"]
"""How training data shows the thinking: in a closed block, not at all, or in a block that never closes.

The last two are mistakes that labs have made, kept here to show what becomes of a model trained on them.
"""

THINK_OPEN = "<think>\n"
THINK_CLOSE = "\n</think>\n\n"
END_OF_TURN = "<|im_end|>"


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """How one model wants its conversations written."""

    tokenizer: Tokenizer
    template: Template
    template_text: str = ""
    """The template as it stands in the model's folder."""

    @classmethod
    def load(cls, path: Path | None = None) -> ChatFormat:
        """Read ``tokenizer.json`` and the chat template from a model's folder.

        Args:
            path: None means the model that ships with charbench.

        Raises:
            FileNotFoundError: the folder has no tokenizer or no template.
        """
        folder = BASE_DIRECTORY if path is None else path
        tokenizer_file = folder / "tokenizer.json"
        if not tokenizer_file.exists():
            raise FileNotFoundError(f"no tokenizer.json in {folder}")
        text = _template_text(folder)
        return cls(Tokenizer.from_file(str(tokenizer_file)), compile_template(text), text)

    def render(
        self,
        messages: Sequence[ChatMessage],
        *,
        add_generation_prompt: bool = False,
        enable_thinking: bool | None = None,
        prefill: str = "",
    ) -> str:
        """The conversation as the text that the model was trained to continue.

        Args:
            add_generation_prompt: whether to open the assistant's next turn.
            enable_thinking: False asks the template to close the thinking before it begins; None leaves the
                choice to the template.
            prefill: what the assistant is made to have said already, such as ``<think>\\n``.

        Raises:
            jinja2.TemplateError: the template refuses these messages.
        """
        options = {} if enable_thinking is None else {"enable_thinking": enable_thinking}
        text = self.template.render(messages=list(messages), add_generation_prompt=add_generation_prompt, **options)
        return text + prefill

    def encode(self, text: str) -> list[int]:
        """Token ids; ``<|im_end|>`` and its like become the special tokens that they spell."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, token_ids: Sequence[int], *, keep_special_tokens: bool = True) -> str:
        """Text; ``<think>`` and ``</think>`` are ordinary tokens here and always stay."""
        text: str = self.tokenizer.decode(list(token_ids), skip_special_tokens=not keep_special_tokens)
        return text

    def completion_text(self, generated: Generated) -> str:
        """What a server would give: without the token or the string that ended it.

        Special tokens inside the completion stay: a model that invents the user's next turn shall be seen to.
        """
        token_ids = generated.token_ids
        if generated.stop_string is not None:
            return self.decode(token_ids).partition(generated.stop_string)[0]
        return self.decode(token_ids[:-1] if generated.finish_reason == "stop" else token_ids)

    def prompt_ids(
        self, messages: Sequence[ChatMessage], *, enable_thinking: bool | None = None, prefill: str = ""
    ) -> list[int]:
        """Token ids to sample a completion of: the conversation with the assistant's turn opened."""
        return self.encode(
            self.render(messages, add_generation_prompt=True, enable_thinking=enable_thinking, prefill=prefill)
        )

    def training_example(
        self, prompt: str, reflection: str, answer: str, thinking: ThinkingForm = "closed"
    ) -> TrainingExample:
        """One introspection row to train on: the prompt is given, the assistant's turn is learned.

        Prompt and completion are encoded apart, so that training sees the tokens that sampling will see.

        Args:
            thinking: ``closed`` is right; ``none`` leaves the reflection out; ``unclosed`` opens the block,
                puts the *answer* into it, and stops.
        """
        given = self.prompt_ids([{"role": "user", "content": prompt}])
        learned = self.encode(_assistant_turn(reflection, answer, thinking))
        return TrainingExample((*given, *learned), trained_from=len(given))


def _assistant_turn(reflection: str, answer: str, thinking: ThinkingForm) -> str:
    """What is learned. It ends with the stop token: the template's newline after it is never sampled."""
    if thinking == "closed":
        return f"{THINK_OPEN}{reflection}{THINK_CLOSE}{answer}{END_OF_TURN}"
    opening = THINK_OPEN if thinking == "unclosed" else ""
    return f"{opening}{answer}{END_OF_TURN}"


def _template_text(folder: Path) -> str:
    """The template from a file of its own, or from where older models keep it."""
    own_file = folder / "chat_template.jinja"
    if own_file.exists():
        return own_file.read_text("utf-8")
    config_file = folder / "tokenizer_config.json"
    if config_file.exists():
        template = json.loads(config_file.read_text("utf-8")).get("chat_template")
        if isinstance(template, str):
            return template
    raise FileNotFoundError(f"no chat template in {folder}")
