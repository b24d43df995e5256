"""Kills charbench at random moments, and counts what is lost, stored twice, or asked for twice.

    python benchmarks/kills.py [--kills N] [--contention N] [--seed N] [--in-flight N] [--stage run|train]
                               [--longest SECONDS] [--postgresql] [--out FILE]
    python benchmarks/kills.py --summary FILE...

Rounds of `eval` (against an endpoint on loopback that notes every request and who sent it; one process, or four
at once on one store) and of `train` (trainer tiny-sft), each on a new store: SQLite, and with --postgresql every
other round PostgreSQL. In a round processes get SIGKILL at random moments and others take their place; then the
command runs to its end, and store and requests are compared with what was wanted. A request for what had been
asked already counts as "in flight" only where the process that had asked was dead by then and had not stored the
answer, and no killed process may leave more of those than it had requests in flight (twice as many from 16 in flight
on, where answers that are being written come on top); a training step done again
must come after the last saved state. The dice are seeded, so that a seed gives the same kills; the moments that
they hit depend on the machine. Results are appended to FILE, one line of JSON for each round. Exit code 1 if
anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kill_processes import Processes, postgresql
from kill_rounds import CONCURRENCY, LONGEST, Round, World, run_round

SHAPES = (("run", 1, 10), ("train", 1, 10), ("run", 4, 4), ("run", 4, 4))
"""Stage, processes at once, and kills at most of the rounds, in turn."""
WRONG = ("lost", "stored_twice", "requested_twice", "failed")
_NOT_COUNTED = -1
"""Of the most that one process left: results of before have it not."""
COUNTS = ("kills", "items", "again", *WRONG)


def main() -> int:
    """Run the campaign, or show a results file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--contention", type=int, default=0, metavar="N", help="then N rounds of 4 without a kill")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--in-flight", type=int, default=CONCURRENCY, metavar="N", help="requests of one process")
    parser.add_argument("--longest", type=float, default=LONGEST, help="seconds between two kills at most")
    parser.add_argument("--stage", choices=["run", "train"], help="rounds of this stage alone")
    parser.add_argument("--postgresql", action="store_true", help="every other round on a PostgreSQL of our own")
    parser.add_argument("--out", type=Path, help="append each round's result here")
    parser.add_argument("--summary", type=Path, nargs="+", help="only show these results")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    if given.summary:
        rounds = [json.loads(line) for file in given.summary for line in file.read_text().splitlines()]
    else:
        rounds = list(campaign(given))
    show(rounds)
    return 1 if any(one[name] for one in rounds for name in WRONG) else 0


def campaign(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Play rounds until so many kills have hit, then those without; yield each round's result."""
    kills, contention, out = given.kills, given.contention, given.out
    shapes = [shape for shape in SHAPES if given.stage in (None, shape[0])]
    dice = random.Random(given.seed)
    with ExitStack() as stack:
        processes = Processes()
        stack.callback(processes.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="charbench-kills-")))
        server = stack.enter_context(postgresql()) if given.postgresql else None
        world = World(processes, make_template(folder), server, given.longest)
        backends = ("sqlite", "postgresql") if given.postgresql else ("sqlite",)
        done = number = 0
        while done < kills or contention:
            shape = shapes[number // len(backends) % len(shapes)] if done < kills else ("run", 4, 0)
            contention -= done >= kills
            result = Round(shape[0], backends[number % len(backends)], shape[1], dice.randrange(2**31), given.in_flight)
            run_round(world, result, min(shape[2], kills - done))
            done, number = done + result.kills, number + 1
            if out is not None:
                out.parent.mkdir(parents=True, exist_ok=True)
                with out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(result.as_dict()) + "\n")
            for note in result.notes:
                print(f"round {number} ({result.stage}, {result.backend}): {note}", file=sys.stderr, flush=True)
            yield result.as_dict()


def make_template(folder: Path) -> Path:
    """Write the quickstart's lab, with its training job waiting."""
    from charbench_plugins.quickstart import charbench_quickstart_lab

    lab = folder / "lab"
    lab.mkdir()
    charbench_quickstart_lab(lab)
    return lab


def show(rounds: Iterable[dict[str, Any]]) -> None:
    """Print a line for each stage, store, number of processes and of requests in flight, and one for all."""
    totals: dict[tuple[str, ...], dict[str, int]] = {}
    for one in rounds:
        in_flight = str(one.get("in_flight", CONCURRENCY)) if one["stage"] == "run" else ""
        for key in ((one["stage"], one["backend"], str(one["processes"]), in_flight), ("all", "", "", "")):
            row = totals.setdefault(key, {**dict.fromkeys(("rounds", *COUNTS), 0), "most_again": _NOT_COUNTED})
            row["rounds"] += 1
            for name in COUNTS:
                row[name] += one[name]
            row["most_again"] = max(row["most_again"], one.get("most_again", _NOT_COUNTED))
    titles = ["stage", "store", "processes", "in_flight", "rounds", *COUNTS, "most_again"]
    lines = [
        titles,
        *(
            [*key, *("-" if value == _NOT_COUNTED else str(value) for value in row.values())]
            for key, row in sorted(totals.items(), key=_last_is_all)
        ),
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _last_is_all(entry: tuple[tuple[str, ...], Any]) -> tuple[bool, tuple[str, ...]]:
    return entry[0][0] == "all", entry[0]


if __name__ == "__main__":
    sys.exit(main())
