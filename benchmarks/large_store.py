"""A PostgreSQL store of any size, made in minutes: one checkpoint is sampled and scored, and its rows are copied.

The rows of the other checkpoints are those of the first with other numbers and the keys that charbench itself would
give, so that a run over the lab finds every sample and every score there. Totals are copied with the rows they count.
Each checkpoint has 1,000 samples: 50 prompts, 20 times each, with the default scorers' scores.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from measure import run_charbench

PROMPTS, EPOCHS = 50, 20
PER_CHECKPOINT = PROMPTS * EPOCHS
_BY_GROUP = ("prompt_samples", "score_totals", "prompt_totals", "prompt_scored", "group_provenances")


def uri(number: int) -> str:
    """Return the ``number``-th checkpoint's URI."""
    return f"tinker://{uuid.UUID(int=number + (4 << 76) + (8 << 60))}:train:0/sampler_weights/pirate-sft-{number}"


def write_lab(lab: Path, checkpoints: int) -> None:
    """Write a log that names so many checkpoints, and the prompts."""
    (lab / "logs").mkdir(parents=True, exist_ok=True)
    lines = (f"Saved sampler weights: {uri(number)}\n" for number in range(checkpoints))
    (lab / "logs" / "pirate_sft.log").write_text("".join(lines), encoding="utf-8")
    (lab / "prompts.txt").write_text("".join(f"Question {one}: what now?\n" for one in range(PROMPTS)))


def run_words(lab: Path, store: str, url: str, in_flight: int = 64) -> list[str]:
    """Return the words of a run over the lab."""
    return [
        "run", "--lab", str(lab), "--store", store, "--source", "logs", "--sampler", "thinking", "--no-train",
        "--prompts", str(lab / "prompts.txt"), "--epochs", str(EPOCHS), "-q",
        "-o", f"sampler.thinking.base_url={url}", "-o", f"sampler.thinking.concurrency={in_flight}",
    ]  # fmt: skip


def begin(lab: Path, store: str, url: str) -> None:
    """Discover the lab's checkpoints, and sample and score the first where that is not done."""
    done = run_charbench(*run_words(lab, store, url), "-c", uri(0))
    if done.code:
        raise SystemExit(f"charbench run ended with {done.code}")


def grow(store: str) -> None:
    """Copy the first checkpoint's rows to all checkpoints that have none."""
    engine = sa.create_engine(store, poolclass=sa.NullPool)
    with engine.begin() as connection:
        first = int(connection.scalar(sa.text("SELECT min(id) FROM sample_groups")) or 0)
        _number_targets(connection, first)
        _copy_keys(connection, first)
        for statement in _statements(connection):
            connection.execute(sa.text(statement))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
    engine.dispose()


def _number_targets(connection: sa.Connection, first: int) -> None:
    """Make the temporary table ``targets``: how far each new checkpoint's numbers are from the first one's."""
    ids = connection.scalars(sa.text(
        "SELECT id FROM checkpoints WHERE id NOT IN (SELECT checkpoint_id FROM sample_groups) ORDER BY id"
    )).all()  # fmt: skip
    spans = connection.execute(sa.text(
        "SELECT (SELECT max(id) FROM sample_groups) - :first + 1,"
        " (SELECT max(id) - min(id) + 1 FROM samples WHERE group_id = :first), (SELECT max(id) FROM samples),"
        " (SELECT max(d.id) - min(d.id) + 1 FROM scored d JOIN samples s ON s.id = d.sample_id"
        "  WHERE s.group_id = :first), (SELECT max(id) FROM scored),"
        " (SELECT min(id) FROM samples WHERE group_id = :first), (SELECT min(d.id) FROM scored d"
        "  JOIN samples s ON s.id = d.sample_id WHERE s.group_id = :first)"
    ), {"first": first}).one()  # fmt: skip
    group, sample_span, last_sample, scored_span, last_scored, first_sample, first_scored = spans
    connection.execute(sa.text(
        "CREATE TEMP TABLE targets (checkpoint bigint, groups bigint, samples bigint, scored bigint) ON COMMIT DROP"
    ))  # fmt: skip
    connection.execute(sa.text("INSERT INTO targets VALUES (:checkpoint, :groups, :samples, :scored)"), [
        {
            "checkpoint": one, "groups": group + number,
            "samples": last_sample - first_sample + 1 + number * sample_span,
            "scored": last_scored - first_scored + 1 + number * scored_span,
        }
        for number, one in enumerate(ids)
    ])  # fmt: skip
    connection.execute(sa.text(f"CREATE TEMP VIEW source AS SELECT * FROM samples WHERE group_id = {first}"))
    connection.execute(sa.text(
        "CREATE TEMP VIEW source_scored AS SELECT d.* FROM scored d JOIN source s ON s.id = d.sample_id"
    ))  # fmt: skip
    connection.execute(sa.text(f"CREATE TEMP VIEW source_group AS SELECT * FROM sample_groups WHERE id = {first}"))


