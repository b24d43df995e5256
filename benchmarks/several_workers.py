"""How fast several workers fill one PostgreSQL store: measured here, simulated, and what ten million samples take.

    python benchmarks/several_workers.py [--samples 1000] [--repeat 3] [--out FILE.json]

1. Service times: transactions of 1 to 32 samples, one process alone: of its processor, of the server's, and what is
   left by the clock (lower quartile of 40); the processor time of worker and server for each sample, from runs of two
   sizes against an endpoint that answers at once; how long the disk takes.
2. Validation: 1, 2 and 4 workers (``charbench sample``) on one server, each on a checkpoint of its own or all on one,
   against an endpoint that answers after a second; beside it what ``event_simulation.py`` says from the times of 1:
   with the time by the clock as it was, and with the disk's alone (a quiet machine).
3. Prediction: 8 workers and 10,000,000 samples at several latencies, with each time drawn evenly between 0.67 and 1.5
   times the measured one (30 draws): median and the 5th and 95th percentiles.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from chat_server import ANSWER, Server, serving
from event_simulation import Outcome, Service, Setting, simulate
from kill_processes import postgresql
from large_store import uri, write_lab
from measure import CHARBENCH, run_charbench
from scale import new_database
from store_growth import postmaster_of, processor

SIZES = (1, 2, 4, 8, 16, 32)
TIMES = 40
LATENCY, IN_FLIGHT, PROMPTS = 1.0, 32, 50
FAST = 0.001
"""Seconds of an answer where a worker's own time is measured: transactions are then large, and cost little."""
TOTAL, WORKERS = 10_000_000, 8
DRAWS, FACTOR = 30, 1.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1000, help="for each worker")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    given = parser.parse_args()
    with (
        postgresql(fsync="on") as url, serving(LATENCY) as server, serving(FAST) as fast,
        tempfile.TemporaryDirectory() as temporary,
    ):  # fmt: skip
        lab = Path(temporary)
        write_lab(lab, WORKERS)
        numbers = (f"workers{number}" for number in range(1000))
        sync = sync_time()
        commits = commit_times(begun(lab, new_database(url, next(numbers))))
        few, many = (
            [run_workers(lab, begun(lab, new_database(url, next(numbers))), fast, 1, size, shared=False)
             for _ in range(given.repeat)]
            for size in (given.samples, 4 * given.samples)
        )  # fmt: skip
        service = service_times(commits, few, many)
        print(f"commits {json.dumps(commits)}\nservice times, ms {in_ms(service)}", file=sys.stderr, flush=True)
        runs: list[tuple[int, bool, dict[str, float]]] = []
        for workers, shared in ((1, False), (2, False), (4, False), (4, True)) * given.repeat:
            store = begun(lab, new_database(url, next(numbers)))
            runs.append((workers, shared, run_workers(lab, store, server, workers, given.samples, shared=shared)))
            print(json.dumps([workers, shared, runs[-1][2]]), file=sys.stderr, flush=True)
    quiet = replace(service, stall=sync, stall_each=0.0)
    runs.sort(key=lambda one: one[:2])
    validation = validated({"as it was": service, "quiet": quiet}, runs, given.samples)
    prediction = list(predicted(quiet))
    for line in (*table(validation), "", *table(prediction)):
        print(line)
    if given.out:
        given.out.write_text(json.dumps({
            "service": asdict(service), "commits": commits, "sync": sync, "runs": runs,
            "validation": validation, "prediction": prediction,
            "load": os.getloadavg()[0],
        }, indent=1) + "\n", encoding="utf-8")  # fmt: skip
    return int(any(one["stored"] != one["wanted"] for _, _, one in runs))


def begun(lab: Path, store: str) -> str:
    """Make a store that knows the lab's checkpoints."""
    if (done := run_charbench("discover", "--lab", str(lab), "--store", store, "--source", "logs")).code:
        raise SystemExit(f"charbench discover ended with {done.code}")
    return store


