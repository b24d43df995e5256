"""Takes checkpoints in that no source has found: the user named one by its URI, or a job has just made it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlalchemy.engine import Connection

from charbench.discovery.merge import claims_of, complete_saves, merge
from charbench.discovery.runs import read_runs
from charbench.domain.checkpoint import Checkpoint, Evidence, Kind
from charbench.domain.uris import BASE, TinkerPath, save_of
from charbench.errors import UsageError
from charbench.store.database import Database
from charbench.store.findings import add_claims, read_checkpoints, read_claims, save_checkpoints

_URI = re.compile(r"[a-z][a-z0-9+.\-]*:\S+")
SOURCE = "command line"


def register(database: Database, wanted: Sequence[str], personas: Sequence[str], aliases: Mapping[str, str]) -> None:
    """Add what is named by a URI and is not in the store; with one persona given, it is of that persona.

    Of one that is there, whose persona nobody knows, that is all that is added. ``aliases`` maps every known
    persona's name and alias to its name. Raises :class:`UsageError` for a ``tinker://`` path that is not whole.
    """
    uris = [text for text in wanted if is_uri(text)]
    if not uris:
        return
    persona = personas[0] if len(personas) == 1 else None
    with database.write() as connection:
        known = {checkpoint.uri: checkpoint for checkpoint in read_checkpoints(connection)}
        for uri in uris:
            if uri in known and (known[uri].persona or persona is None):
                continue
            take_in(connection, from_uri(uri, persona), SOURCE, aliases)


def is_uri(text: str) -> bool:
    """Whether a text is a URI and no name; raises :class:`UsageError` for a ``tinker://`` path that is not whole."""
    if text.startswith("tinker://") and TinkerPath.parse(text) is None:
        raise UsageError(f"checkpoint {text!r}: tinker://RUN/weights/NAME or .../sampler_weights/NAME is needed")
    return _URI.fullmatch(text) is not None


def from_uri(uri: str, persona: str | None = None) -> Checkpoint:
    """Return the checkpoint of which only the URI is known."""
    kind = Kind.BASE if uri.startswith(BASE) or uri.endswith(":base") else Kind.UNKNOWN
    return Checkpoint(uri=uri, kind=kind, persona=persona, evidence=(Evidence(SOURCE, "-c"),))


def take_in(connection: Connection, checkpoint: Checkpoint, source: str, aliases: Mapping[str, str]) -> None:
    """Add what ``source`` says of a checkpoint to what others say of it, and write what all of it together gives."""
    add_claims(connection, claims_of(checkpoint, source))
    runs, claims = read_runs(connection), read_claims(connection)
    save = [uri for uri in claims if save_of(uri) == save_of(checkpoint.uri)]
    merged = [merge(uri, claims[uri], aliases, runs)[0] for uri in save]
    save_checkpoints(connection, complete_saves(merged))
