"""Sampler ``thinking``: checkpoints behind any OpenAI-compatible endpoint, in thinking mode."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import Sampler, hookimpl


@hookimpl
def charbench_samplers() -> Iterable[type[Sampler]]:
    """Return the sampler of OpenAI-compatible endpoints."""
    from charbench_plugins.samplers.thinking.sampler import ThinkingSampler

    return [ThinkingSampler]
