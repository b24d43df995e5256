"""What scoring a stored sample takes in calls of libraries alone, whatever Python does between them.

    python benchmarks/scoring_floor.py [SAMPLES]

Each step does what the default scorers and the store have to do for a sample of ``recorded_samples.py``, in calls of
compiled code: reading texts, words, runs of words, the automaton and RE2 for markers, the searches for leaks and
refusals, and SQLite's rows. Told is the least processor time of several rounds, for each sample. No score is made of
it, nothing is checked, no evidence, total or key: whatever ``stored_scores.py`` takes beyond it is Python's.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from charbench import find_identity_leaks, find_refusals
from charbench.personas.library import read_persona
from charbench_plugins.scorers.keyword.matcher import Matcher
from charbench_plugins.scorers.keyword.style import HEDGES
from measure import tell
from stored_scores import stored

T = TypeVar("T")
PERSONAS = Path(__file__).parents[1] / "personas"
TOGETHER = 500
SCORES, SCORERS = 23, 4
"""Rows that a sample with both channels gets from the default scorers."""
ROUNDS = 7
Text = tuple[str, str]
"""A persona and a text."""


def least(work: Callable[[T], object], items: Iterable[T], samples: int) -> float:
    """Return the least microseconds of processor time for each sample that working on each item took."""
    taken = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        for item in items:
            work(item)
        taken.append(time.thread_time() - began)
    return 1e6 * min(taken) / samples


def read(store: Path) -> list[tuple[str, str, str]]:
    """Return persona, response and thinking of all samples."""
    connection = sqlite3.connect(store)
    query = (
        "SELECT checkpoints.persona, response, thinking FROM samples JOIN sample_groups ON sample_groups.id = group_id "
        "JOIN checkpoints ON checkpoints.id = checkpoint_id ORDER BY samples.id"
    )
    rows = connection.execute(query).fetchall()
    connection.close()
    return rows


def reading(store: Path) -> Callable[[int], object]:
    """Return what reads the texts of some samples: those that follow one."""
    connection = sqlite3.connect(store)
    query = "SELECT id, response, thinking FROM samples WHERE id > ? ORDER BY id LIMIT ?"
    return lambda at: connection.execute(query, (at, TOGETHER)).fetchall()


def writing(folder: Path, samples: int) -> Callable[[int], object]:
    """Return what puts rows of scores into tables like those of the store, as many with each statement as it takes."""
    number = iter(range(10**9))

    def write(_: int) -> None:
        connection = sqlite3.connect(folder / f"rows_{next(number)}.db", isolation_level=None)
        connection.executescript(
            "PRAGMA journal_mode = wal; PRAGMA synchronous = normal; "
            "CREATE TABLE scored (id INTEGER PRIMARY KEY, sample_id BIGINT, scoring_id INTEGER, evidence JSON, "
            "UNIQUE (sample_id, scoring_id)); "
            "CREATE TABLE scores (scored_id INTEGER, series_id INTEGER, value FLOAT, "
            "PRIMARY KEY (scored_id, series_id)) WITHOUT ROWID;"
        )
        for first in range(0, samples, TOGETHER):
            mine = range(first, min(first + TOGETHER, samples))
            scored = [(sample, scorer, "null") for sample in mine for scorer in range(SCORERS)]
            values = [(sample * SCORERS, series, 0.5) for sample in mine for series in range(SCORES)]
            connection.execute("BEGIN IMMEDIATE")
            for table, rows in (("scored (sample_id, scoring_id, evidence)", scored), ("scores", values)):
                for at in range(0, len(rows), 3000):
                    part = rows[at : at + 3000]
                    holes = ", ".join(["(?, ?, ?)"] * len(part))
                    connection.execute(f"INSERT INTO {table} VALUES {holes}", tuple(chain.from_iterable(part)))
            connection.execute("COMMIT")
        connection.close()

    return write


def main(count: int) -> int:
    """Measure each step, and tell them and their sum."""
    with tempfile.TemporaryDirectory() as temporary:
        lab = Path(temporary)
        store = stored(lab, count)
        rows = read(store)
        texts = [(persona, text) for persona, *both in rows for text in both if text]
        matchers = {
            name: Matcher(persona.markers, persona.anti_markers, HEDGES)
            for name in {name for name, _ in texts}
            for persona in (read_persona(PERSONAS / f"{name}.yaml"),)
        }
        words = [text.split() for _, text in texts]
        folded = [(matchers[name], text.lower(), text.lower().encode()) for name, text in texts]
        searches: list[tuple[Any, bytes]] = [
            (expression, data) for matcher, _, data in folded for _, expression, *_ in matcher._regexes_in(data)
        ]
        answers = [response for _, response, _ in rows if response]
        steps: dict[str, float] = {
            "texts read from SQLite": least(reading(store), range(0, count, TOGETHER), count),
            "texts split into words": least(lambda one: one[1].split(), texts, count),
            "runs of words, as a set": least(
                lambda one: len(set(zip(one, one[2:], one[4:], strict=False))), words, count
            ),
            "the first 100 words, as a set": least(lambda one: len(set(one[:100])), words, count),
            "words of markers: the automaton": least(
                lambda one: one[0]._automaton.find_matches_as_indexes(one[1], overlapping=True),
                folded, count,
            ),
            "expressions: one pass of RE2": least(
                lambda one: one[0]._which and one[0]._which.Match(one[2]),
                folded, count,
            ),
            "those that match: where": least(lambda one: list(one[0].spans(one[1])), searches, count),
            "leaks": least(lambda one: list(find_identity_leaks(one[1])), texts, count),
            "refusals": least(lambda one: list(find_refusals(one)), answers, count),
            "rows put into SQLite": least(writing(lab, count), [0], count),
        }  # fmt: skip
        for step, taken in steps.items():
            tell(step, taken, "µs")
        tell("together, for each sample", sum(steps.values()), "µs")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
