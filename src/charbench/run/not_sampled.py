"""Which selected checkpoints a run would not sample, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from charbench.components.calling import takes
from charbench.components.sampler import SampleRequest
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.uris import save_of
from charbench.run.by_key import ByKey
from charbench.run.session import Session


@dataclass(slots=True)
class Noted:
    """Requests as they are, noting whose they are."""

    requests: Iterable[SampleRequest]
    uris: set[str] = field(default_factory=set)

    def __iter__(self) -> Iterator[SampleRequest]:
        for request in self.requests:
            self.uris.add(request.checkpoint.uri)
            yield request


@dataclass(frozen=True, slots=True)
class NotSampled:
    """Checkpoints that are not sampled for one reason."""

    reason: str
    checkpoints: tuple[str, ...]


def not_sampled(
    session: Session, checkpoints: Sequence[Checkpoint], asked: Collection[str], offered: ByKey | None = None
) -> list[NotSampled]:
    """Return the checkpoints that no sampler asks for (``asked`` holds the URIs of the others), by the reason.

    ``offered`` is what a key that is set would make possible. A save whose sampler weights are there too is told of
    once, by those.
    """
    saves = {save_of(one.uri) for one in checkpoints if one.sampleable}
    by_key = {one.uri for one in offered.checkpoints} if offered else set()
    found: dict[str, list[str]] = {}
    candidates = session.installed_samplers()
    for checkpoint in checkpoints:
        if checkpoint.uri in asked or (not checkpoint.sampleable and save_of(checkpoint.uri) in saves):
            continue
        takers = " or ".join(sampler.name for sampler in candidates if takes(sampler, checkpoint))
        if not checkpoint.sampleable:
            reason = "only training continues from their weights"
        elif checkpoint.missing_since:
            reason = "they are gone from their account"
        elif offered and checkpoint.uri in by_key:
            reason = offered.reason
        elif takers:
            reason = f"they have no recordings; --sampler {takers} would ask them"
        else:
            reason = "they have no recordings, and no installed sampler takes them"
        found.setdefault(reason, []).append(checkpoint.name)
    return [NotSampled(reason, tuple(names)) for reason, names in found.items()]
