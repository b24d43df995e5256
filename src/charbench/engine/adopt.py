"""Takes checkpoints in that the user names by their URI and no source has found."""

from __future__ import annotations

import re
from collections.abc import Sequence

from charbench.domain.checkpoint import Checkpoint, Evidence, Kind, name_from_uri
from charbench.domain.names import kind_from_name
from charbench.domain.uris import TinkerPath
from charbench.engine.merge import claims_of
from charbench.errors import UsageError
from charbench.store.database import Database
from charbench.store.findings import add_checkpoint, add_claims, read_checkpoints

_URI = re.compile(r"[a-z][a-z0-9+.\-]*:\S+")
SOURCE = "command line"


def adopt(database: Database, wanted: Sequence[str], personas: Sequence[str]) -> None:
    """Add what is named by a URI and is not in the store; with one persona given, it is of that persona.

    Raises :class:`UsageError` for a ``tinker://`` path that is not whole.
    """
    uris = [text for text in wanted if _URI.fullmatch(text)]
    for uri in uris:
        if uri.startswith("tinker://") and TinkerPath.parse(uri) is None:
            raise UsageError(f"checkpoint {uri!r}: tinker://RUN/weights/NAME or .../sampler_weights/NAME is needed")
    if not uris:
        return
    persona = personas[0] if len(personas) == 1 else None
    with database.write() as connection:
        known = {checkpoint.uri: checkpoint for checkpoint in read_checkpoints(connection)}
        for uri in uris:
            if uri in known and (known[uri].persona or persona is None):
                continue
            kind = kind_from_name(name_from_uri(uri))
            if uri.startswith("base:") or uri.endswith(":base"):
                kind = Kind.BASE
            checkpoint = Checkpoint(uri=uri, kind=kind, persona=persona, evidence=(Evidence(SOURCE, "-c"),))
            add_claims(connection, claims_of(checkpoint, SOURCE))
            add_checkpoint(connection, checkpoint, replace=True)
