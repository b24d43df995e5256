"""Scoring that fails while another run is at work: every sample is tried once a run."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from charbench.run.stages import Stages
from charbench.store.runs import process_start
from support.command import Charbench, finish, start
from support.lab import LabBuilder, rows
from support.plugins import Site
from support.store import connect, count, store_of

FAILING = """
import os
from charbench import Metric, SamplingError, Scorer, hookimpl

class Failing(Scorer):
    "Notes what it is asked, and fails."
    name = "failing"
    metrics = (Metric("m"),)

    {form} score(self, sample, persona):
        with open(os.environ["NOTES"], "a") as file:
            file.write(sample.key + "\\n")
        raise SamplingError("not now", kind="server")

@hookimpl
def charbench_scorers():
    return [Failing]
"""


def claim_for_another_run(store: Path, sample: int) -> None:
    """Let a run of this process, which lives, be at one sample."""
    alive = {"pid": os.getpid(), "started": process_start(os.getpid())}
    with connect(store).begin() as connection:
        columns = "command, version, started_at, heartbeat_at, host, counts"
        another = (
            f"INSERT INTO runs (status, pid, process_started, {columns}) SELECT 'running', :pid, :started, {columns}"
        )
        connection.execute(sa.text(f"{another} FROM runs"), alive)
        claimed = "INSERT INTO claims (stage, item, run_id) SELECT 'score', :item, max(id) FROM runs"
        connection.execute(sa.text(claimed), {"item": f"1:{sample}"})


@pytest.mark.slow
@pytest.mark.parametrize("form", ["def", "async def"])
def test_what_failed_is_not_tried_again_while_another_run_is_at_work(
    lab: LabBuilder, site: Site, charbench: Charbench, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    notes = lab.write("notes.txt", "")
    monkeypatch.setenv("NOTES", str(notes))
    site.install("failing", FAILING.replace("{form}", form))
    lab.recorded(rows(5))
    words = ("run", "--source", "recorded", "--scorer", "failing", "-q")
    assert charbench(*words, lab=lab.root).code == 1
    store = store_of(lab.root)
    claim_for_another_run(store, sample=3)
    notes.write_text("")
    process = start(*words, lab=lab.root, env=site.env)
    while len(notes.read_text().splitlines()) < 4 and process.poll() is None:
        time.sleep(0.05)
    time.sleep(1.5)  # three looks at what the other run does
    with connect(store).begin() as connection:
        connection.execute(sa.text("DELETE FROM claims WHERE item = '1:3'"))
    ended = finish(process)
    assert (ended.code, "scorer failing: 5 failed: not now" in ended.err) == (1, True), ended.err
    assert sorted(Counter(notes.read_text().splitlines()).values()) == [1] * 5
    assert count(store, "claims") == 0


def test_how_many_samples_are_left_is_told_of_scorers_that_only_compute(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is counted where nothing is to do."""
    runs: list[Stages] = []
    shown = Stages.shown

    def noted(stages: Stages, *given: Any) -> Any:
        runs.append(stages)
        return shown(stages, *given)

    monkeypatch.setattr(Stages, "shown", noted)
    lab.recorded(rows(5))
    for _ in range(2):
        charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    told = [(stage.title, stage.total, stage.done) for stages in runs for stage in stages.stages]
    assert ("scoring (keyword; remorseful)", 5, 5) in told
    assert ("scoring (keyword; remorseful)", None, 0) in told
