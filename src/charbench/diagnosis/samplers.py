"""Through which samplers a checkpoint is diagnosed."""

from __future__ import annotations

from dataclasses import dataclass

from charbench.components.calling import takes
from charbench.components.generation import GenerationConfig
from charbench.components.sampler import Sampler
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.uris import TinkerPath
from charbench.errors import ConfigError
from charbench.run.session import Session


@dataclass(frozen=True, slots=True)
class Choice:
    """Samplers that are ready, the one that is diagnosed first; and a line for each that cannot be used, saying why."""

    samplers: tuple[Sampler, ...]
    left_out: tuple[str, ...]


def choose_samplers(session: Session, checkpoint: Checkpoint) -> Choice:
    """Return the configured samplers that can ask the checkpoint; if none is configured, the first that can.

    Tinker's checkpoints can be had in two ways, which are compared: of them every sampler that is ready is taken.
    One that is named and lacks what it needs raises :class:`ConfigError`.
    """
    named = bool(session.config.samplers)
    ready: list[Sampler] = []
    left_out: list[str] = []
    for sampler in session.samplers() if named else session.installed_samplers():
        if not isinstance(sampler.config, GenerationConfig) or not takes(sampler, checkpoint):
            if named:
                left_out.append(f"{_why_not(sampler)} {checkpoint.name} is not sampled with it")
        elif named or not ready or TinkerPath.parse(checkpoint.uri):
            try:
                session.lifecycle.prepare(sampler)
            except ConfigError as error:
                if named:
                    raise
                left_out.append(str(error))
            else:
                ready.append(sampler)
    if not ready and not left_out:
        left_out.append(f"no installed sampler accepts {checkpoint.uri}; name another with --sampler")
    return Choice(tuple(ready), tuple(left_out))


def _why_not(sampler: Sampler) -> str:
    if not isinstance(sampler.config, GenerationConfig):
        return f"sampler {sampler.name} has no settings that could be varied:"
    return f"sampler {sampler.name} does not accept it:"
