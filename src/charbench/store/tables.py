"""The tables. ``docs/reference/store.md`` describes them for people who query the store themselves."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from charbench.store.columns import KEY, BigId
from charbench.store.columns import metadata as metadata
from charbench.store.served_tables import endpoint_addresses as endpoint_addresses
from charbench.store.served_tables import group_provenances as group_provenances
from charbench.store.served_tables import provenances as provenances
from charbench.store.served_tables import removals as removals
from charbench.store.served_tables import removed_samples as removed_samples
from charbench.store.training_tables import jobs as jobs
from charbench.store.training_tables import training_runs as training_runs
from charbench.store.training_tables import training_states as training_states
from charbench.store.training_tables import training_steps as training_steps

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("command", Text, nullable=False),
    Column("version", String(40), nullable=False),
    Column("status", String(20), nullable=False),
    Column("started_at", DateTime, nullable=False),
    Column("finished_at", DateTime),
    Column("heartbeat_at", DateTime, nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_started", String(40), nullable=False),
    Column("counts", JSON, nullable=False),
    Column("details", JSON),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uri", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("persona", Text),
    Column("base_model", Text),
    Column("run", Text),
    Column("parent", Text),
    Column("dataset", Text),
    Column("renderer", Text),
    Column("recipe", Text),
    Column("created_at", DateTime),
    Column("expires_at", DateTime),
    Column("metadata", JSON, nullable=False),
    Column("run_path", Text),
    Column("save_id", Text),
    Column("step", Integer),
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("checkpoint_id", ForeignKey("checkpoints.id", ondelete="CASCADE"), nullable=False),
    Column("source", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("says", JSON, nullable=False),
    UniqueConstraint("checkpoint_id", "source", "path", "line", "note"),
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False, unique=True),
    Column("run", Text),
    Column("persona", Text),
    Column("form", String(20), nullable=False),
    Column("base_model", Text),
    Column("source", Text, nullable=False),
    Column("size", BigInteger),
    Column("modified", Float),
    Column("examples", Integer),
    Column("health", JSON, nullable=False),
)

prompts = Table(
    "prompts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", KEY, nullable=False),
    Column("prompt_id", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("messages", JSON, nullable=False),
    Column("follow_ups", JSON, nullable=False),
    UniqueConstraint("key", "prompt_id", "family"),
)

samplings = Table(
    "samplings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", KEY, nullable=False, unique=True),
    Column("sampler", Text, nullable=False),
    Column("protocol", Integer, nullable=False),
    Column("params", JSON, nullable=False),
    Column("condition", Text, nullable=False),
    Column("last_run_id", Integer, nullable=False),
    Column("version", Text),
)

# One row for each checkpoint under each sampling, with running totals over its samples: reports read
# these, and never the samples. Totals change in the same transaction as the samples they count.
groups = Table(
    "sample_groups",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("checkpoint_id", ForeignKey("checkpoints.id"), nullable=False),
    Column("sampling_id", ForeignKey("samplings.id"), nullable=False),
    Column("samples", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("responses", BigInteger, nullable=False),
    Column("response_chars", BigInteger, nullable=False),
    Column("thinking_chars", BigInteger, nullable=False),
    Column("latency_total", Float, nullable=False),
    Column("latency_count", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("closed", BigInteger, nullable=False),
    Column("closed_empty", BigInteger, nullable=False),
    Column("unclosed_stop", BigInteger, nullable=False),
    Column("unclosed_length", BigInteger, nullable=False),
    Column("unclosed_unknown", BigInteger, nullable=False),
    Column("misfiled", BigInteger, nullable=False),
    Column("none", BigInteger, nullable=False),
    Column("filtered", BigInteger, nullable=False, server_default="0"),
    Column("tool_call", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("checkpoint_id", "sampling_id"),
)
GROUP_TOTALS = tuple(column.name for column in groups.columns)[3:]

samples = Table(
    "samples",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("key", KEY, nullable=False, unique=True),
    Column("group_id", ForeignKey("sample_groups.id"), nullable=False),
    Column("prompt_id", ForeignKey("prompts.id"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("finish_reason", String(40)),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("reasoning_tokens", Integer),
    Column("max_tokens", Integer),
    Column("latency", Float),
    Column("error_kind", String(40)),
    Column("error", Text),
    Column("attempt", Integer, nullable=False),
    Column("sampled_at", DateTime),
    Column("run_id", Integer, nullable=False),
    Column("extra", JSON),
    Column("prefill", Text),
    Column("response", Text, nullable=False),
    Column("thinking", Text, nullable=False),
    Column("raw", Text),
    Column("raw_reasoning", Text),
    Column("tags", JSON),
    Column("provenance_id", Integer),
    Column("source_file", Text),
    Column("row_digest", KEY),
    Index(None, "group_id", "id"),
)

# The samples of a group that did not fail, by prompt; kept like the other totals.
prompt_samples = Table(
    "prompt_samples",
    metadata,
    Column("group_id", Integer, primary_key=True, autoincrement=False),
    Column("prompt_id", Integer, primary_key=True, autoincrement=False),
    Column("answered", BigInteger, nullable=False),
    Column("responses", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


scorings = Table(
    "scorings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", KEY, nullable=False, unique=True),
    Column("scorer", Text, nullable=False),
    Column("protocol", Integer, nullable=False),
    Column("persona", Text, nullable=False),
    Column("config", JSON, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("last_run_id", Integer, nullable=False),
    Column("version", Text),
)

series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("scoring_id", ForeignKey("scorings.id"), nullable=False),
    Column("metric", Text, nullable=False),
    Column("channel", String(20), nullable=False),
    Column("title", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("aggregate", String(20), nullable=False),
    Column("higher_is_better", Boolean, nullable=False),
    Column("low", Float),
    Column("high", Float),
    Column("threshold", Float),
    UniqueConstraint("scoring_id", "metric", "channel"),
)

# One row for each sample that a scorer has dealt with, whether or not it found anything to score.
scored = Table(
    "scored",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("sample_id", BigInteger, nullable=False),
    Column("scoring_id", Integer, nullable=False),
    Column("evidence", JSON),
    UniqueConstraint("sample_id", "scoring_id"),
)

scores = Table(
    "scores",
    metadata,
    Column("scored_id", BigId, primary_key=True, autoincrement=False),
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("value", Float),
    sqlite_with_rowid=False,
)

# Running totals over the scores of one series in one group, kept like those of sample_groups.
score_totals = Table(
    "score_totals",
    metadata,
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("group_id", Integer, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    Column("missing", BigInteger, nullable=False),
    Column("total", Float, nullable=False),
    Column("total_squared", Float, nullable=False),
    Column("hits", BigInteger, nullable=False),
)

# The same by prompt, of headlines alone (see prompt_totals.py). ``both_hits``, of responses: those whose thinking
# is a hit too.
prompt_totals = Table(
    "prompt_totals",
    metadata,
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("group_id", Integer, primary_key=True, autoincrement=False),
    Column("prompt_id", Integer, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    Column("missing", BigInteger, nullable=False),
    Column("total", Float, nullable=False),
    Column("total_squared", Float, nullable=False),
    Column("hits", BigInteger, nullable=False),
    Column("both_hits", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# How many samples of a group a scoring that has a headline has dealt with, by prompt.
prompt_scored = Table(
    "prompt_scored",
    metadata,
    Column("scoring_id", Integer, primary_key=True, autoincrement=False),
    Column("group_id", Integer, primary_key=True, autoincrement=False),
    Column("prompt_id", Integer, primary_key=True, autoincrement=False),
    Column("samples", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Two samples of one prompt of two checkpoints, compared; which is the first depends on the two alone.
games = Table(
    "games",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("scoring_id", Integer, nullable=False),
    Column("first_id", BigInteger, nullable=False),
    Column("second_id", BigInteger, nullable=False),
    Column("result", Float),
    Column("channel", String(20), nullable=False),
    Column("first_chars", Integer, nullable=False),
    Column("second_chars", Integer, nullable=False),
    Column("both_orders", Integer, nullable=False),
    Column("flips", Integer, nullable=False),
    Column("decided", Integer, nullable=False),
    Column("first_wins", Integer, nullable=False),
    Column("flags", Integer, nullable=False),
    Column("evidence", JSON),
    Column("run_id", Integer, nullable=False),
    UniqueConstraint("scoring_id", "first_id", "second_id"),
)

diagnoses = Table(
    "diagnoses",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("checkpoint", Text, nullable=False),
    Column("persona", Text),
    Column("sampler", Text, nullable=False),
    Column("cause", String(40), nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("sampling", KEY),  # the key of the sampling that was diagnosed; NULL: not known
)

# What people are asked to label: one channel of one sample, for one persona.
label_items = Table(
    "label_items",
    metadata,
    Column("item", String(16), primary_key=True),
    Column("sample_id", BigInteger, nullable=False),
    Column("channel", String(20), nullable=False),
    Column("persona", Text, nullable=False),
    Column("drawn_at", DateTime, nullable=False),
)

# By what chance an item was drawn, for each draw that it is in: ``texts`` are all of its stratum at the time.
label_chances = Table(
    "label_chances",
    metadata,
    Column("draw", String(16), primary_key=True),
    Column("item", String(16), primary_key=True),
    Column("stratum", String(20), nullable=False),
    Column("chance", Float, nullable=False),
    Column("texts", BigInteger, nullable=False),
    Index(None, "item"),
)

labels = Table(
    "labels",
    metadata,
    Column("item", String(16), primary_key=True),
    Column("labeller", String(100), primary_key=True),
    Column("label", Integer, nullable=False),
    Column("note", Text),
    Column("at", DateTime, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("stage", String(20), nullable=False),
    Column("item", Text, nullable=False),
    Column("run_id", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("error_kind", String(40)),
    Column("error", Text),
    Column("detail", JSON),
    Index(None, "stage", "item"),
)

claims = Table(
    "claims",
    metadata,
    Column("stage", String(20), primary_key=True),
    Column("item", String(120), primary_key=True),
    Column("run_id", Integer, nullable=False),
)
