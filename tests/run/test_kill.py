"""``kill -9`` at any moment, then the same command again: every sample and every score exactly once."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from support.command import finish, in_process_of_its_own, start
from support.lab import LabBuilder, rows
from support.store import assert_each_exactly_once, assert_totals_equal_recount, change, count, query, store_of

RUN = ("run", "--source", "recorded", "--quiet", "--json")


def done_so_far(store: Path | str) -> int:
    """Return how many samples and scored samples a store holds while somebody else writes to it."""
    try:
        return count(store, "samples") + count(store, "scored")
    except (OperationalError, ProgrammingError):  # there is no store, or no table in it, yet
        return 0


def kill_at(process: subprocess.Popen[str], store: Path | str, moment: int) -> bool:
    """Kill a run once the store holds ``moment`` items; return whether it was still running."""
    while process.poll() is None and done_so_far(store) < moment:
        try:
            process.wait(timeout=0.01)
        except subprocess.TimeoutExpired:
            continue
    alive = process.poll() is None
    process.kill()
    process.communicate()
    return alive


def kill_and_go_on(lab: LabBuilder, total: int, kills: int, seed: int) -> None:
    lab.recorded(rows(total))
    store = store_of(lab.root)
    moments = sorted(random.Random(seed).sample(range(1, 2 * total - total // 5), kills))
    killed = [kill_at(start(*RUN, lab=lab.root), store, moment) for moment in moments]
    assert sum(killed) >= kills - 1, "the runs ended before they could be killed"
    last = in_process_of_its_own(*RUN, lab=lab.root)
    assert last.code == 0, last.err
    assert_each_exactly_once(store, total)
    assert_totals_equal_recount(store)
    assert query(store, "SELECT count(*) FROM runs WHERE status = 'killed'")[0][0] == sum(killed)
    again = in_process_of_its_own(*RUN, lab=lab.root)
    assert (again.code, any(again.json["run"]["added"].values())) == (0, False)


@pytest.mark.slow
def test_two_kills_during_1000_samples_lose_and_double_nothing(lab: LabBuilder) -> None:
    kill_and_go_on(lab, 1_000, 2, seed=1)


@pytest.mark.slow
def test_ten_kills_during_100000_samples_lose_and_double_nothing(lab: LabBuilder) -> None:
    kill_and_go_on(lab, 100_000, 10, seed=2)


@pytest.mark.slow
def test_two_runs_at_once_on_one_store_share_the_work(lab: LabBuilder) -> None:
    lab.recorded(rows(1_000))
    ended = [finish(process) for process in [start(*RUN, lab=lab.root) for _ in range(2)]]
    assert [item.code for item in ended] == [0, 0], [item.err for item in ended]
    assert sum(item.json["run"]["added"]["samples"] for item in ended) == 1_000
    assert sum(item.json["run"]["added"]["scores"] for item in ended) == 1_000
    assert_each_exactly_once(store_of(lab.root), 1_000)
    assert_totals_equal_recount(store_of(lab.root))


@pytest.mark.slow
def test_a_run_takes_over_what_a_dead_run_had_claimed(lab: LabBuilder) -> None:
    lab.recorded(rows(400))
    store = store_of(lab.root)
    assert kill_at(start(*RUN, lab=lab.root), store, 1)
    for table in ("scores", "scored", "score_totals"):
        change(store, f"DELETE FROM {table}")
    # A claim that the killed run never let go of.
    change(store, "INSERT INTO claims SELECT 'score', '1:1', max(id) FROM runs WHERE true ON CONFLICT DO NOTHING")
    assert in_process_of_its_own(*RUN, lab=lab.root).code == 0
    assert_each_exactly_once(store, 400)
    assert count(store, "claims") == 0
