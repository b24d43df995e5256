"""Counts what scorers of Inspect ask models, through Inspect's hooks.

Imported where a scorer first asks: Inspect has announced the hooks that users have by then, and this is none of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from inspect_ai.hooks import BeforeModelGenerate, Hooks, ModelUsageData, hooks

from charbench import Usage

if TYPE_CHECKING:
    from charbench_plugins.scorers.inspect_scorer.models import Models

_ASKING: ContextVar[Models | None] = ContextVar("charbench_inspect_models", default=None)
"""Whose requests are sent in this task."""


@contextmanager
def counted_by(models: Models) -> Iterator[None]:
    """Let the requests that are sent in this block, and in tasks begun in it, be counted by ``models``."""
    token = _ASKING.set(models)
    try:
        yield
    finally:
        _ASKING.reset(token)


@hooks(name="charbench_model_calls", description="counts what scorers ask models")
class ModelCalls(Hooks):
    """Refuses models that have no price where a run has a limit, and counts the others."""

    def enabled(self) -> bool:
        """Return whether a scorer of charbench's asks."""
        return _ASKING.get() is not None

    async def on_before_model_generate(self, data: BeforeModelGenerate) -> None:
        """Refuse a model that may not be asked."""
        if models := _ASKING.get():
            models.check(data.model_name)

    async def on_model_usage(self, data: ModelUsageData) -> None:
        """Count a request that was answered."""
        if models := _ASKING.get():
            used = data.usage
            models.note(data.model_name, Usage(used.input_tokens, used.output_tokens, used.reasoning_tokens))
