"""Checkpoints as models of Inspect: the provider ``charbench``."""

from __future__ import annotations

from collections import Counter
from typing import Any

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput
from inspect_ai.tool import ToolChoice, ToolInfo

from charbench.errors import CharbenchError, SamplingError
from charbench.inspect.asking import CheckpointModel
from charbench.inspect.conversion import output_of, prompt_of
from charbench.inspect.internals import PrerequisiteError

_OURS = {"stop_seqs": "stop"}
"""What parameters of Inspect's are called as options of samplers, where not the same."""
_INSPECTS_OWN = frozenset({
    "max_retries", "timeout", "attempt_timeout", "stream_idle_timeout", "max_connections", "adaptive_connections",
    "system_message", "cache", "cache_prompt", "batch", "max_tool_output", "parallel_tool_calls", "internal_tools",
    "reasoning_history", "fallback_models", "fail_on_refusal",
})  # fmt: skip
"""Parameters that change nothing about one request to a checkpoint: Inspect itself goes by them."""


class CharbenchAPI(ModelAPI):
    """Asks a checkpoint as ``charbench sample`` does.

    The model's name is the checkpoint's URI, or its name in the lab's store. Model arguments (``-M``): ``lab``,
    ``store``, ``endpoint``, ``sampler``, and options of the sampler.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config or GenerateConfig())
        if base_url or api_key:
            raise PrerequisiteError("charbench: name the server with -M endpoint=NAME or URL, and its key there")
        try:
            self._model = CheckpointModel(model_name, **model_args)
        except CharbenchError as error:
            raise PrerequisiteError(f"charbench: {error}") from None
        self._asked: Counter[str] = Counter()

    async def generate(
        self,
        input: list[ChatMessage],  # noqa: A002  Inspect's name
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Ask once. A prompt that was asked before is asked as the next epoch, with another seed."""
        try:
            prompt = prompt_of(input, tools=bool(tools))
            options = self._options(config)
            epoch, self._asked[prompt.key] = self._asked[prompt.key], self._asked[prompt.key] + 1
            return output_of(await self._model.ask(prompt, epoch, options))
        except SamplingError:
            raise
        except CharbenchError as error:
            raise PrerequisiteError(f"charbench: {error}") from None

    def _options(self, config: GenerateConfig) -> dict[str, Any]:
        """Return Inspect's generation parameters as options of the sampler."""
        given: dict[str, Any] = config.model_dump(exclude_none=True)
        if given.pop("num_choices", 1) != 1:
            raise CharbenchError("num_choices: one answer is given at a time; use epochs")
        return {_OURS.get(name, name): value for name, value in given.items() if name not in _INSPECTS_OWN}

    def should_retry(self, ex: Exception) -> bool:
        """Return whether another try can help."""
        return isinstance(ex, SamplingError) and ex.retryable

    def max_connections(self) -> int:
        """Return how many requests the sampler has under way at most."""
        return self._model.concurrency

    def connection_key(self) -> str:
        """Return what shares these connections: the checkpoint."""
        return self._model.checkpoint.uri

    async def aclose(self) -> None:
        """Close the sampler."""
        await self._model.aclose()