def commit_times(store: str) -> dict[str, float]:
    """Return seconds of a transaction and of each sample in it: of our processor, of the server's, and by the clock."""
    from charbench.store.database import Database
    from charbench.store.runs import start_run
    from charbench.store.samples import SampleWriter

    database = Database.open(store)
    rows = SampleWriter(start_run(database, "several_workers", "0"))
    new = new_samples()
    postmaster = postmaster_of(store)
    found: list[tuple[float, float, float]] = []
    for size in SIZES:
        spans = []
        server_before = processor(postmaster)
        for _ in range(TIMES):
            batch = [next(new) for _ in range(size)]
            before, since = time.process_time(), time.monotonic()
            with database.write() as connection:
                rows.add(connection, batch)
            spans.append((time.process_time() - before, time.monotonic() - since))
        server = (processor(postmaster) - server_before) / TIMES
        own, clock = (float(np.quantile(some, 0.25)) for some in zip(*spans, strict=True))
        found.append((own, server, max(0.0, clock - own - server)))
    database.close()
    times: dict[str, float] = {}
    for name, values in zip(("commit", "server", "stall"), zip(*found, strict=True), strict=True):
        each, once = np.polyfit(np.array(SIZES), np.array(values), 1)
        times |= {name: max(0.0, float(once)), f"{name}_each": max(0.0, float(each))}
    return times


def sync_time() -> float:
    """Return the lower quartile of the seconds that the disk takes to have 8 kB."""
    spans = []
    with tempfile.TemporaryFile() as file:
        for _ in range(200):
            file.write(b"x" * 8192)
            file.flush()
            since = time.monotonic()
            os.fdatasync(file.fileno())
            spans.append(time.monotonic() - since)
    return float(np.quantile(spans, 0.25))