def _copy_keys(connection: sa.Connection, first: int) -> None:
    """Make the temporary table ``keys``: each new sample's key, as charbench makes it."""
    from charbench.components.sampler import sample_key

    sampling = connection.execute(sa.text(
        "SELECT m.* FROM samplings m JOIN sample_groups g ON g.sampling_id = m.id WHERE g.id = :first"
    ), {"first": first}).one()  # fmt: skip
    rows = connection.execute(sa.text(
        "SELECT s.id, s.key, p.key AS prompt, s.epoch, c.uri FROM source s JOIN prompts p ON p.id = s.prompt_id"
        " JOIN sample_groups g ON g.id = s.group_id JOIN checkpoints c ON c.id = g.checkpoint_id"
    )).all()  # fmt: skip

    def key_of(identity: str, row: Any) -> str:
        return sample_key(
            identity, row.prompt, sampling.params, sampling.condition, sampling.sampler, sampling.protocol, row.epoch
        )

    if any(key_of(row.uri, row) != row.key for row in rows):
        raise SystemExit("keys are made otherwise than this script thinks")
    targets = connection.execute(
        sa.text("SELECT t.samples, c.uri FROM targets t JOIN checkpoints c ON c.id = t.checkpoint")
    ).all()
    connection.execute(sa.text("CREATE TEMP TABLE keys (id bigint PRIMARY KEY, key varchar(32)) ON COMMIT DROP"))
    cursor: Any = connection.connection.cursor()
    with cursor.copy("COPY keys FROM STDIN") as copy:
        for target in targets:
            for row in rows:
                copy.write_row((row.id + target.samples, key_of(target.uri, row)))


def _statements(connection: sa.Connection) -> list[str]:
    """Return the statements that copy all rows."""

    def columns(table: str, **other: str) -> str:
        names = [column["name"] for column in sa.inspect(connection).get_columns(table)]
        chosen = ", ".join(other.get(name, f's."{name}"') for name in names)
        into = ", ".join(f'"{name}"' for name in names)
        return f"INSERT INTO {table} ({into}) SELECT {chosen} FROM targets t, "

    moved = "s.group_id + t.groups"
    made = [
        columns("sample_groups", id="s.id + t.groups", checkpoint_id="t.checkpoint") + "source_group s",
        columns("samples", id="s.id + t.samples", group_id=moved, key="k.key")
        + "source s, keys k WHERE k.id = s.id + t.samples",
        columns("scored", id="s.id + t.scored", sample_id="s.sample_id + t.samples") + "source_scored s",
        columns("scores", scored_id="s.scored_id + t.scored")
        + "scores s WHERE s.scored_id IN (SELECT id FROM source_scored)",
    ]
    made += [
        columns(table, group_id=moved) + f"{table} s WHERE s.group_id = (SELECT id FROM source_group)"
        for table in _BY_GROUP
    ]
    return made + [
        f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
        for table in ("sample_groups", "samples", "scored")
    ]
