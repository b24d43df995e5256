"""What Inspect finds by the entry point ``charbench``: the provider of models, and the scorer by name."""

from __future__ import annotations

from typing import Any

from inspect_ai.model import modelapi


@modelapi(name="charbench")
def charbench() -> Any:
    """Return the provider; loaded where a model of it is asked for."""
    from charbench.inspect.provider import CharbenchAPI

    return CharbenchAPI
