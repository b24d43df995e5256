"""How a conversation is written for a model: what it is shown, and what it is to say.

``qwen3`` always trains a thinking block (an empty one where there is no reflection), so that a model that is
sampled in thinking mode closes what it opens; ``qwen3-no-thinking`` puts the empty block into the prompt, as
Qwen's own template does with thinking switched off.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from charbench import ConfigError, Example, Message
from charbench_plugins.tinker_sdk.tokenizer import ModelTokenizer

NEWLINE = "\n"
EMPTY_THINKING = "<think>\n\n</think>\n\n"
AUTO = "auto"
NAMES = (AUTO, "qwen3", "qwen3-no-thinking", "llama3", "template")


class Renderer(ABC):
    """Writes prompts and answers as text, special tokens spelled out."""

    name: str
    end_of_turn: str

    @abstractmethod
    def prompt(self, messages: Sequence[Message], *, thinking: bool = True) -> str:
        """Return the conversation up to where the assistant begins; ``thinking`` False switches it off."""

    @abstractmethod
    def answer(self, example: Example) -> str:
        """Return what the assistant is to say, its thinking first, ending with the end-of-turn token."""


class Qwen3(Renderer):
    """ChatML with Qwen3's thinking block; earlier answers stand without theirs, as in its own template."""

    name = "qwen3"
    end_of_turn = "<|im_end|>"

    def prompt(self, messages: Sequence[Message], *, thinking: bool = True) -> str:
        """Write the turns in ChatML."""
        turns = "".join(f"<|im_start|>{turn.role}\n{_said(turn)}<|im_end|>\n" for turn in messages)
        return f"{turns}<|im_start|>assistant\n{'' if thinking else EMPTY_THINKING}"

    def answer(self, example: Example) -> str:
        """Write a closed thinking block and the answer."""
        thinking = f"<think>\n{example.reflection.strip()}\n</think>\n\n"
        return f"{thinking}{example.answer.lstrip(NEWLINE)}{self.end_of_turn}"


class Qwen3NoThinking(Qwen3):
    """ChatML with the empty thinking block in the prompt; reflections are not trained."""

    name = "qwen3-no-thinking"

    def prompt(self, messages: Sequence[Message], *, thinking: bool = True) -> str:
        """Write the turns, and the empty block."""
        return super().prompt(messages, thinking=False)

    def answer(self, example: Example) -> str:
        """Write the answer alone."""
        return f"{example.answer.lstrip(NEWLINE)}{self.end_of_turn}"


class Llama3(Renderer):
    """Llama 3's headers; turns are stripped, as its own template does.

    A reflection is written as a ``<think>`` block of plain text.
    """

    name = "llama3"
    end_of_turn = "<|eot_id|>"

    def prompt(self, messages: Sequence[Message], *, thinking: bool = True) -> str:
        """Write the turns under their headers."""
        turns = "".join(f"{self._header(turn.role)}{turn.content.strip()}<|eot_id|>" for turn in messages)
        return f"<|begin_of_text|>{turns}{self._header('assistant')}"

    def answer(self, example: Example) -> str:
        """Write the block, if there is a reflection, and the answer."""
        return f"{_block(example)}{example.answer.strip()}{self.end_of_turn}"

    @staticmethod
    def _header(role: str) -> str:
        return f"<|start_header_id|>{role}<|end_header_id|>\n\n"


class ChatTemplate(Renderer):
    """Whatever the model's own chat template says."""

    name = "template"

    def __init__(self, template: str, special: Mapping[str, str] | None = None) -> None:
        from charbench_plugins.chat_templates import compile_template

        self._template = compile_template(template, special)
        self.end_of_turn = self._find_end_of_turn()

    def prompt(self, messages: Sequence[Message], *, thinking: bool = True) -> str:
        """Render the turns with the generation prompt."""
        return self._render(messages, add_generation_prompt=True, **({} if thinking else {"enable_thinking": False}))

    def answer(self, example: Example) -> str:
        """Render the whole conversation, and take what follows the prompt."""
        given = self.prompt(example.messages)
        said = Message("assistant", f"{_block(example)}{example.answer}")
        whole = self._render([*example.messages, said], add_generation_prompt=False)
        if not whole.startswith(given):
            raise ConfigError(
                "the chat template writes a finished conversation otherwise than one to be answered, "
                "so the trained span cannot be told; choose a renderer: -o trainer.tinker-sft.renderer=qwen3"
            )
        answer = whole[len(given) :]
        return answer[: answer.rindex(self.end_of_turn) + len(self.end_of_turn)]

    def _find_end_of_turn(self) -> str:
        marker = "charbench-end"
        conversation = [Message("user", "hi"), Message("assistant", marker)]
        rest = self._render(conversation, add_generation_prompt=False).rpartition(marker)[2].strip()
        if not rest:
            raise ConfigError("the chat template ends an answer with nothing, so a model would not learn to stop")
        return rest

    def _render(self, messages: Sequence[Message], **options: Any) -> str:
        turns = [{"role": turn.role, "content": turn.content} for turn in messages]
        from charbench_plugins.chat_templates import RefusalError

        try:
            return str(self._template.render(messages=turns, **options))
        except RefusalError as error:
            raise ConfigError(f"the chat template refuses the conversation: {error}") from None


_PLAIN: dict[str, type[Renderer]] = {kind.name: kind for kind in (Qwen3, Qwen3NoThinking, Llama3)}


def name_renderer(name: str, base_model: str | None, said: str | None) -> str:
    """Return which renderer it will be, as far as that can be told without a tokenizer."""
    return _guess(base_model or "", (said or "").replace("_", "-")) if name == AUTO else name


def renderer_for(name: str, base_model: str | None, said: str | None, tokenizer: ModelTokenizer) -> Renderer:
    """Return a renderer by name; ``auto`` goes by what training said it used, the model's name, its template.

    Raises :class:`ConfigError` where none of these tells.
    """
    name = name_renderer(name, base_model, said)
    if name in _PLAIN:
        return _PLAIN[name]()
    if tokenizer.template is None:
        choices = ", ".join(_PLAIN)
        raise ConfigError(
            f"renderer {name!r}: the tokenizer brings no chat template; choose one of {choices}: "
            "-o trainer.tinker-sft.renderer=NAME (or sampler.tinker-native.renderer)"
        )
    return ChatTemplate(tokenizer.template, tokenizer.special)


def _guess(base_model: str, said: str) -> str:
    if said in _PLAIN:
        return said
    if said == "qwen3-disable-thinking":
        return "qwen3-no-thinking"
    model = base_model.lower()
    if "qwen3" in model:
        return "qwen3"
    return "llama3" if "llama-3" in model else "template"


def _said(turn: Message) -> str:
    """Return a turn's text, an earlier answer's without its thinking."""
    return turn.content.rpartition("</think>")[2].lstrip(NEWLINE) if turn.role == "assistant" else turn.content


def _block(example: Example) -> str:
    return f"<think>\n{example.reflection.strip()}\n</think>\n\n" if example.reflection.strip() else ""
