"""Finds scorers in Inspect's registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inspect_ai.util import registry_create

from charbench import ConfigError

_OWN = ("answer", "exact", "f1", "includes", "match", "math", "model_graded_fact", "model_graded_qa", "pattern")


def create(name: str, arguments: Mapping[str, Any], who: str) -> Any:
    """Return a scorer of Inspect's, or of a package that its entry point ``inspect_ai`` names.

    Raises :class:`charbench.ConfigError` where there is none of this name, or it does not take these arguments.
    """
    try:
        return registry_create("scorer", name, **arguments)
    except LookupError:
        package = name.partition("/")[0]
        hint = (
            f"is {package} installed, with an entry point of the group inspect_ai that is named {package}?"
            if "/" in name
            else f"Inspect's own are {', '.join(_OWN)}; of a package: inspect:PACKAGE/NAME"
        )
        raise ConfigError(f"{who}: Inspect has no scorer {name!r}; {hint}") from None
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{who}: {error}; its arguments are options: -o {_option(who)}.args.NAME=VALUE") from error


def _option(who: str) -> str:
    return who.replace(" ", ".", 1)
