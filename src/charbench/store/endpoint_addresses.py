"""The addresses that named endpoints had in earlier runs: what was stored under one of them stays theirs."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from charbench.components.named_endpoints import NamedEndpoint, plain_url
from charbench.errors import StoreError
from charbench.store.database import Database
from charbench.store.dialect import insert
from charbench.store.tables import endpoint_addresses
from charbench.text.redaction import redact


def note_addresses(database: Database, endpoints: Iterable[NamedEndpoint]) -> None:
    """Note the addresses that endpoints have today."""
    rows = [{"name": one.name, "url": redact(plain_url(one.base_url))} for one in endpoints]
    if rows:
        with database.write() as connection:
            connection.execute(insert(connection, endpoint_addresses).on_conflict_do_nothing(), rows)


def known_addresses(url: str) -> dict[str, list[str]]:
    """Return the addresses of each name in the store at this database URL; none where there is no store of today.

    The store is opened for this alone, and left as it is.
    """
    try:
        database = Database.open(url, create=False, upgrade=False)
    except StoreError:
        return {}
    found: dict[str, list[str]] = {}
    try:
        with database.read() as connection:
            if sa.inspect(connection).has_table(endpoint_addresses.name):
                for row in connection.execute(sa.select(endpoint_addresses).order_by(endpoint_addresses.c.url)):
                    found.setdefault(row.name, []).append(row.url)
    except StoreError:  # what is wrong with it is told when it is opened for work
        return {}
    finally:
        database.close()
    return found
