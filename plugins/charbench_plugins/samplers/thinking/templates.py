"""Chat templates for the completions API: the prompt is rendered here, so the prefill is known exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charbench import ConfigError, SamplingError, digest
from charbench_plugins.template_process import TemplateFaultError, TemplateLimitError, TemplateLimits, TemplateProcess

CHATML = """\
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}<|im_start|>assistant
{% if not enable_thinking %}<think>

</think>

{% endif %}"""


_RENDERING = 2
"""Raise this when the same template would now be rendered otherwise: what it wrote is then sampled again."""
_PROBE = "charbench asks this"


@dataclass(frozen=True, slots=True)
class Template:
    """A Jinja2 chat template, in a sandbox; one from a file has a process of its own.

    ``fingerprint`` changes with its text, and with how it is rendered; ``name`` is what messages call it.
    """

    compiled: Any
    fingerprint: str
    name: str = "the chat template"

    @classmethod
    def load(cls, path: Path | None, limits: TemplateLimits | None = None) -> Template:
        """Read a template from a file and try it, within ``limits``; None takes ChatML.

        Raises :class:`ConfigError` where it is none, or cannot write a user's message.
        """
        from charbench_plugins.chat_templates import compile_template

        if path is None:
            return cls(compile_template(CHATML), digest(CHATML))
        where = f"option sampler.thinking.template: {path}"
        try:
            text = path.read_text(encoding="utf-8")
            compiled = TemplateProcess(text, limits=limits)
        except OSError as error:
            raise ConfigError(f"{where}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"{where}: not UTF-8") from None
        except TemplateLimitError as error:
            raise ConfigError(f"{where}: {error}") from None
        except TemplateFaultError as error:
            raise ConfigError(f"{where}: not a Jinja2 template: {error}") from None
        template = cls(compiled, digest(text, _RENDERING), f"the chat template {path}")
        for thinking in (True, False):
            try:
                told = template.render([{"role": "user", "content": _PROBE}], thinking=thinking)
            except SamplingError as error:
                raise ConfigError(f"{where}: {error}") from None
            if _PROBE not in told:
                raise ConfigError(f"{where}: the user's message is missing from what it renders")
        return template

    def render(self, messages: Sequence[dict[str, str]], *, thinking: bool) -> str:
        """Return the prompt, up to where the assistant begins; raises :class:`SamplingError` where it refuses it."""
        from charbench_plugins.chat_templates import FAULTS

        try:
            return str(self.compiled.render(messages=messages, add_generation_prompt=True, enable_thinking=thinking))
        except (TemplateFaultError, *FAULTS) as error:
            raise SamplingError(f"{self.name} cannot write this conversation: {error}", kind="template") from None
