"""The components that a run works with, made and prepared before anything is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from charbench.components.sampler import Sampler
from charbench.components.scorer import BaseScorer
from charbench.components.source import CheckpointSource
from charbench.personas.prompt_sets import prompts_for
from charbench.run.asked_elsewhere import check_stored_endpoints
from charbench.run.result import Stage
from charbench.run.session import Session

if TYPE_CHECKING:
    from charbench.components.trainer import Trainer


@dataclass(frozen=True, slots=True)
class Components:
    """What a run works with; ``personas`` are the names of those that it is limited to."""

    sources: Sequence[CheckpointSource]
    trainers: Sequence[Trainer]
    samplers: Sequence[Sampler]
    scorers: Sequence[BaseScorer]
    personas: Sequence[str]


def components_for(session: Session, stages: Sequence[Stage], *, fresh: bool = False) -> Components:
    """Make all that these stages work with, and prepare samplers and scorers.

    So a wrong option, a broken plugin or a missing setting is told before anything is done. Sources and
    trainers are prepared by their stages, which know whether they are needed. ``fresh``: the store that there is
    will be put aside, so that what is in it does not matter.
    """
    personas = [persona.name for persona in session.selected_personas()]
    made = Components(session.sources(), session.trainers(), session.samplers(), session.scorers(), personas)
    if Stage.SAMPLE in stages:
        session.lifecycle.prepare_all(session.perturbations())
        session.config.check_prompts()
        with session.config.naming("prompts"):
            prompts_for(session.config.prompts, None, session.lab.root, session.config.read_limits)
        session.lifecycle.prepare_all(made.samplers)
        if not fresh and session.store_exists and not session.other_endpoints:  # else where it is known who serves what
            check_stored_endpoints(session, made.samplers)
    if Stage.SCORE in stages:
        session.lifecycle.prepare_all(made.scorers)
    return made
