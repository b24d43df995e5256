"""Models' chat templates: one environment for all who render them, with the settings of transformers.

See ``_compile_jinja_template`` in transformers' ``utils/chat_template_utils.py``. There is no ``strftime_now``, which
some templates ask for: what is trained or asked must not depend on the day.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

FAULTS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)
"""What rendering raises where the template is wrong, or refuses the conversation."""


class RefusalError(TemplateError):
    """The template itself refuses the conversation, with ``raise_exception``."""


def compile_template(text: str, names: Mapping[str, Any] | None = None) -> Template:
    """Return a template, in a sandbox: it is code, and may be a stranger's. ``names`` are known to it.

    Raises :class:`jinja2.TemplateError` where it is no template; rendering raises :data:`FAULTS`.
    """
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json
    environment.globals.update({"raise_exception": _refuse, **(names or {})})
    return environment.from_string(text)


def _to_json(value: Any, indent: int | None = None) -> str:
    """Write JSON for a model to read: jinja2's own filter escapes it for HTML."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> NoReturn:
    raise RefusalError(message)
