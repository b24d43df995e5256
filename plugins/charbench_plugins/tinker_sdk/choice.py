"""Which renderer it is: the one that was asked for, the one that training used, or what the model's name tells."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from charbench import ConfigError
from charbench_plugins.template_process import TemplateLimits
from charbench_plugins.tinker_sdk.renderers import (
    CHOOSE,
    ChatTemplate,
    Llama3,
    Qwen3,
    Qwen3Instruct,
    Qwen3NoThinking,
    Renderer,
)
from charbench_plugins.tinker_sdk.tokenizer import ModelTokenizer

AUTO = "auto"
RendererName: TypeAlias = Literal["auto", "qwen3", "qwen3-no-thinking", "qwen3-instruct", "llama3", "template"]
"""What the option ``renderer`` may be."""
OPTION = "how conversations are written: auto, qwen3, qwen3-no-thinking, qwen3-instruct, llama3 or template"
_QWEN3 = re.compile(r"qwen3(?![.\d])")
"""Qwen3, and no later generation: Qwen3.5 writes its conversations otherwise."""
_PLAIN: dict[str, type[Renderer]] = {kind.name: kind for kind in (Qwen3, Qwen3NoThinking, Llama3, Qwen3Instruct)}
_RECORDED = {name: name for name in (*_PLAIN, ChatTemplate.name)} | {"qwen3-disable-thinking": Qwen3NoThinking.name}
"""Our name for what training noted, be it charbench or tinker-cookbook."""


def name_renderer(name: str, base_model: str | None, said: str | None, choose: str = CHOOSE) -> str:
    """Return which renderer it will be, as far as that can be told without a tokenizer.

    ``auto`` goes by what training ``said`` it used, else by the model's name; ``choose`` tells users how to choose
    one. Raises :class:`ConfigError` for a
    renderer that training used and nobody here knows: with another one the model would be shown what it has
    not learned.
    """
    if name != AUTO:
        return name
    if not said:
        return _guess((base_model or "").lower())
    try:
        return _RECORDED[said.replace("_", "-")]
    except KeyError:
        raise ConfigError(
            f"the checkpoint was trained with renderer {said!r}, which is none of charbench's; choose one that writes "
            f"the same ({', '.join(_PLAIN)}, or template: the model's own chat template): {choose}"
        ) from None


def renderer_for(
    name: str,
    base_model: str | None,
    said: str | None,
    tokenizer: ModelTokenizer,
    limits: TemplateLimits | None = None,
    choose: str = CHOOSE,
) -> Renderer:
    """Return a renderer by name; ``auto`` is as :func:`name_renderer` has it, else the model's own template.

    A template of the model's own is rendered within ``limits``. Raises :class:`ConfigError` where none of these tells,
    or the template cannot be used.
    """
    name = name_renderer(name, base_model, said, choose)
    if name in _PLAIN:
        return _PLAIN[name]()
    if tokenizer.template is None:
        choices = ", ".join(_PLAIN)
        raise ConfigError(
            f"renderer {name!r}: the tokenizer brings no chat template; choose one of {choices}: {choose}"
        )
    return ChatTemplate(tokenizer.template, tokenizer.special, limits, base_model or "", choose)


def _guess(model: str) -> str:
    if _QWEN3.search(model) and "-vl" not in model:
        return Qwen3Instruct.name if "instruct" in model else Qwen3.name
    return Llama3.name if "llama-3" in model else ChatTemplate.name
