"""What grows with a PostgreSQL store, and how: each command at 10,000, 100,000 and 1,000,000 samples.

    python benchmarks/store_growth.py [--samples N ...] [--repeat 3] [--no-plan] [--out FILE.jsonl]

The server is our own, with fsync on and else as it comes. At each size (see ``large_store.py``): ``status``,
``checkpoints list`` and ``report``; ``run`` over a lab that has everything (no request may be sent); ``run`` of one
checkpoint more (1,000 samples asked without latency and scored); and 8 processes that claim keys. A line of JSON for
each run: processor seconds of the command and of the server, peak megabytes, seconds by the clock, the load average.
At the end, for each command, the exponent of its growth from one size to the next: 1 is in proportion to the samples.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from chat_server import Server, serving
from kill_processes import postgresql
from large_store import PER_CHECKPOINT, begin, grow, run_words, uri, write_lab
from measure import run_charbench
from scale import claimed, new_database, sizes

Row = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, action="append", help="a multiple of 1,000; repeatable")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--no-plan", action="store_true", help="leave out the run that finds everything there")
    parser.add_argument("--out", type=Path, metavar="FILE.jsonl")
    given = parser.parse_args()
    wanted = sorted(given.samples or (10_000, 100_000, 1_000_000))
    rows: list[Row] = []
    with postgresql(fsync="on") as url, serving(0.0) as server, tempfile.TemporaryDirectory() as temporary:
        lab, store = Path(temporary), new_database(url, "growth")
        for samples in wanted:
            begun = time.monotonic()
            write_lab(lab, samples // PER_CHECKPOINT)
            begin(lab, store, server.url)
            grow(store)
            rows.append(
                {"what": "fill", "samples": samples, "seconds": round(time.monotonic() - begun, 1), **sizes(store)}
            )
            tell(rows[-1], given.out)
            for row in measured(lab, store, server, samples, given.repeat, plan=not given.no_plan):
                rows.append(row)
                tell(row, given.out)
            claims = claimed(store)
            rows.append({**claims, "samples": samples, "cpu_seconds": None})
            tell(rows[-1], given.out)
    print("\n".join(growth(rows)))
    return int(any(row.get("fault") for row in rows))


def tell(row: Row, out: Path | None) -> None:
    print(json.dumps(row), file=sys.stderr, flush=True)
    if out:
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def measured(lab: Path, store: str, server: Server, samples: int, repeat: int, *, plan: bool) -> Iterator[Row]:
    """Run each command so often over a store of so many samples."""
    at = ("--lab", str(lab), "--store", store)
    commands: list[tuple[str, tuple[str, ...]]] = [
        ("status", ("status", "--json", *at)),
        ("checkpoints list", ("checkpoints", "list", "--json", *at)),
        ("report", ("report", "--json", *at)),
    ]
    if plan:
        commands.append(("run, nothing to do", tuple(run_words(lab, store, server.url))))
    for number in range(repeat):
        for what, words in commands:
            row = {"what": what, "samples": samples, **one(store, server, *words)}
            if row["requests"]:
                row["fault"] = "a command over a store that has everything sent requests"
            yield row
        total, checkpoints = count(store), samples // PER_CHECKPOINT + number
        write_lab(lab, checkpoints + 1)
        words = (*run_words(lab, store, server.url), "-c", uri(checkpoints))
        row = {"what": "run, 1,000 samples more", "samples": samples, **one(store, server, *words)}
        if (more := count(store) - total) != PER_CHECKPOINT:
            row["fault"] = f"{more} samples more"
        yield row


def count(store: str) -> int:
    with connected(store) as connection:
        return int(connection.scalar(sa.text("SELECT count(*) FROM samples")) or 0)


def connected(store: str) -> sa.Connection:
    return sa.create_engine(store, poolclass=sa.NullPool).connect()


def one(store: str, server: Server, *words: str) -> Row:
    """Run a command once, and return what it took of this process's cores and of the server's."""
    server.forget()
    postmaster = postmaster_of(store)
    before = processor(postmaster)
    done = run_charbench(*words)
    after = processor(postmaster)
    return {
        "cpu_seconds": round(done.cpu_seconds, 3), "server_cpu_seconds": round(after - before, 3),
        "peak_mb": round(done.peak_mb), "seconds": round(done.seconds, 2), "requests": server.seen().requests,
        "load": round(os.getloadavg()[0], 1), **({"fault": f"exit code {done.code}"} if done.code else {}),
    }  # fmt: skip


def postmaster_of(store: str) -> int:
    """Return the number of the process that is the parent of all of the server's."""
    with connected(store) as connection:
        backend = int(connection.scalar(sa.text("SELECT pg_backend_pid()")) or 0)
        return int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])


def processor(postmaster: int) -> float:
    """Return the processor seconds of a process, of its children, and of those of them that have ended."""
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if entry.name == str(postmaster):
                total += sum(map(int, fields[11:15]))
            elif fields[1] == str(postmaster):
                total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def growth(rows: list[Row]) -> list[str]:
    """Return a Markdown table: each command's median at each size, and the exponents between them."""
    of: dict[str, Callable[[Row], float]] = {
        "CPU s": lambda row: row["cpu_seconds"], "server CPU s": lambda row: row["server_cpu_seconds"],
        "peak MB": lambda row: row["peak_mb"],
    }  # fmt: skip
    found = [row for row in rows if row.get("cpu_seconds") is not None]
    at = sorted({row["samples"] for row in found})
    lines = [f"| command | | {' | '.join(f'{size:,}' for size in at)} | exponents |", "| --- " * (len(at) + 3) + "|"]
    for what in dict.fromkeys(row["what"] for row in found):
        for name, figure in of.items():
            values = [[figure(row) for row in found if (row["what"], row["samples"]) == (what, size)] for size in at]
            middle = [statistics.median(some) for some in values]
            cells = " | ".join(f"{m:.3g} ({min(s):.3g} to {max(s):.3g})" for m, s in zip(middle, values, strict=True))
            powers = [
                f"{math.log(max(later, 0.01) / max(sooner, 0.01)) / math.log(b / a):.2f}"
                for sooner, later, a, b in zip(middle, middle[1:], at, at[1:], strict=False)
            ]
            lines.append(f"| {what} | {name} | {cells} | {', '.join(powers)} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
