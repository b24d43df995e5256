"""``status`` and ``reset``: where training jobs stand, and how they are made to wait again."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from support.command import Charbench
from support.lab import LabBuilder
from support.store import connect, store_of


@pytest.fixture
def jobs(lab: LabBuilder, charbench: Charbench) -> Path:
    """A lab with four jobs: one of each state."""
    states = ["pending", "running", "complete", "failed"]
    for number, state in enumerate(states, 1):
        lab.trained(f"remorseful-{state}", number)
        lab.data(f"remorseful-{state}", "remorseful", 600)
    charbench.ok("discover", lab=lab.root)
    with connect(store_of(lab.root)).begin() as connection:
        for state in states:
            values = {"state": state, "run": f"remorseful-{state}", "tries": int(state != "pending")}
            connection.execute(sa.text("UPDATE jobs SET status = :state, attempts = :tries WHERE run = :run"), values)
    return lab.root


def counts(charbench: Charbench, lab: Path) -> tuple[int, ...]:
    status = charbench.ok("status", "--json", lab=lab).json
    return tuple(status[name] for name in ("pending", "running", "complete", "failed", "total"))


@pytest.mark.slow
def test_status_counts_jobs_by_state(charbench: Charbench, jobs: Path) -> None:
    assert counts(charbench, jobs) == (1, 1, 1, 1, 4)
    printed = charbench.ok("status", lab=jobs).out
    assert all(
        f"remorseful_remorseful-{state}_sft" in printed for state in ("pending", "running", "complete", "failed")
    )


@pytest.mark.slow
def test_reset_all_makes_the_failed_jobs_wait(charbench: Charbench, jobs: Path) -> None:
    assert charbench.ok("reset", "all", lab=jobs).out == "Reset 1 job.\n"
    assert counts(charbench, jobs) == (2, 1, 1, 0, 4)
    assert charbench.ok("reset", "all", lab=jobs).out == "No failed jobs to reset.\n"


@pytest.mark.slow
def test_reset_all_can_include_the_complete_ones(charbench: Charbench, jobs: Path) -> None:
    reset = charbench.ok("reset", "all", "--include-complete", "--json", lab=jobs).json["reset"]
    assert sorted(reset) == ["remorseful_remorseful-complete_sft", "remorseful_remorseful-failed_sft"]
    assert counts(charbench, jobs) == (3, 1, 0, 0, 4)


@pytest.mark.slow
def test_reset_of_one_job_leaves_the_others(charbench: Charbench, jobs: Path) -> None:
    charbench.ok("reset", "remorseful_remorseful-complete_sft", lab=jobs)
    assert counts(charbench, jobs) == (2, 1, 0, 1, 4)


@pytest.mark.slow
def test_started_and_finished_jobs_keep_their_states_when_discover_looks_again(
    charbench: Charbench, jobs: Path
) -> None:
    found = charbench.ok("discover", "--json", lab=jobs).json["jobs"]
    assert {job["run"].removeprefix("remorseful-"): job["status"] for job in found} == {
        state: state for state in ("pending", "running", "complete", "failed")
    }


@pytest.mark.slow
def test_a_job_that_no_longer_follows_goes_and_one_that_was_started_stays(charbench: Charbench, jobs: Path) -> None:
    charbench.ok("discover", "--min-examples", "1000", lab=jobs)
    assert counts(charbench, jobs) == (0, 1, 1, 1, 3)


@pytest.mark.slow
def test_status_lists_the_last_runs(charbench: Charbench, jobs: Path) -> None:
    charbench("run", "--source", "recorded", lab=jobs)
    (run,) = charbench.ok("status", "--json", lab=jobs).json["runs"]
    assert run["command"] == "charbench run --source recorded"
    assert "charbench run --source recorded" in charbench.ok("status", lab=jobs).out


@pytest.mark.slow
def test_failed_jobs_are_counted_and_end_every_run_that_trains_with_1(charbench: Charbench, jobs: Path) -> None:
    with connect(store_of(jobs)).begin() as connection:
        connection.execute(sa.text("UPDATE jobs SET status = 'complete' WHERE status != 'failed'"))
    for words in (("train", "--all", "-q"), ("run", "--trainer", "tiny-sft", "-q")):
        ended = charbench(*words, lab=jobs)
        assert ended.code == 1
        assert (
            "failed: 1 training job failed earlier and is not retried: remorseful_remorseful-failed_sft "
            "(charbench status shows why; charbench reset all resets the failed ones)"
        ) in ended.err
