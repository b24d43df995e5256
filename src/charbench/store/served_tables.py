"""The tables of what served samples, and of results that were removed; ``tables`` has all tables."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, Integer, String, Table, Text

from charbench.store.columns import KEY, BigId, metadata

# What served requests: stored, shown, and named where it differs; never part of a key. NULL: not known.
provenances = Table(
    "provenances",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", KEY, nullable=False, unique=True),
    Column("endpoint", Text),
    Column("server_model", Text),
    Column("renderer", Text),
    Column("prefill", Text),
)

# How many samples of a group each provenance served; kept like the other totals.
group_provenances = Table(
    "group_provenances",
    metadata,
    Column("group_id", ForeignKey("sample_groups.id"), primary_key=True),
    Column("provenance_id", ForeignKey("provenances.id"), primary_key=True),
    Column("samples", BigInteger, nullable=False),
)

# URLs that endpoints with names had in runs: what was asked there is the endpoint's.
endpoint_addresses = Table(
    "endpoint_addresses",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("url", String(2000), primary_key=True),
)

# Results that were taken out of every report. Their samples stand in groups of their own, so that they are known
# and neither imported nor asked again; ``group_id`` is where each came from, for putting them back. A sample that
# several removals are about is back when all of them are restored.
removals = Table(
    "removals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("what", Text, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("restored_at", DateTime),
    Column("purged_at", DateTime),
)

removed_samples = Table(
    "removed_samples",
    metadata,
    Column("sample_id", BigId, primary_key=True, autoincrement=False),
    Column("removal_id", ForeignKey("removals.id"), primary_key=True),
    Column("group_id", ForeignKey("sample_groups.id"), nullable=False),
    Index(None, "removal_id"),
)
