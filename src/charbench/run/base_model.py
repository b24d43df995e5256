"""Which base model a checkpoint is compared with."""

from __future__ import annotations

from dataclasses import replace

from charbench.components.calling import takes
from charbench.components.sampler import Sampler
from charbench.discovery.register import take_in
from charbench.domain.checkpoint import Checkpoint, Evidence, Kind
from charbench.domain.names import same_model
from charbench.domain.uris import BASE, SERVED, TinkerPath
from charbench.store.database import Database
from charbench.store.findings import read_checkpoints

SOURCE = "diagnose"


def base_model_of(
    database: Database, checkpoint: Checkpoint, sampler: Sampler, *, guess: bool = True, source: str = SOURCE
) -> Checkpoint | None:
    """Return the checkpoint's base model as ``sampler`` can ask it; None where it cannot, or nobody knows which.

    That is ``base:NAME`` by the checkpoint's own ``base_model``, taken into the store for it; else a base model of
    the store by that name; else, for a Tinker checkpoint, the model that its endpoint serves by that name. Of a
    checkpoint whose base model is not known, the only base model in the store that the sampler takes. Without
    ``guess`` no endpoint is taken to serve a model that nothing in the store says it does. ``source`` is who takes a
    base model into the store.
    """
    if checkpoint.kind is Kind.BASE:
        return None
    with database.read() as connection:
        stored = [c for c in read_checkpoints(connection) if c.uri != checkpoint.uri and takes(sampler, c)]
    name = checkpoint.base_model
    if not name:
        bases = [c for c in stored if c.kind is Kind.BASE]
        return bases[0] if len(bases) == 1 else None
    named = Checkpoint(uri=f"{BASE}{name}", kind=Kind.BASE, base_model=name)
    if takes(sampler, named):
        return _taken_in(database, named, checkpoint, source)
    if known := next((c for c in stored if is_model(c, name)), None):
        return known
    # Any other endpoint may answer to a name that it does not know, with whatever it serves.
    served = replace(named, uri=f"{SERVED}{name}")
    if guess and TinkerPath.parse(checkpoint.uri) and takes(sampler, served):
        return _taken_in(database, served, checkpoint, source)
    return None


def is_model(checkpoint: Checkpoint, name: str) -> bool:
    """Whether a checkpoint is the base model of this name."""
    if checkpoint.uri == name:
        return True
    if checkpoint.kind is Kind.BASE:
        said = (checkpoint.base_model, checkpoint.name, checkpoint.uri.removeprefix(SERVED))
        return any(same_model(name, text) for text in said if text)
    served = checkpoint.kind is Kind.UNKNOWN and checkpoint.uri.startswith(SERVED)
    return served and same_model(name, checkpoint.uri.removeprefix(SERVED))


def _taken_in(database: Database, base: Checkpoint, checkpoint: Checkpoint, source: str) -> Checkpoint:
    """Return the store's own entry for ``base``; add one where there is none."""
    found = replace(base, evidence=(Evidence(source, checkpoint.uri, note="its base model"),))
    with database.write() as connection:
        known = {c.uri: c for c in read_checkpoints(connection)}
        if base.uri in known:
            return known[base.uri]
        take_in(connection, found, source, {})
    return found
