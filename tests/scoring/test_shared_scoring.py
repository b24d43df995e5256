"""Runs that score one store at the same time begin at different places, and do not wait where there is work left."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from charbench.scoring import lots
from charbench.store.claims import Claimed, claim, shared_out
from charbench.store.runs import process_start
from charbench.store.writer import Work, Writer
from support.command import Charbench, Ended, finish, start
from support.lab import LabBuilder, row, sampler
from support.plugins import Site
from support.store import connect, count, store_of

NOTING = """
import os
from charbench import Metric, Score, Scorer, hookimpl

class Noting(Scorer):
    "Notes whom it scores."
    name = "noting"
    metrics = (Metric("m"),)

    def begin(self, plan):
        with open(os.environ["NOTES"], "a") as file:
            file.write(plan.persona.name + "\\n")
        return ()

    def score(self, sample, persona):
        yield Score("m", "response", 1)

@hookimpl
def charbench_scorers():
    return [Noting]
"""
PERSONA = "name: {name}\ndescription: Says ahoy.\nmarkers: {{strong: [ahoy]}}\n"


@settings(max_examples=30)
@given(st.lists(st.integers(), unique=True, min_size=1), st.integers(0, 40))
def test_every_run_takes_all_that_there_is_once(items: list[int], others: int) -> None:
    taken = shared_out(items, others)
    assert sorted(taken) == sorted(items)
    assert shared_out(items, 0) == items


@given(st.integers(1, 6))
def test_so_many_runs_begin_as_far_from_each_other_as_they_can(power: int) -> None:
    runs = 2**power
    starts = sorted(shared_out(range(runs * 5), others)[0] for others in range(runs))
    assert {after - before for before, after in pairwise(starts)} == {5}


@pytest.mark.slow
@pytest.mark.sqlite("another run is put into the file")
def test_a_run_that_finds_another_at_work_begins_with_another_persona(
    lab: LabBuilder, site: Site, charbench: Charbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = scored_for(lab, site, charbench, monkeypatch, ("anne", "bert", "carl", "dora"))
    add_live_run(store)
    charbench.ok("score", "--scorer", "noting", "-q", lab=lab.root)
    assert (lab.root / "notes.txt").read_text().split() == ["carl", "dora", "anne", "bert"]
    assert count(store, "scored") == 4


@pytest.mark.slow
@pytest.mark.sqlite("another run is put into the file")
def test_what_another_run_is_at_is_looked_at_again_soon_and_then_less_often(
    lab: LabBuilder, site: Site, charbench: Charbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = scored_for(lab, site, charbench, monkeypatch, ("anne",))
    add_live_run(store)
    with connect(store).begin() as connection:
        claimed = "INSERT INTO claims (stage, item, run_id) SELECT 'score', '1:1', max(id) FROM runs"
        connection.execute(sa.text(claimed))
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 7:
            with connect(store).begin() as connection:
                connection.execute(sa.text("DELETE FROM claims"))

    monkeypatch.setattr(time, "sleep", wait)
    charbench.ok("score", "--scorer", "noting", "-q", lab=lab.root)
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.5, 0.5, 0.5, 0.5])
    assert count(store, "scored") == 1


@pytest.mark.slow
@pytest.mark.sqlite("has one writer at a time")
def test_what_is_scored_next_is_claimed_before_scores_are_written(
    lab: LabBuilder, site: Site, charbench: Charbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = three_of_anne(lab, site, charbench, monkeypatch)
    claimed: list[int] = []
    made = threading.Semaphore(0)
    put = Writer.put

    def told(*given: Any) -> Claimed:
        result = claim(*given)
        made.release()
        return result

    def counted(writer: Writer, work: Work, rescue: Callable[[], None] | None = None) -> None:
        for _ in range((2, 1, 0)[len(claimed)]):
            assert made.acquire(timeout=30), "the next sample was not claimed while this one was scored"
        claimed.append(count(store, "claims"))
        put(writer, work, rescue)
        writer.flush()

    monkeypatch.setattr(lots, "claim", told)
    monkeypatch.setattr(Writer, "put", counted)
    charbench.ok("score", "--scorer", "noting", "-q", lab=lab.root)
    assert claimed == [2, 2, 1]
    assert count(store, "scored") == 3


@pytest.mark.slow
@pytest.mark.sqlite("stands for any store that is lost")
def test_what_is_scored_is_kept_where_the_store_cannot_be_asked_what_is_next(
    lab: LabBuilder, site: Site, charbench: Charbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = three_of_anne(lab, site, charbench, monkeypatch)
    asked = 0

    def lost(*given: Any) -> Claimed:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise sa.exc.OperationalError("SELECT", {}, Exception("the server closed the connection"))
        return claim(*given)

    monkeypatch.setattr(lots, "claim", lost)
    with pytest.raises(sa.exc.OperationalError):
        charbench("score", "--scorer", "noting", "-q", lab=lab.root)
    assert count(store, "scored") == 1


@pytest.mark.slow
@pytest.mark.sqlite("claims of another run are put into the file")
def test_scorers_that_cost_nothing_claim_a_sample_together_and_its_scores_are_stored_once(
    lab: LabBuilder, site: Site, charbench: Charbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = three_of_anne(lab, site, charbench, monkeypatch)
    charbench.ok("score", "--scorer", "noting", "-c", "one", "-q", lab=lab.root)
    claimed: list[str] = []
    ended: list[Ended] = []

    def told(*given: Any) -> Claimed:
        result = claim(*given)
        claimed.extend(result.mine)
        if len(claimed) == 1:  # meanwhile a run with one of the scorers is at the sample, and stores what it gets
            ended.append(finish(start("score", "--scorer", "noting", "-q", lab=lab.root, env=site.env)))
        return result

    monkeypatch.setattr(lots, "claim", told)
    charbench.ok("score", "--scorer", "noting", "--scorer", "repetition", "-q", lab=lab.root)
    assert [one.code for one in ended] == [0]
    assert claimed == ["1+2:1", "1+2:2", "1+2:3"]
    with connect(store).begin() as connection:
        scored = connection.execute(sa.text("SELECT scoring_id, count(*) FROM scored GROUP BY scoring_id")).all()
        totals = connection.execute(sa.text("SELECT sum(count) FROM score_totals JOIN series ON id = series_id "
                                            "WHERE metric = 'm'")).scalar_one()  # fmt: skip
    assert (scored, totals, count(store, "claims")) == ([(1, 3), (2, 3)], 3, 0)


def three_of_anne(lab: LabBuilder, site: Site, charbench: Charbench, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a store with a sample of each of three checkpoints of one persona, and no score; return it."""
    store = scored_for(lab, site, charbench, monkeypatch, ("anne",))
    more = [row(persona="anne", checkpoint_name=name, sampler_path=sampler(9, name)) for name in ("one", "two")]
    lab.recorded(more, name="more")
    charbench.ok("discover", "--source", "recorded", lab=lab.root)
    charbench.ok("sample", "-q", "--sampler", "recorded", lab=lab.root)
    return store


def scored_for(
    lab: LabBuilder, site: Site, charbench: Charbench, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> Path:
    """Make a store with a sample of each persona, and no score; return it."""
    monkeypatch.setenv("NOTES", str(lab.write("notes.txt", "")))
    site.install("noting", NOTING)
    for name in names:
        lab.persona(name, PERSONA.format(name=name))
    lab.recorded(
        row(persona=name, checkpoint_name=name, sampler_path=sampler(number, name)) for number, name in enumerate(names)
    )
    charbench.ok("discover", "--source", "recorded", lab=lab.root)
    charbench.ok("sample", "-q", "--sampler", "recorded", lab=lab.root)
    return store_of(lab.root)


def add_live_run(store: Path) -> None:
    """Let a run of this process, which lives, be at work on the store."""
    alive = {"pid": os.getpid(), "started": process_start(os.getpid())}
    columns = "command, version, started_at, heartbeat_at, host, counts"
    another = f"INSERT INTO runs (status, pid, process_started, {columns}) SELECT 'running', :pid, :started, {columns}"
    with connect(store).begin() as connection:
        connection.execute(sa.text(f"{another} FROM runs LIMIT 1"), alive)
