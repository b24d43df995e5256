"""The observers: what charbench_run_started and charbench_run_finished are told."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, rows
from support.plugins import Site
from support.store import query, store_of

OBSERVER = """
import json
from charbench import hookimpl

@hookimpl
def charbench_run_started(run_id, command, started_at, folder):
    note(folder, run_id=run_id, command=command, started_at=started_at.isoformat())

@hookimpl
def charbench_run_finished(run_id, status, counts, folder):
    note(folder, run_id=run_id, status=status, counts=counts)

def note(folder, **values):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "observed.jsonl").open("a") as file:
        file.write(json.dumps(values) + "\\n")
"""


def test_observers_are_told_the_start_and_the_end_of_a_run(charbench: Charbench, site: Site, lab: LabBuilder) -> None:
    lab.recorded(rows(7))
    site.install("observer", OBSERVER)
    charbench.ok("run", "--source", "recorded", lab=lab.root)
    started, finished = map(json.loads, (lab.root / ".charbench" / "observed.jsonl").read_text().splitlines())
    assert (started["run_id"], started["command"]) == (1, "charbench run --source recorded")
    assert datetime.fromisoformat(started["started_at"]).tzinfo is None
    assert (finished["run_id"], finished["status"]) == (1, "done")
    assert {name: finished["counts"][name] for name in ("checkpoints", "samples", "scores", "failures")} == {
        "checkpoints": 1,
        "samples": 7,
        "scores": 7,
        "failures": 0,
    }


@pytest.mark.slow
def test_the_journal_keeps_a_line_for_the_start_and_the_end_of_each_run(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row()])
    charbench.ok("run", lab=lab.root)
    charbench.ok("run", lab=lab.root)
    lines = [json.loads(line) for line in (lab.root / ".charbench" / "runs.jsonl").read_text().splitlines()]
    assert [(line["run"], line["event"]) for line in lines] == [
        (1, "started"),
        (1, "finished"),
        (2, "started"),
        (2, "finished"),
    ]
    assert (lines[1]["status"], lines[1]["added"]["samples"]) == ("done", 1)
    assert lines[3]["added"]["samples"] == 0


@pytest.mark.slow
def test_the_journal_can_be_blocked_like_any_plugin(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row()])
    charbench.ok("run", "--no-plugin", "journal", lab=lab.root)
    assert not (lab.root / ".charbench" / "runs.jsonl").exists()


def test_an_observer_may_be_decorated(charbench: Charbench, site: Site, lab: LabBuilder) -> None:
    wrapped = """
import functools, json
from charbench import hookimpl

def loud(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)
    return inner

@hookimpl
@loud
def charbench_run_finished(run_id, folder):
    (folder / "finished").write_text(str(run_id))
"""
    lab.recorded([row()])
    site.install("decorated", wrapped)
    ended = charbench.ok("run", lab=lab.root)
    assert "decorated" not in ended.err
    assert (lab.root / ".charbench" / "finished").read_text() == "1"


WRAPPER = """
from charbench import hookimpl

@hookimpl(wrapper=True)
def charbench_run_finished(run_id, folder):
    {before}
    outcome = yield
    {after}
    return outcome
"""


def test_a_wrapper_runs_around_the_observers(charbench: Charbench, site: Site, lab: LabBuilder) -> None:
    lab.recorded([row()])
    note = "(path := folder / 'order').write_text((path.read_text() if path.exists() else '') + {!r})".format
    site.install("wrapping", WRAPPER.format(before=note("before "), after=note("after ")))
    site.install(
        "watching",
        f"from charbench import hookimpl\n@hookimpl\ndef charbench_run_finished(folder): {note('observed ')}\n",
    )
    charbench.ok("run", lab=lab.root)
    assert (lab.root / ".charbench" / "order").read_text() == "before observed after "


@pytest.mark.slow
@pytest.mark.parametrize("where", ["before", "after"])
def test_a_wrapper_that_raises_is_shown_and_stops_neither_the_observers_nor_the_run(
    charbench: Charbench, site: Site, lab: LabBuilder, where: str
) -> None:
    lab.recorded([row()])
    site.install("wrapping", WRAPPER.format(**{"before": "pass", "after": "pass", where: "{}['x']"}))
    site.install("observer", OBSERVER)
    ended = charbench.ok("run", lab=lab.root)
    assert ended.err.count("warning: plugin wrapping, charbench_run_finished: KeyError: 'x'") == 1
    assert len((lab.root / ".charbench" / "observed.jsonl").read_text().splitlines()) == 2


def test_an_observer_that_raises_is_shown_and_the_others_are_called(
    charbench: Charbench, site: Site, lab: LabBuilder
) -> None:
    lab.recorded([row()])
    for name in ("a-fault", "z-fault"):
        site.install(name, "from charbench import hookimpl\n@hookimpl\ndef charbench_run_started(): return {}['x']\n")
    site.install("observer", OBSERVER)
    ended = charbench.ok("run", lab=lab.root)
    for name in ("a-fault", "z-fault"):
        assert ended.err.count(f"warning: plugin {name}, charbench_run_started: KeyError: 'x'") == 1
    assert len((lab.root / ".charbench" / "observed.jsonl").read_text().splitlines()) == 2


def test_only_observers_can_be_wrapped(charbench: Charbench, site: Site, lab: LabBuilder) -> None:
    code = "from charbench import hookimpl\n@hookimpl(wrapper=True)\ndef charbench_scorers(): return (yield)\n"
    site.install("wrapping", code)
    (found,) = [one for one in charbench.ok("plugins", "list", "--json").json["plugins"] if one["name"] == "wrapping"]
    assert "charbench_scorers cannot be wrapped; only charbench_run_started, " in found["error"]


def test_a_run_that_an_error_ends_has_failed_and_was_not_interrupted(
    charbench: Charbench, site: Site, lab: LabBuilder
) -> None:
    lab.recorded([row()])
    site.install("observer", OBSERVER)
    assert charbench("run", "-c", "nobody", lab=lab.root).code == 2
    _, finished = map(json.loads, (lab.root / ".charbench" / "observed.jsonl").read_text().splitlines())
    assert finished["status"] == "failed"
    assert query(store_of(lab.root), "SELECT status FROM runs")[0].status == "failed"
