"""Makes ``src/charbench/store/migrations/schema.sqlite.sql``: what all migrations together make of an empty file.

A new SQLite store is made by these statements, without loading Alembic (0.2 s). Run it after a migration was added::

    python tools/make_schema.py
"""

from __future__ import annotations

from charbench.store.new_store import SCHEMA, schema_of_migrations

if __name__ == "__main__":
    SCHEMA.write_text(schema_of_migrations(), encoding="utf-8")
