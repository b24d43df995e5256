"""Requests: which epochs of a question are asked together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from charbench.components.sampler import SampleRequest

Keyed = tuple[str, SampleRequest]
"""A request with its key."""


def by_question(requests: Iterable[Keyed], most: int) -> Iterator[Sequence[Keyed]]:
    """Yield the requests, those of one question together: up to ``most`` of them, in the order of their epochs."""
    if most == 1:
        yield from ([one] for one in requests)
        return
    together: dict[tuple[str, str, str], list[Keyed]] = {}
    for key, request in requests:
        question = request.checkpoint.uri, request.prompt.key, request.condition
        together.setdefault(question, []).append((key, request))
    for same in together.values():
        yield from (same[start : start + most] for start in range(0, len(same), most))
