"""What ``run`` evaluates of the endpoint that it is given: the models that it serves, by a sampler that asks it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from charbench.components.sampler import Sampler
from charbench.discovery.register import register
from charbench.domain.checkpoint import Checkpoint, Kind
from charbench.run.session import Session
from charbench.run.steps import at_steps

if TYPE_CHECKING:
    from charbench.discovery.stage import Discovery


def served_now(session: Session, discovery: Discovery | None) -> frozenset[str]:
    """Return the URIs of the models that the chosen endpoint has just listed; empty where none is chosen, or lists."""
    chosen = session.endpoints.chosen
    if not chosen or discovery is None:
        return frozenset()
    named = session.endpoints.find(chosen)
    places = (named.name, *named.addresses) if named else (chosen.rstrip("/"),)
    return frozenset().union(*(discovery.listed.get(place, ()) for place in places))


def register_served(session: Session, served: frozenset[str], checkpoints: Sequence[Checkpoint]) -> None:
    """Note that served models whose names tell no persona are of the run's persona, if it is limited to one."""
    personas = [persona.name for persona in session.selected_personas()]
    unknown = [one.uri for one in checkpoints if one.uri in served and not one.persona and one.kind is not Kind.BASE]
    if len(personas) == 1 and unknown:
        register(session.database, unknown, personas, session.personas.aliases)


def to_sample(
    session: Session, sampler: Sampler, checkpoints: Sequence[Checkpoint], served: frozenset[str]
) -> Sequence[Checkpoint]:
    """Return the checkpoints that a sampler is to sample.

    Of each training run they are those that ``steps`` takes; and they are all of them where the sampler was named,
    or is used by default. One that is used because an endpoint was chosen samples what the endpoint serves, and what
    was named with ``-c``.
    """
    if type(sampler).requests is Sampler.requests:  # else what it asks is its own to say
        checkpoints = at_steps(checkpoints, session.config.steps, session.config.checkpoints)
    if sampler.name not in session.samplers_of_endpoint():
        return checkpoints
    wanted = session.config.checkpoints
    return [one for one in checkpoints if one.uri in served or any(one.is_wanted_as(text) for text in wanted)]


def earlier_saves(session: Session, checkpoints: Sequence[Checkpoint], samplers: Sequence[Sampler]) -> list[str]:
    """Return a line on the saves that ``steps`` leaves out of what is sampled; nothing where there are none."""
    if not any(type(sampler).requests is Sampler.requests for sampler in samplers):
        return []
    there = [one for one in checkpoints if one.sampleable and not one.missing_since]
    left = len(there) - len(at_steps(there, session.config.steps, session.config.checkpoints))
    which = "1 earlier save of a run is" if left == 1 else f"{left:,} earlier saves of runs are"
    return [f"{which} not sampled (steps: {session.config.steps}); --steps all takes all"] if left else []
