"""What samples and scores take on PostgreSQL, from 1 and from 8 processes, as the base of docs/explanation/scale.md.

    python benchmarks/scale.py [--samples N] [--out FILE]

Recorded samples of 1.3 kB are read, stored and scored by ``charbench run`` on a PostgreSQL server of our own (no
fsync): by one process at two sizes, so that growth shows, and by eight that share the work. Then eight processes claim
keys that nobody wants, and ``charbench report`` reads the larger store. Seconds by the clock depend on what else
runs: the load average stands beside them. Exit code 1 where a sample is missing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from kill_processes import postgresql
from measure import CHARBENCH
from recorded_samples import write_lab

WORKERS = 8
BATCHES, BATCH = 8, 500


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with postgresql() as server:
        plans = ((given.samples // 2, 1), (given.samples, 1), (given.samples, WORKERS))
        found: list[dict[str, Any]] = []
        for number, (samples, processes) in enumerate(plans):
            found.append(filled(new_database(server, f"scale{number}"), samples, processes))
            print(json.dumps(found[-1]), flush=True)
        found.append(claimed(new_database(server, "claims")))
        print(json.dumps(found[-1]), flush=True)
    if given.out:
        given.out.write_text("".join(json.dumps(one) + "\n" for one in found))
    return int(any(one.get("stored") != one.get("samples") for one in found))


def new_database(server: str, name: str) -> str:
    engine = sa.create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    return server.format(name)


def filled(store: str, samples: int, processes: int) -> dict[str, Any]:
    """Fill a store, and return what that took and how large its tables and indexes are."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Path(folder)
        write_lab(lab, samples)
        words = ("--source", "recorded", "--sampler", "recorded", "--scorer", "keyword")
        measured = at_once([[CHARBENCH, "run", *words, "-q", "--store", store]] * processes, lab)
        report = at_once([[CHARBENCH, "report", "--json", "--store", store]], lab)
    return {
        "what": "run", "samples": samples, "processes": processes, **measured,
        "report_cpu_seconds": report["cpu_seconds"], **sizes(store), "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def at_once(commands: list[list[str]], folder: Path) -> dict[str, float]:
    """Run commands at once; return seconds by the clock, and of the processor in all (the server's not counted)."""
    before, begun = used(), time.monotonic()
    running = [subprocess.Popen(one, cwd=folder, stdout=subprocess.DEVNULL) for one in commands]
    codes = [one.wait() for one in running]
    if any(codes):
        raise SystemExit(f"{commands[0]} failed")
    return {"seconds": round(time.monotonic() - begun, 2), "cpu_seconds": round(used() - before, 2)}


def used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def sizes(store: str) -> dict[str, int]:
    """Return how many samples and scores a store holds, and its bytes: of tables and of indexes."""
    tables = "FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public' AND relkind = 'r'"
    with sa.create_engine(store, poolclass=sa.NullPool).connect() as connection:
        return {
            name: int(connection.scalar(sa.text(f"SELECT {what}")) or 0)
            for name, what in (
                ("stored", "count(*) FROM samples"),
                ("scores", "count(*) FROM scores"),
                ("table_bytes", f"sum(pg_table_size(pg_class.oid)) {tables}"),
                ("index_bytes", f"sum(pg_indexes_size(pg_class.oid)) {tables}"),
            )
        }


def claimed(store: str) -> dict[str, Any]:
    """Let eight processes claim keys, each its own."""
    from charbench.store.database import Database

    Database.open(store).close()
    begun = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        spans = pool.starmap(claim_some, [(store, number) for number in range(WORKERS)])
    seconds = max(end for _, end in spans) - min(start for start, _ in spans)
    assert seconds <= time.monotonic() - begun
    number = WORKERS * BATCHES * BATCH
    return {"what": "claims", "processes": WORKERS, "claims": number, "seconds": round(seconds, 2),
            "load": round(os.getloadavg()[0], 1)}  # fmt: skip


def claim_some(store: str, number: int) -> tuple[float, float]:
    from charbench.store.claims import claim
    from charbench.store.database import Database
    from charbench.store.runs import start_run

    database = Database.open(store)
    run = start_run(database, "scale", "0")
    begun = time.monotonic()
    for batch in range(BATCHES):
        keys = [f"{number:02d}-{batch:02d}-{one:04d}" for one in range(BATCH)]
        claim(database, "sample", run, keys, lambda _connection, _items: set())
    database.close()
    return begun, time.monotonic()


if __name__ == "__main__":
    raise SystemExit(main())
