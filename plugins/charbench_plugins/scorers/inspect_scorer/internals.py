"""What is used of Inspect that Inspect does not publish: all of it is here, and tests run it with the real one.

There is no public way to say which model ``get_model()`` returns inside a scorer, or to catch the error that Inspect
raises where a requirement is not met.
"""

from __future__ import annotations

from importlib.metadata import version

from inspect_ai.model import GenerateConfig, Model

from charbench import ConfigError

try:
    from inspect_ai._util.error import PrerequisiteError as PrerequisiteError
    from inspect_ai.model._model import init_active_model, init_model_roles
except ImportError as error:
    raise ConfigError(
        f"inspect-ai {version('inspect-ai')} is another one than charbench knows ({error}); "
        "0.3.285 is known to work: pip install inspect-ai==0.3.285"
    ) from None


def let_ask(active: Model, roles: dict[str, Model | list[Model]]) -> None:
    """Let ``get_model()`` return ``active``, and ``get_model(role=...)`` one of ``roles``, in this task."""
    init_active_model(active, GenerateConfig())
    init_model_roles(roles)
