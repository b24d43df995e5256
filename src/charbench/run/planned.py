"""Requests that were planned in part already, to see whether anything is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from charbench.components.calling import resolve
from charbench.components.sampler import SampleRequest
from charbench.run.plan import Requests
from charbench.store.database import Database
from charbench.store.dialect import chunks
from charbench.store.samples import present_samples

BATCH = 500
"""Requests that are looked up together."""
KEPT = 50_000
"""So many requests are kept at most: about 10 MB."""


@dataclass(slots=True)
class Planned:
    """What a sampler wants to ask, which keeps what was drawn of it by :meth:`missing`.

    Iterated the first time it goes on where that stopped, so that nothing is planned twice; after that it begins anew.
    What was drawn is forgotten where it is more than :data:`KEPT`, and then planned twice: memory stays flat.
    """

    requests: Requests
    _drawn: list[SampleRequest] = field(default_factory=list)
    _rest: Iterator[SampleRequest] | None = None

    def missing(self, database: Database, retry: Sequence[str]) -> Iterator[SampleRequest]:
        """Yield what the store has no sample of, drawing no more than is asked for."""
        sampler = self.requests.sampler
        requests = self._rest = iter(self.requests)
        for batch in chunks(requests, BATCH):
            keyed = [(resolve(sampler, sampler.key(request)), request) for request in batch]
            if self._rest is not None:
                self._drawn += [replace(request, key=key) for key, request in keyed]
            if len(self._drawn) > KEPT:
                self._drawn, self._rest = [], None
            with database.read() as connection:
                present = present_samples(connection, list(dict.fromkeys(key for key, _ in keyed)), list(retry))
            yield from (request for key, request in keyed if key not in present)

    def __iter__(self) -> Iterator[SampleRequest]:
        drawn, rest = self._drawn, self._rest
        self._drawn, self._rest = [], None
        yield from drawn
        yield from self.requests if rest is None else rest

    def total(self) -> int | None:
        """Return how many requests there are, None where only the sampler knows."""
        return self.requests.total()


@dataclass(frozen=True, slots=True)
class OneAfterTheOther:
    """Several plans of one sampler, as one."""

    parts: Sequence[Requests | Planned]

    def __iter__(self) -> Iterator[SampleRequest]:
        for part in self.parts:
            yield from part

    def total(self) -> int | None:
        """Return how many requests there are, None where only the sampler knows."""
        totals = [part.total() for part in self.parts]
        return None if None in totals else sum(total for total in totals if total is not None)
