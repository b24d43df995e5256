"""Ctrl-C once finishes what is in flight and says how to go on; twice stops at once."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import Ended, finish, in_process_of_its_own, start
from support.lab import LabBuilder, rows
from support.plugins import Site
from support.store import assert_each_exactly_once, assert_totals_equal_recount, count, query, store_of

# Says when it is at its 700th sample, and waits to be let go on: no test has to guess how far a run is.
WAITING = """
import os
from charbench import Channel, Metric, Score, Scorer, hookimpl

class Waiting(Scorer):
    "Waits at its 700th sample."
    name = "waiting"
    metrics = (Metric("m"),)
    seen = 0

    def score(self, sample, persona):
        self.seen += 1
        if self.seen == 700 and "AT_WORK" in os.environ:
            with open(os.environ["AT_WORK"], "w") as pipe:
                pipe.write("here")
            open(os.environ["GO_ON"]).close()
        return [Score("m", Channel.THINKING, 1.0)]

@hookimpl
def charbench_scorers():
    return [Waiting]
"""
PATIENT = {"CHARBENCH_STOP_GRACE": "300"}
"""What is in flight has as long as a busy machine needs."""
RUN = ("run", "--source", "recorded", "--scorer", "waiting", "--json")


@pytest.fixture
def big(lab: LabBuilder, site: Site) -> Path:
    site.install("waiting", WAITING)
    lab.recorded(rows(1_200))
    return lab.root


@pytest.fixture
def more() -> tuple[str, ...]:
    """Further words of the command that is interrupted."""
    return ()


@pytest.fixture
def at_work(big: Path, site: Site, more: tuple[str, ...]) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A run that stands in the middle of scoring, and the pipe that lets it go on."""
    pipes = {name: big / name.lower() for name in ("AT_WORK", "GO_ON")}
    for pipe in pipes.values():
        os.mkfifo(pipe)
    here = os.open(pipes["AT_WORK"], os.O_RDONLY | os.O_NONBLOCK)
    process = start(*RUN, *more, lab=big, env=site.env | PATIENT | {name: str(pipe) for name, pipe in pipes.items()})
    try:
        assert select.select([here], [], [], 120)[0], "the run never came to its 700th sample"
        yield process, pipes["GO_ON"]
    finally:
        os.close(here)
        process.kill()
        process.communicate()


def finish_after(process: subprocess.Popen[str], pipe: Path) -> Ended:
    """Let a run go on, and wait for its end."""
    go_on = os.open(pipe, os.O_RDWR)
    try:
        return finish(process)
    finally:
        os.close(go_on)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_one_ctrl_c_finishes_what_is_in_flight_and_says_how_to_go_on(
    at_work: tuple[subprocess.Popen[str], Path], big: Path, number: signal.Signals, site: Site
) -> None:
    process, pipe = at_work
    process.send_signal(number)
    ended = finish_after(process, pipe)
    assert ended.code == 130
    assert "Stopping: finishing what is in flight" in ended.err
    assert "Interrupted. Resume with: charbench run --source recorded --scorer waiting --json" in ended.err
    assert "Traceback" not in ended.err
    assert ended.json["run"]["status"] == "interrupted"
    store = store_of(big)
    assert 700 <= count(store, "scored") < 1_200
    assert_totals_equal_recount(store)
    assert query(store, "SELECT status FROM runs")[0][0] == "interrupted"
    assert count(store, "claims") == 0
    again = in_process_of_its_own(*RUN, lab=big, env=site.env)
    assert again.code == 0
    assert again.json["run"]["added"]["samples"] == 0
    assert_each_exactly_once(store, 1_200)


@pytest.mark.slow
def test_two_ctrl_c_stop_at_once_and_lose_nothing_that_was_written(
    at_work: tuple[subprocess.Popen[str], Path], big: Path, site: Site
) -> None:
    process, _ = at_work
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "Stopping" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    ended = finish(process)
    assert ended.code == 130
    assert "Stopped. Resume with: charbench run --source recorded --scorer waiting --json" in ended.err
    assert "Traceback" not in ended.err
    assert_totals_equal_recount(store_of(big))
    again = in_process_of_its_own(*RUN, lab=big, env=site.env)
    assert again.code == 0
    assert_each_exactly_once(store_of(big), 1_200)


@pytest.mark.slow
@pytest.mark.sqlite("run --fresh puts a file aside")
@pytest.mark.parametrize("more", [("--fresh",)])
def test_what_goes_on_with_a_run_that_began_anew_does_not_begin_anew(
    at_work: tuple[subprocess.Popen[str], Path], big: Path, site: Site
) -> None:
    process, pipe = at_work
    process.send_signal(signal.SIGINT)
    ended = finish_after(process, pipe)
    assert "Resume with: charbench run --source recorded --scorer waiting --json\n" in ended.err
    again = in_process_of_its_own(*RUN, lab=big, env=site.env)
    assert again.json["run"]["added"]["samples"] == 0
