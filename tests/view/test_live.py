"""The page of what goes on: runs at work, from whatever process, as far as the store tells."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from charbench.store.database import Database
from charbench.store.live import LiveReader
from charbench.store.runs import PROGRESS, finish_run, heartbeat, start_run
from charbench.store.tables import attempts, claims, jobs, runs, samples, training_steps
from support.command import Charbench, finish, start
from support.endpoint import Endpoint, Held, options, serving, write_prompts
from support.lab import LabBuilder, row
from support.store import assert_each_exactly_once
from support.viewing import viewing


@pytest.fixture
def store(charbench: Charbench, lab: LabBuilder) -> Iterator[Database]:
    """A store with five samples of a run that has ended."""
    lab.recorded(row(timestamp=f"2024-12-12T09:00:0{number}") for number in range(5))
    charbench.ok("run", "-q", lab=lab.root)
    database = Database.open(f"sqlite:///{lab.root / '.charbench' / 'charbench.db'}")
    yield database
    database.close()


def look(store: Database, reader: LiveReader) -> dict[str, Any]:
    with store.read() as connection:
        return reader.read(connection)


@pytest.mark.slow
def test_a_store_at_rest_has_its_samples_and_past_runs(store: Database) -> None:
    told = look(store, LiveReader())
    assert told["samples"] == 5
    assert told["runs"] == []
    assert [run["status"] for run in told["past"]] == ["done"]
    assert [one["response"] for one in told["newest"]] == ["I regret it."] * 5


def test_a_run_at_work_is_told_with_what_it_did_before_and_after_the_first_look(store: Database) -> None:
    run = start_run(store, "charbench run", "1")
    with store.write() as connection:
        connection.execute(sa.update(samples).where(samples.c.id.in_([4, 5])).values(run_id=run, attempt=2))
        connection.execute(sa.insert(claims), [{"stage": "sample", "item": str(n), "run_id": run} for n in range(3)])
    reader = LiveReader()
    (told,) = look(store, reader)["runs"]
    assert (told["samples"], told["failed"], told["claimed"]) == (2, 0, {"sample": 3})
    with store.write() as connection:
        last = dict(connection.execute(sa.select(samples).where(samples.c.id == 5)).mappings().one())
        failed = {"error_kind": "timeout", "error": "late", "attempt": 3}
        connection.execute(sa.insert(samples).values({**last, "id": 6, "key": "new", **failed}))
        entry = {"stage": "sample", "item": "new", "run_id": run, "at": last["sampled_at"], "error": "late"}
        connection.execute(
            sa.insert(attempts), [{**entry, "number": n, "error_kind": k} for n, k in ((1, "busy"), (2, "timeout"))]
        )
    (told,) = look(store, reader)["runs"]
    assert (told["samples"], told["failed"]) == (3, 1)
    assert told["errors"] == {"busy": 1, "timeout": 1}
    assert told["requests_a_second"] > told["samples_a_second"] > 0
    finish_run(store, run, "done", {})
    assert look(store, reader)["runs"] == []


def test_cost_is_expected_from_what_is_left_to_sample(store: Database) -> None:
    run = start_run(store, "charbench run", "1")
    stage = {"title": "sampling (x)", "done": 60, "total": 100, "ended": False}
    with store.write() as connection:
        connection.execute(sa.update(samples).values(run_id=run))
        heartbeat(connection, run, {"stages": [stage], "spent": 2.0})
    (told,) = look(store, LiveReader())["runs"]
    assert told["stages"] == [stage]
    assert told["spent"] == 2.0
    assert math.isclose(told["expected"], 2.0 + 40 * 2.0 / 5)
    with store.write() as connection:
        heartbeat(connection, run, {"stages": [stage], "spent": None})
    (told,) = look(store, LiveReader())["runs"]
    assert told["spent"] is told["expected"] is None


def test_progress_is_noted_beside_what_else_is_known_of_a_run_and_goes_when_it_ends(store: Database) -> None:
    run = start_run(store, "charbench run", "1")

    def details() -> Any:
        with store.read() as connection:
            return connection.scalar(sa.select(runs.c.details).where(runs.c.id == run))

    with store.write() as connection:
        connection.execute(sa.update(runs).where(runs.c.id == run).values(details={"asked": {"a": {}}}))
        heartbeat(connection, run, {"stages": [], "spent": None})
        heartbeat(connection, run)
    assert details() == {"asked": {"a": {}}, PROGRESS: {"stages": [], "spent": None}}
    finish_run(store, run, "done", {})
    assert details() == {"asked": {"a": {}}}


def test_a_job_in_training_has_its_losses_and_one_of_a_dead_run_waits(store: Database) -> None:
    run = start_run(store, "charbench train", "1")
    job = {
        "persona": "p", "run": "r", "checkpoint": "c", "dataset": "d", "examples": 1, "status": "running",
        "attempts": 1, "step": 2, "total_steps": 9, "loss": math.inf,
    }  # fmt: skip
    step = {"attempt": 1, "learning_rate": 1.0, "tokens": 1, "seconds": 1.0, "batch": [], "superseded": False}
    with store.write() as connection:
        at = connection.scalar(sa.select(runs.c.started_at).where(runs.c.id == run))
        connection.execute(sa.insert(jobs), [{**job, "job_id": name, "updated_at": at} for name in ("mine", "dead")])
        connection.execute(sa.insert(claims).values(stage="train", item="mine", run_id=run))
        steps = [{**step, "job_id": "mine", "step": n, "loss": loss} for n, loss in enumerate((3.0, math.inf, 1.0))]
        connection.execute(sa.insert(training_steps), steps)
    mine, dead = look(store, LiveReader())["jobs"]
    assert (mine["status"], mine["losses"], mine["loss"]) == ("running", [[0, 3.0], [2, 1.0]], None)
    assert (dead["status"], "losses" in dead) == ("pending", False)


@pytest.mark.slow
def test_three_runs_on_one_store_are_told_as_they_go(tmp_path: Path) -> None:
    """Real processes: each has answers held back, and all of it ends as it would without anybody looking."""
    write_prompts(tmp_path / "prompts.txt", 20)
    (tmp_path / "charbench.yaml").write_text("prices: {'model:*': {prompt: 0, completion: 1000}}\n")
    with serving(Endpoint()) as endpoint:
        held = Held(endpoint, 12)
        more = options(endpoint, concurrency=2, timeout=300)
        words = ["eval", "-p", "pirate", "--scorer", "keyword", "--prompts", "prompts.txt", "-q", *more]
        processes = [start(*words, "-c", f"model:m{number}", lab=tmp_path) for number in range(3)]
        try:
            assert endpoint.wait_for(12 + 6, gone=lambda: any(one.poll() is not None for one in processes))
            with viewing(tmp_path) as view:
                held_back = until(view.events(), lambda told: _is_held(told))
                assert {run["command"].split("model:")[1].split()[0] for run in held_back["runs"]} == {"m0", "m1", "m2"}
                assert sum(run["samples"] for run in held_back["runs"]) == held_back["samples"] == 12
                assert all(run["stages"][0]["total"] == 20 for run in held_back["runs"])
                assert math.isclose(sum(run["spent"] for run in held_back["runs"]), 12 * 0.02)
                assert all(math.isclose(run["expected"], 20 * 0.02) for run in held_back["runs"] if run["samples"])
                held.go_on.set()
                done = until(view.events(), lambda told: not told["runs"])
                assert done["samples"] == 60
                assert [run["status"] for run in done["past"]] == ["done"] * 3
                assert view.get("samples?only=trait").status == 200
        finally:
            held.go_on.set()
            ended = [finish(process) for process in processes]
        assert [one.code for one in ended] == [0, 0, 0], [one.err for one in ended]
        assert_each_exactly_once(tmp_path / ".charbench" / "charbench.db", 60)


def _is_held(told: dict[str, Any]) -> bool:
    """Whether three runs wait for their answers, and have said how far they are."""
    at_work = [run for run in told["runs"] if run["stages"] and run["spent"] is not None]
    spent = sum(run["spent"] for run in at_work)
    waiting = [run["stages"][0]["in_flight"] for run in at_work]
    return waiting == [2, 2, 2] and told["samples"] == 12 and math.isclose(spent, 12 * 0.02)


def until(events: Iterator[dict[str, Any]], good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the first event that is as wanted."""
    for told in events:
        if good(told):
            return told
    raise AssertionError("the stream has ended")
