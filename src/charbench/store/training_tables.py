"""The tables of training runs, jobs, their steps and their saved states; ``tables`` has all tables."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, DateTime, Float, Index, Integer, String, Table, Text

from charbench.store.columns import metadata

training_runs = Table(
    "training_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("state", String(20), nullable=False),
    Column("persona", Text),
    Column("step", Integer),
    Column("total_steps", Integer),
    Column("error", Text),
    Column("source", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("line", Integer),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", Text, nullable=False, unique=True),
    Column("persona", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("checkpoint", Text, nullable=False),
    Column("sampler", Text),
    Column("dataset", Text, nullable=False),
    Column("examples", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("result", Text),
    Column("result_sampler", Text),
    Column("error", Text),
    Column("recipe", Text),
    Column("trainer", Text),
    Column("attempts", Integer, nullable=False),
    Column("step", Integer),
    Column("total_steps", Integer),
    Column("loss", Float),
    Column("updated_at", DateTime, nullable=False),
)

# Every optimizer step of every attempt; those that a crash made void are superseded by a later attempt's.
training_steps = Table(
    "training_steps",
    metadata,
    Column("job_id", String(200), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("loss", Float, nullable=False),
    Column("learning_rate", Float, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("batch", JSON, nullable=False),
    Column("superseded", Boolean, nullable=False),
)

training_states = Table(
    "training_states",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", String(200), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("uri", Text, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("recipe", Text, nullable=False),
    Column("saved_at", DateTime, nullable=False),
    Index(None, "job_id", "id"),
)
