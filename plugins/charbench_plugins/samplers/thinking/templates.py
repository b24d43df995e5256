"""Chat templates for the completions API: the prompt is rendered here, so the prefill is known exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charbench import ConfigError, digest

CHATML = """\
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}<|im_start|>assistant
{% if not enable_thinking %}<think>

</think>

{% endif %}"""


@dataclass(frozen=True, slots=True)
class Template:
    """A Jinja2 chat template, in a sandbox."""

    compiled: Any
    fingerprint: str

    @classmethod
    def load(cls, path: Path | None) -> Template:
        """Read a template from a file; None takes ChatML. Raises :class:`ConfigError` where it is none."""
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        try:
            text = path.read_text(encoding="utf-8") if path else CHATML
        except OSError as error:
            raise ConfigError(f"option sampler.thinking.template: {path}: {error.strerror}") from None
        try:
            compiled = ImmutableSandboxedEnvironment(keep_trailing_newline=True).from_string(text)
        except TemplateError as error:
            raise ConfigError(f"option sampler.thinking.template: {path}: not a Jinja2 template: {error}") from None
        return cls(compiled, digest(text))

    def render(self, messages: Sequence[dict[str, str]], *, thinking: bool) -> str:
        """Return the prompt, up to where the assistant begins."""
        return str(self.compiled.render(messages=messages, add_generation_prompt=True, enable_thinking=thinking))
