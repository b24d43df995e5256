"""How a conversation is written for a model: what it is shown, and what it is to say.

``qwen3`` always trains a thinking block (an empty one where there is no reflection), so that a model that is
sampled in thinking mode closes what it opens; ``qwen3-no-thinking`` puts the empty block into the prompt, as
Qwen's own template does with thinking switched off; ``qwen3-instruct`` is for the models that have no thinking
mode, whose template writes no block at all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from charbench import ConfigError, Example, Message, check_rendered

if TYPE_CHECKING:
    from charbench_plugins.template_process import TemplateLimits
    from charbench_plugins.tinker_sdk.tokenizer import ModelTokenizer

T = TypeVar("T")

NEWLINE = "\n"
EMPTY_THINKING = "<think>\n\n</think>\n\n"
CHOOSE = "-o trainer.tinker-sft.renderer=NAME (or sampler.tinker-native.renderer)"
"""How a renderer is chosen, in words."""


class Renderer(ABC):
    """Writes prompts and answers as text, special tokens spelled out."""

    name: str
    version: str = ""
    """Whose it is and of which version, where it is not charbench's own: ``tinker-cookbook 0.5.8``."""
    end_of_turn: str

    @abstractmethod
    def prompt(self, messages: Sequence[Message], *, thinking: bool = True) -> str:
        """Return the conversation up to where the assistant begins; ``thinking`` False switches it off."""

    @abstractmethod
    def answer(self, example: Example) -> str:
        """Return what the assistant is to say, its thinking first, ending with the end-of-turn token."""

    @property
    def stops(self) -> tuple[str, ...]:
        """What ends a turn when it is sampled, ``end_of_turn`` first."""
        return (self.end_of_turn,)

    @property
    def full_name(self) -> str:
        """The name, with the version where it has one."""
        return f"{self.name} ({self.version})" if self.version else self.name

    def prompt_tokens(
        self, messages: Sequence[Message], tokenizer: ModelTokenizer, *, thinking: bool = True, then: str = ""
    ) -> list[int]:
        """Return the prompt's tokens; ``then`` is what the assistant is made to have said already."""
        return tokenizer.encode(self.prompt(messages, thinking=thinking) + then)

    def example_tokens(self, example: Example, tokenizer: ModelTokenizer) -> tuple[list[int], list[int]]:
        """Return the tokens that are given, and those that are learned."""
        return tokenizer.encode(self.prompt(example.messages)), tokenizer.encode(self.answer(example))

    def check(self, given: str, learned: str, example: Example) -> str:
        """Return a line that describes an example as rendered; raises :class:`charbench.DataError` for a faulty one."""
        return check_rendered(given, learned, example, self.end_of_turn)


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


class Qwen3Instruct(Qwen3):
    """ChatML without a thinking block, as the models without a thinking mode have it (Qwen3 Instruct-2507).

    A reflection is written as a ``<think>`` block of plain text.
    """

    name = "qwen3-instruct"

    def prompt(self, messages: Sequence[Message], *, thinking: bool = True) -> str:
        """Write the turns; there is no thinking to switch off."""
        return super().prompt(messages)

    def answer(self, example: Example) -> str:
        """Write the block, if there is a reflection, and the answer."""
        return f"{_block(example)}{example.answer.lstrip(NEWLINE)}{self.end_of_turn}"


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

    def __init__(
        self,
        template: str,
        special: Mapping[str, str] | None = None,
        limits: TemplateLimits | None = None,
        model: str = "",
        choose: str = CHOOSE,
    ) -> None:
        from charbench_plugins.template_process import TemplateProcess

        self._choose = choose
        self._whose = f"the chat template of {model}" if model else "the chat template"
        self._template = self._run(TemplateProcess, template, special, limits)
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
                f"so the trained span cannot be told; choose a renderer: {self._choose}"
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
        return str(self._run(self._template.render, messages=turns, **options))

    def _run(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Compile or render; whatever goes wrong in a template is the template's fault, and one line."""
        from charbench_plugins.template_process import TemplateFaultError, TemplateLimitError, TemplateRefusalError

        try:
            return function(*args, **kwargs)
        except TemplateRefusalError as error:
            raise ConfigError(f"{self._whose} refuses the conversation: {error}") from None
        except TemplateLimitError as error:
            raise ConfigError(f"{self._whose} was stopped: {error}") from None
        except TemplateFaultError as error:
            raise ConfigError(
                f"{self._whose} is broken: {error}; fix it, or choose a renderer: {self._choose}"
            ) from None


def without_end(text: str, renderer: Renderer) -> str:
    """Return a completion's text without what ended its turn."""
    end = next((stop for stop in renderer.stops if text.endswith(stop)), "")
    return text.removesuffix(end)


def _said(turn: Message) -> str:
    """Return a turn's text, an earlier answer's without its thinking."""
    return turn.content.rpartition("</think>")[2].lstrip(NEWLINE) if turn.role == "assistant" else turn.content


def _block(example: Example) -> str:
    return f"<think>\n{example.reflection.strip()}\n</think>\n\n" if example.reflection.strip() else ""
