"""How soon a run notices that its store is gone, and what is lost by it.

    python benchmarks/store_loss.py [--rounds N] [--seed N]

In each round charbench asks an endpoint on loopback for 60 samples on a new SQLite store; at a random moment the store
is deleted, deleted with its journal, moved, replaced by another store, loses its journal, or its folder is renamed.
Measured: seconds from then until the run says so (the exit code must be 1), and what the same command asks for when
it is run again. Every count but the rounds and samples has to be 0; exit code 1 if one is not.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from kill_processes import KEY, Endpoint, Processes

PROMPTS = 60
CONCURRENCY = 4
LATENCY = 0.1
EVAL = ("eval", "-c", "model:m", "-p", "pirate", "--scorer", "keyword", "--prompts", "prompts.txt", "-q")
AT_MOST = 1.0
"""Seconds within which a run has to notice."""


def delete(store: Path) -> None:
    store.unlink()


def delete_with_journal(store: Path) -> None:
    for one in store.parent.glob(f"{store.name}*"):
        one.unlink()


def move(store: Path) -> None:
    store.rename(store.with_name("elsewhere.db"))


def rename_folder(store: Path) -> None:
    store.parent.rename(store.parent.with_name("renamed"))


def lose_journal(store: Path) -> None:
    store.with_name(f"{store.name}-wal").unlink()


def replace(store: Path) -> None:
    (store.parents[1] / "other.db").replace(store)


HARMS: tuple[Callable[[Path], None], ...] = (delete, delete_with_journal, move, rename_folder, lose_journal, replace)


@dataclass
class Figures:
    """What the rounds of one kind of harm gave."""

    rounds: int = 0
    samples: int = 0
    seconds: list[float] = field(default_factory=list)
    lost: int = 0
    twice: int = 0
    wrong_exit: int = 0

    @property
    def fine(self) -> bool:
        """Whether all is as promised."""
        return not (self.lost or self.twice or self.wrong_exit) and max(self.seconds, default=0) <= AT_MOST


def main() -> int:
    """Play the rounds and print a line for each kind of harm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    dice = random.Random(given.seed)
    processes = Processes()
    print(f"{'harm':<20} rounds samples  noticed after (mean, longest)  lost  asked twice  wrong exit")
    fine = True
    for harm in HARMS:
        figures = Figures()
        while figures.rounds < given.rounds:
            play(processes, harm, dice, figures)
        fine = fine and figures.fine
        longest, mean = max(figures.seconds), sum(figures.seconds) / len(figures.seconds)
        print(
            f"{harm.__name__:<20} {figures.rounds:>6} {figures.samples:>7} {mean:>15.2f} s {longest:>10.2f} s"
            f" {figures.lost:>5} {figures.twice:>12} {figures.wrong_exit:>11}",
            flush=True,
        )
    processes.close()
    return 0 if fine else 1


def play(processes: Processes, harm: Callable[[Path], None], dice: random.Random, figures: Figures) -> None:
    """Play one round; one whose run had ended before the harm was done does not count."""
    lab = Path(tempfile.mkdtemp(prefix="charbench-loss-"))
    store, log = lab / ".charbench" / "charbench.db", lab / "stderr.txt"
    (lab / "prompts.txt").write_text("".join(f"What of day {number}?\n" for number in range(PROMPTS)))
    try:
        with Endpoint(LATENCY).serving() as endpoint:
            options = {"base_url": endpoint.url, "concurrency": CONCURRENCY, "api_key_env": KEY}
            words = [*EVAL, *(w for name, value in options.items() for w in ("-o", f"sampler.thinking.{name}={value}"))]
            if harm is replace:
                processes.wait(processes.start(["discover", "--store", "other.db"], lab, "other", log))
            pid = processes.start(words, lab, "first", log)
            wanted = dice.randint(1, PROMPTS - 2 * CONCURRENCY)
            while len(endpoint.requests) < wanted and processes.ended(pid) is None:
                time.sleep(0.002)
            harm(store)
            begun = time.monotonic()
            while "the run stops" not in log.read_text() and processes.ended(pid) is None:
                time.sleep(0.002)
            figures.seconds.append(time.monotonic() - begun)
            figures.wrong_exit += processes.wait(pid) != 1
            figures.wrong_exit += processes.wait(processes.start(words, lab, "second", log)) != 0
            asked = Counter(request.prompt for request in endpoint.requests)
        with closing(sqlite3.connect(store)) as connection, connection:
            (stored,) = connection.execute(
                "SELECT count(DISTINCT key) FROM samples WHERE error_kind IS NULL"
            ).fetchone()
        connection.close()
        figures.rounds += 1
        figures.samples += stored
        figures.lost += PROMPTS - stored
        figures.twice += sum(asked.values()) - len(asked)
    finally:
        shutil.rmtree(lab, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
