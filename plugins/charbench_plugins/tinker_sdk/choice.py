"""Which renderer it is: the one that was asked for, the one that training used, or what the model's name tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import Field

from charbench import ConfigError, Trust, operational
from charbench_plugins.template_process import TemplateConfig, TemplateLimits
from charbench_plugins.tinker_sdk.cookbook import INSTALL, NO_COOKBOOK, Cookbook
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
RendererName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,99}$")]
OPTION = (
    "how conversations are written: auto, qwen3, qwen3-no-thinking, qwen3-instruct, llama3, template, or one of "
    "tinker-cookbook's"
)
_QWEN3 = re.compile(r"qwen3(?![.\d])")
"""Qwen3, and no later generation: Qwen3.5 writes its conversations otherwise."""
_PLAIN: dict[str, type[Renderer]] = {kind.name: kind for kind in (Qwen3, Qwen3NoThinking, Llama3, Qwen3Instruct)}
_OURS = (*_PLAIN, ChatTemplate.name)
_RECORDED = {name: name for name in _OURS} | {"qwen3-disable-thinking": Qwen3NoThinking.name}
"""Our name for what training noted, be it charbench or tinker-cookbook."""


class RendererConfig(TemplateConfig):
    """How conversations are written."""

    renderer: RendererName = Field(AUTO, description=OPTION)
    renderer_python: Path | None = operational(
        None, description="a Python that has tinker-cookbook, for the renderers that charbench does not have"
    )


@dataclass(frozen=True, slots=True)
class RendererChoice:
    """What a component's options say of its renderer.

    ``choose`` tells users how to choose one; ``cookbook`` has those that charbench has not.
    """

    name: str = AUTO
    limits: TemplateLimits | None = None
    choose: str = CHOOSE
    cookbook: Cookbook = NO_COOKBOOK

    @classmethod
    def of(cls, config: RendererConfig, who: str, trust: Trust, name: str | None = None) -> Self:
        """Return the choice of a component (``trainer.tinker-sft``); ``name`` takes the place of the option's.

        Raises :class:`ConfigError` where only a file names the program to run, or nobody has the renderer.
        """
        choose = f"-o {who}.renderer=NAME"
        if config.renderer_python is not None:
            for place, text in trust.from_file:
                if Path(text) == config.renderer_python:
                    raise ConfigError(
                        f"{place}: renderer_python is a program to run, and a file that comes with a lab may not "
                        f"choose it: -o {who}.renderer_python={text}"
                    )
        chosen = cls(name or config.renderer, TemplateLimits.of(config), choose, Cookbook.of(config.renderer_python))
        if chosen.name not in (AUTO, *_OURS) and chosen.cookbook.python is None:
            raise ConfigError(
                f"renderer {chosen.name!r} is none of charbench's ({', '.join(_OURS)}); where it is one of "
                f"tinker-cookbook's: {chosen.advice}"
            )
        return chosen

    @property
    def advice(self) -> str:
        """How tinker-cookbook's renderers are had."""
        return f"{self.choose.rpartition('.')[0]}.renderer_python=PYTHON, {INSTALL}"

    def resolve(self, base_model: str | None, said: str | None) -> str:
        """Return which renderer it will be, as far as that can be told without a tokenizer.

        ``auto`` goes by what training ``said`` it used, else by the model's name. Raises :class:`ConfigError` for a
        renderer that training used and nobody here knows: with another one the model would be shown what it has
        not learned.
        """
        if self.name != AUTO:
            return self.name
        if not said:
            return _guess((base_model or "").lower())
        if (known := _RECORDED.get(said.replace("_", "-"))) is not None:
            return known
        if self.cookbook.python is not None:
            return said
        raise ConfigError(
            f"the checkpoint was trained with renderer {said!r}, which is none of charbench's; where it is one of "
            f"tinker-cookbook's: {self.advice}; or choose one that writes the same ({', '.join(_PLAIN)}, or template: "
            f"the model's own chat template): {self.choose}"
        )

    def guessed(self, base_model: str | None, said: str | None) -> str | None:
        """Return what to tell of a renderer that is only a guess by the model's name; None where it is none."""
        if self.name != AUTO or said:
            return None
        name = self.resolve(base_model, said)
        return (
            f"renderer {name} is a guess by the base model's name, {base_model or 'unknown'}: nothing tells "
            f"which one training used ({self.choose} chooses)"
        )

    def renderer(self, base_model: str | None, said: str | None, tokenizer: ModelTokenizer) -> Renderer:
        """Return the renderer; a template of the model's own is rendered within ``limits``.

        Raises :class:`ConfigError` where nothing tells which, or it cannot be used.
        """
        name = self.resolve(base_model, said)
        if name in _PLAIN:
            return _PLAIN[name]()
        if name != ChatTemplate.name:
            return self.cookbook.renderer(name, base_model, tokenizer)
        if tokenizer.template is None:
            choices = ", ".join(_PLAIN)
            raise ConfigError(
                f"renderer {name!r}: the tokenizer brings no chat template; choose one of {choices}: {self.choose}"
            )
        return ChatTemplate(tokenizer.template, tokenizer.special, self.limits, base_model or "", self.choose)


def renderer_for(name: str, base_model: str | None, said: str | None, tokenizer: ModelTokenizer) -> Renderer:
    """Return one of charbench's renderers by name; ``auto`` is as :meth:`RendererChoice.resolve` has it."""
    return RendererChoice(name).renderer(base_model, said, tokenizer)


def _guess(model: str) -> str:
    if _QWEN3.search(model) and "-vl" not in model:
        return Qwen3Instruct.name if "instruct" in model else Qwen3.name
    return Llama3.name if "llama-3" in model else ChatTemplate.name
