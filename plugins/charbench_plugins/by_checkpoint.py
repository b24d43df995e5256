"""Completes a batch checkpoint by checkpoint, as samplers do that hold one model's weights at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from charbench import Completion, SampleRequest


def complete_by_checkpoint(
    requests: Sequence[SampleRequest], complete: Callable[[Sequence[SampleRequest]], Sequence[Completion]]
) -> list[Completion]:
    """Return the completions of ``requests`` in their order; ``complete`` is given those of one checkpoint together."""
    found: dict[int, Completion] = {}
    by_uri: dict[str, list[int]] = {}
    for index, request in enumerate(requests):
        by_uri.setdefault(request.checkpoint.uri, []).append(index)
    for indices in by_uri.values():
        found.update(zip(indices, complete([requests[index] for index in indices]), strict=True))
    return [found[index] for index in range(len(requests))]
