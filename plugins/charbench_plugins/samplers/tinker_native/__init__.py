"""Sampler ``tinker-native``: Tinker checkpoints and base models through the SDK."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import Sampler, hookimpl


@hookimpl
def charbench_samplers() -> Iterable[type[Sampler]]:
    """Return the native sampler."""
    from charbench_plugins.samplers.tinker_native.sampler import TinkerNativeSampler

    return [TinkerNativeSampler]