def new_samples() -> Iterator[Any]:
    """Yield samples of one checkpoint that the store does not have."""
    from charbench.components.sampler import SampleRequest
    from charbench.domain.checkpoint import Checkpoint
    from charbench.domain.keys import digest
    from charbench.domain.prompt import Prompt
    from charbench.domain.sample import Completion, Usage
    from charbench.sampling.samples import make_sample
    from charbench.store.samples import NewSample, SamplingSettings

    settings = SamplingSettings("thinking", 1, {"temperature": 0.7}, "default")
    prompts = [Prompt.from_text(f"Question {number}: what now?", f"q{number}") for number in range(PROMPTS)]
    given = Completion(text=ANSWER, finish_reason="stop", usage=Usage(20, 110), latency=1.0)
    number = 0
    while True:
        number += 1
        checkpoint, prompt = Checkpoint(uri=uri(0)), prompts[number % PROMPTS]
        request = SampleRequest(checkpoint=checkpoint, prompt=prompt, epoch=number // PROMPTS)
        yield NewSample(make_sample("thinking", digest("new", number), request, given), settings)


def run_workers(lab: Path, store: str, server: Server, workers: int, samples: int, *, shared: bool) -> dict[str, float]:
    """Let workers sample at once; return their processor seconds, what the server saw, and what is in the store."""
    import sqlalchemy as sa

    wanted = workers * samples
    server.forget()
    postmaster = postmaster_of(store)
    before = processor(postmaster)
    running = []
    for number in range(workers):
        epochs = (wanted if shared else samples) // PROMPTS
        words = (
            CHARBENCH, "sample", "--lab", lab, "--store", store, "--sampler", "thinking", "-q",
            "-c", uri(0 if shared else number), "--prompts", lab / "prompts.txt", "--epochs", str(epochs),
            "-o", f"sampler.thinking.base_url={server.url}", "-o", f"sampler.thinking.concurrency={IN_FLIGHT}",
        )  # fmt: skip
        running.append(subprocess.Popen(words, stdout=subprocess.DEVNULL))
    own = 0.0
    for process in running:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        own += usage.ru_utime + usage.ru_stime
    with sa.create_engine(store, poolclass=sa.NullPool).connect() as connection:
        stored = int(connection.scalar(sa.text("SELECT count(*) FROM samples")) or 0)
    after = processor(postmaster)
    seen = server.seen()
    return {
        "wanted": wanted, "requests": seen.requests, "stored": stored, "cpu_seconds": round(own, 3),
        "server_cpu_seconds": round(after - before, 3), "per_second": round(seen.middle_per_second, 2),
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def service_times(
    commits: dict[str, float], few: Sequence[dict[str, float]], many: Sequence[dict[str, float]]
) -> Service:
    """Return what the simulation needs.

    Of a run with more samples beside one with fewer: a worker's time for a sample is what its transactions do not
    take, and the server's what their fixed part does not.
    """
    per_sample = {
        name: (statistics.median(one[name] for one in many) - statistics.median(one[name] for one in few))
        / (many[0]["wanted"] - few[0]["wanted"])
        for name in ("cpu_seconds", "server_cpu_seconds")
    }
    first = Service(ask=per_sample["cpu_seconds"], **commits)
    batch = simulate(first, Setting(1, IN_FLIGHT, FAST, samples=1000)).batch
    return replace(
        first,
        ask=max(1e-4, per_sample["cpu_seconds"] - commits["commit"] / batch - commits["commit_each"]),
        server_each=max(commits["server_each"], per_sample["server_cpu_seconds"] - commits["server"] / batch),
    )


def in_ms(service: Service) -> dict[str, float]:
    return {name: round(1000 * seconds, 3) for name, seconds in asdict(service).items()}


def validated(
    services: dict[str, Service], runs: Sequence[tuple[int, bool, dict[str, float]]], samples: int
) -> list[dict[str, Any]]:
    """Return, for each number of workers, samples a second as measured and as simulated from each of the times."""
    rows = []
    for workers, shared in dict.fromkeys((workers, shared) for workers, shared, _ in runs):
        rates = [one["per_second"] for w, s, one in runs if (w, s) == (workers, shared)]
        setting = Setting(
            workers, IN_FLIGHT, LATENCY, samples=samples, shared_checkpoint=shared, worker_cores=2, server_cores=0
        )
        row = {
            "workers": workers, "checkpoints": "one" if shared else "each its own", "n": len(rates),
            "measured /s": f"{statistics.median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})",
        }  # fmt: skip
        for name, service in services.items():
            said = simulate(service, setting).per_second
            row[f"simulated /s, {name}"] = f"{said:.1f}"
            row[f"measured to it, {name}"] = f"{statistics.median(rates) / said:.2f}"
        rows.append(row)
    return rows


def predicted(service: Service) -> Iterator[dict[str, Any]]:
    """Yield what 8 workers with a core each are to do with an endpoint that keeps up."""
    dice = random.Random(20261129)
    for latency, in_flight, shared in (
        (10.0, 64, False), (10.0, 256, False), (1.0, 64, False), (1.0, 64, True), (0.1, 64, False), (0.1, 64, True)
    ):  # fmt: skip
        found: list[Outcome] = []
        for seed in range(DRAWS):
            drawn = {name: seconds * dice.uniform(1 / FACTOR, FACTOR) for name, seconds in asdict(service).items()}
            setting = Setting(
                WORKERS, in_flight, latency, 0.5, samples=max(800, 8 * in_flight), shared_checkpoint=shared,
                server_cores=4,
            )  # fmt: skip
            found.append(simulate(Service(**drawn), setting, seed))
        yield {
            "answers take": f"{latency:g} s", "in flight": f"{WORKERS} x {in_flight}",
            "checkpoints": "one" if shared else "each its own",
            "samples/s": ranged([one.per_second for one in found]),
            "hours for 10,000,000": ranged([TOTAL / one.per_second / 3600 for one in found]),
            "a worker's thread in use": ranged([100 * one.worker_busy for one in found]) + " %",
            "4 server cores in use": ranged([100 * one.server_busy for one in found]) + " %",
        }  # fmt: skip


def ranged(values: Sequence[float]) -> str:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield a Markdown table."""
    yield f"| {' | '.join(rows[0])} |"
    yield "| --- " * len(rows[0]) + "|"
    for row in rows:
        yield f"| {' | '.join(map(str, row.values()))} |"


if __name__ == "__main__":
    sys.exit(main())
