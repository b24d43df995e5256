"""What a run samples by which sampler, and at which of several endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from charbench.components.base import ComponentKind
from charbench.components.sampler import Sampler
from charbench.discovery.register import register
from charbench.domain.checkpoint import Checkpoint
from charbench.run.asked_elsewhere import check_endpoints
from charbench.run.plan import select_checkpoints
from charbench.run.planned import OneAfterTheOther
from charbench.run.served import register_served, served_now, to_sample
from charbench.run.session import Session
from charbench.run.traits import asks_endpoint
from charbench.store.findings import read_checkpoints

if TYPE_CHECKING:
    from charbench.discovery.stage import Discovery


@dataclass(slots=True)
class Wanted:
    """What one sampler is to sample; ``served`` are the URIs that its endpoint lists, empty where it lists none.

    ``endpoint`` is its endpoint as the user named it, where there are several; else it is empty. ``planned`` is what is
    to be asked, where that was planned already.
    """

    session: Session
    sampler: Sampler
    checkpoints: Sequence[Checkpoint]
    served: frozenset[str] = frozenset()
    endpoint: str = ""
    planned: OneAfterTheOther | None = None


def served_anywhere(session: Session, discovery: Discovery | None) -> frozenset[str]:
    """Return the URIs of the models that the chosen endpoints have just listed."""
    return frozenset().union(*(served_now(one, discovery) for one in (session, *session.other_endpoints)))


def checkpoints_of_run(session: Session, discovery: Discovery | None, personas: Sequence[str]) -> list[Checkpoint]:
    """Return the checkpoints that a run is about; those that only ``-c`` or an endpoint names are registered first."""
    register(session.database, session.config.checkpoints, personas, session.personas.aliases)
    with session.database.read() as connection:
        known = read_checkpoints(connection)
    register_served(session, served_anywhere(session, discovery), known)
    with session.database.read() as connection:
        return select_checkpoints(read_checkpoints(connection), session.config.checkpoints, personas)


def wanted_of(
    session: Session, samplers: Sequence[Sampler], checkpoints: Sequence[Checkpoint], discovery: Discovery | None
) -> list[Wanted]:
    """Return what each sampler is to sample of the selected checkpoints.

    Where several endpoints are chosen, each is asked for what it serves by a sampler of its own. What was named with
    ``-c`` and none of them lists is asked for where no models are listed, else at the first.
    """
    served = served_now(session, discovery)
    if not session.other_endpoints:
        return [Wanted(session, one, to_sample(session, one, checkpoints, served), served) for one in samplers]
    here = [one for one in samplers if not asks_endpoint(type(one))]
    wanted = [Wanted(session, one, to_sample(session, one, checkpoints, served)) for one in here]
    return [*wanted, *_at_each(session, [one.name for one in samplers if one not in here], checkpoints, discovery)]


def _at_each(
    session: Session, names: Sequence[str], checkpoints: Sequence[Checkpoint], discovery: Discovery | None
) -> Iterator[Wanted]:
    places = [session, *session.other_endpoints]
    lists = [served_now(place, discovery) for place in places]
    anywhere = frozenset().union(*lists)
    without_list = next((index for index, served in enumerate(lists) if not served), 0)
    for index, (place, served) in enumerate(zip(places, lists, strict=True)):
        for name in names:
            sampler = place.component(ComponentKind.SAMPLER, name)
            assert isinstance(sampler, Sampler)
            place.lifecycle.prepare(sampler)
            mine = [
                one
                for one in to_sample(place, sampler, checkpoints, served)
                if one.uri in served
                or (
                    index == without_list
                    and one.uri not in anywhere
                    and any(one.is_wanted_as(text) for text in place.config.checkpoints)
                )
            ]
            check_endpoints(place, [sampler], mine)
            yield Wanted(place, sampler, mine, served, place.endpoints.chosen)
