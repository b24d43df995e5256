"""Training by a plugin's trainer: who else may train the job meanwhile, and what a trainer may return."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.command import Charbench, finish, start
from support.lab import LabBuilder
from support.plugins import Site
from support.store import query, store_of

# A trainer that does in `train(task)` what a test says.
TRAINER = """
import os, sqlite3, subprocess, sys, time
from charbench import Checkpoint, Kind, Lineage, Note, Trained, Trainer, hookimpl

MADE = Checkpoint(
    uri="tinker://made:train:0/sampler_weights/final", kind=Kind.SFT, persona="remorseful",
    lineage=Lineage(parent="tinker://parent:train:0/weights/final", recipe="paper"),
)

def ask(task, *statements):
    connection = sqlite3.connect(task.workspace.parents[1] / "charbench.db", timeout=20)
    with connection:
        rows = [connection.execute(statement).fetchall() for statement in statements]
    connection.close()
    return rows[-1]

def wait_for_a_heartbeat(task):
    ask(task, "UPDATE runs SET host = 'elsewhere', heartbeat_at = '2020-01-01 00:00:00.000000'")
    for _ in range(10_000):  # looks, however long they take
        if not ask(task, "SELECT heartbeat_at FROM runs")[0][0].startswith("2020"):
            return
        time.sleep(0.02)
    raise AssertionError("the run never said that it lives")

class Mine(Trainer):
    "A trainer of a test's own."
    name = "mine"
    recipes = ("paper", "quick")

    def accepts(self, checkpoint):
        return True

@hookimpl
def charbench_trainers():
    return [Mine]
"""


@pytest.fixture
def waiting(lab: LabBuilder, charbench: Charbench) -> Path:
    """A lab with one job that waits for the trainer ``mine``."""
    lab.trained("remorseful-a", 1)
    lab.data("remorseful-a", "remorseful", 20)
    lab.config("min_examples: 10\nsources: [logs]\ntrainers: [mine]\n")
    charbench.ok("discover", lab=lab.root)
    return lab.root


def install(site: Site, train: str, more: str = "") -> None:
    """Install the trainer ``mine`` with this method ``train(self, task)``."""
    body = "".join(f"    {line}\n" for line in train.strip().splitlines())
    site.install("mine", TRAINER.replace("@hookimpl", f"{body}\n{more}\n@hookimpl", 1))


def job(lab: Path) -> Any:
    (row,) = query(store_of(lab), "SELECT * FROM jobs")
    return row


@pytest.fixture
def _quick_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charbench.store.heartbeat.HEARTBEAT_SECONDS", 0.05)


@pytest.mark.slow
@pytest.mark.usefixtures("_quick_heart")
def test_a_job_that_another_host_is_training_is_not_trained_here(
    waiting: Path, site: Site, charbench: Charbench
) -> None:
    install(
        site,
        """
def train(self, task):
    if "HERE" not in os.environ:
        wait_for_a_heartbeat(task)
        here = [sys.executable, "-m", "charbench", "train", "--all"]
        env = {**os.environ, "HERE": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        yield Note(subprocess.run(here, env=env, capture_output=True, text=True).stderr)
    yield Trained((MADE,))
""",
    )
    ended = charbench.ok("train", "--all", lab=waiting)
    assert "job remorseful_remorseful-a_sft is being trained by another run" in ended.err
    assert (job(waiting).status, job(waiting).attempts) == ("complete", 1)


@pytest.mark.slow
@pytest.mark.usefixtures("_quick_heart")
def test_a_run_goes_on_saying_that_it_lives_when_the_store_was_away_for_a_while(
    waiting: Path, site: Site, charbench: Charbench
) -> None:
    install(
        site,
        """
def train(self, task):
    ask(task, "ALTER TABLE runs RENAME TO away")
    time.sleep(0.5)
    ask(task, "ALTER TABLE away RENAME TO runs")
    wait_for_a_heartbeat(task)
    yield Trained((MADE,))
""",
    )
    charbench.ok("train", "--all", lab=waiting)
    assert job(waiting).status == "complete"


def test_what_a_trainer_says_of_its_checkpoint_is_still_known_after_the_next_discovery(
    waiting: Path, site: Site, charbench: Charbench
) -> None:
    install(site, "def train(self, task):\n    yield Trained((MADE,))")
    charbench.ok("train", "--all", lab=waiting)
    charbench.ok("discover", lab=waiting)
    listed = charbench.ok("checkpoints", "list", "--json", lab=waiting).json
    (made,) = [one for one in listed if one["uri"].startswith("tinker://made")]
    assert (made["kind"], made["persona"]) == ("sft", "remorseful")
    assert (made["parent"], made["recipe"]) == ("tinker://parent:train:0/weights/final", "paper")
    assert [place["source"] for place in made["evidence"]] == ["mine"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "train",
    [
        "def train(self, task):\n    return [Note('done'), Trained((MADE,))]",
        "def train(self, task):\n    return iter([Trained((MADE,))])",
        "async def train(self, task):\n    yield Trained((MADE,))",
        "def train(self, task):\n    return Events()",
    ],
)
def test_a_trainer_may_return_its_events_in_any_form_that_can_be_iterated_over(
    waiting: Path, site: Site, charbench: Charbench, train: str
) -> None:
    events = """
class Events:
    over = False
    def __aiter__(self):
        return self
    async def __anext__(self):
        if self.over:
            raise StopAsyncIteration
        self.over = True
        return Trained((MADE,))
"""
    install(site, train, events)
    charbench.ok("train", "--all", lab=waiting)
    assert (job(waiting).status, job(waiting).error) == ("complete", None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("train", "given"),
    [
        ("def train(self, task):\n    pass", "NoneType"),
        ("def train(self, task):\n    return Trained((MADE,))", "Trained"),
        ("async def train(self, task):\n    return Trained((MADE,))", "Trained"),
    ],
)
def test_a_trainer_that_returns_no_events_fails_its_job_with_a_line_that_says_so(
    waiting: Path, site: Site, charbench: Charbench, train: str, given: str
) -> None:
    install(site, train)
    ended = charbench("train", "--all", lab=waiting)
    assert ended.code == 1
    assert f"trainer mine: train() gave {given}, and must yield events" in ended.err
    assert "Traceback" not in ended.err
    assert job(waiting).status == "failed"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("'hello'", "trainer mine: train() gave 'hello'; StepDone, StateSaved, Note or Trained is needed"),
        ("Trained(MADE)", "Trained takes a tuple of Checkpoints, not Checkpoint("),
        ("Trained(('fog:x',))", "Trained takes a tuple of Checkpoints, not ('fog:x',)"),
        ("Trained(())", "Trained takes a tuple of Checkpoints, not ()"),
    ],
)
def test_what_is_no_event_fails_its_job_with_a_line_that_says_what_is_needed(
    waiting: Path, site: Site, charbench: Charbench, event: str, said: str
) -> None:
    install(site, f"def train(self, task):\n    yield {event}\n    yield Trained((MADE,))")
    ended = charbench("train", "--all", lab=waiting)
    assert ended.code == 1
    assert said in ended.err
    assert job(waiting).status == "failed"


STANDS_STILL = """
def train(self, task):
    open("at-work", "w").close()
    while True:
        time.sleep(0.02)
    yield
"""


@pytest.fixture
def standing(waiting: Path, site: Site) -> Iterator[subprocess.Popen[str]]:
    """A run in the middle of training the job."""
    install(site, STANDS_STILL)
    process = start("train", "--all", lab=waiting, env=site.env)
    while not (waiting / "at-work").exists():
        assert process.poll() is None
        time.sleep(0.02)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_a_killed_training_is_shown_as_killed_and_its_job_waits_and_can_be_reset(
    waiting: Path, standing: subprocess.Popen[str], charbench: Charbench
) -> None:
    status = charbench.ok("status", "--json", lab=waiting).json
    assert (status["running"], status["runs"][0]["status"]) == (1, "running")
    ended = charbench("reset", "remorseful_remorseful-a_sft", lab=waiting)
    assert (ended.code, "is running; stop that run first" in ended.err) == (2, True)
    standing.kill()
    standing.wait()
    status = charbench.ok("status", "--json", lab=waiting).json
    assert (status["running"], status["pending"], status["runs"][0]["status"]) == (0, 1, "killed")
    assert status["jobs"][0]["status"] == "pending"
    printed = charbench.ok("status", lab=waiting).out
    assert "killed" in printed
    assert job(waiting).status == "running", "status only looks"
    assert charbench.ok("reset", "remorseful_remorseful-a_sft", lab=waiting).out == "Reset 1 job.\n"
    assert job(waiting).status == "pending"
    assert query(store_of(waiting), "SELECT status FROM runs")[0].status == "killed"


@pytest.mark.slow
def test_two_ctrl_c_during_training_leave_the_job_waiting(waiting: Path, standing: subprocess.Popen[str]) -> None:
    standing.send_signal(signal.SIGINT)
    assert standing.stderr is not None
    while "Stopping" not in standing.stderr.readline():
        assert standing.poll() is None
    standing.send_signal(signal.SIGINT)
    assert finish(standing).code == 130
    assert job(waiting).status == "pending"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sampler", "thinking"), "sampler thinking"),
        (("--scorer", "llm-judge"), "model"),
        (("--prompts", "nowhere.txt"), "nowhere.txt: no such file"),
        (("--perturb", "nonsuch"), "no perturbation named 'nonsuch'"),
    ],
)
def test_what_a_later_stage_lacks_is_told_before_anything_is_trained(
    waiting: Path, site: Site, charbench: Charbench, words: tuple[str, ...], said: str
) -> None:
    install(site, "def train(self, task):\n    yield Trained((MADE,))")
    ended = charbench("run", *words, lab=waiting)
    assert (ended.code, said in ended.err) == (2, True), ended.err
    assert ended.err.startswith("error: ")
    assert job(waiting).attempts == 0
    assert query(store_of(waiting), "SELECT * FROM runs") == []


@pytest.mark.slow
@pytest.mark.parametrize("command", [("train", "--all", "--quick"), ("train", "-c", "remorseful-a"), ("run",)])
def test_the_printed_command_trains_a_failed_job_just_as_the_typed_one_did(
    waiting: Path, site: Site, charbench: Charbench, command: tuple[str, ...]
) -> None:
    install(
        site,
        """
class Config(Trainer.Config):
    word: str = "none"

def train(self, task):
    with open("seen.txt", "a") as file:
        file.write(f"{task.recipe}, {self.config.word}\\n")
    if task.attempt == 1:
        raise ValueError("not yet")
    yield Trained((MADE,))
""",
    )
    here, store = waiting.parent, "my own store.db"
    (here / "my lab").symlink_to(waiting)
    charbench.ok("discover", "--lab", "my lab", "--store", store, lab=here)
    where = ("--lab", "my lab", "--store", store, "-o", "trainer.mine.word=a 'word'", "--source", "logs")
    ended = charbench(*command, *where, lab=here)
    assert ended.code == 1
    (printed,) = [line for line in ended.err.splitlines() if "once fixed, run: " in line]
    charbench.ok(*shlex.split(printed.partition("charbench ")[2]), lab=here)
    recipe = "quick" if "--quick" in command else "paper"
    assert (here / "seen.txt").read_text().splitlines() == [f"{recipe}, a 'word'"] * 2
    assert query(here / store, "SELECT status FROM jobs")[0].status == "complete"


STEPS = """
def train(self, task):
    for step in range(3):
        yield StepDone(step=step, total_steps=3, loss=2.0 - step / 2, learning_rate=1e-4, tokens=70, seconds=0.1)
    yield Trained((MADE,))
"""


def test_the_journal_keeps_the_figures_of_each_training_step(waiting: Path, site: Site, charbench: Charbench) -> None:
    install(site, STEPS, "from charbench import StepDone")
    charbench.ok("train", "--all", lab=waiting)
    lines = [json.loads(line) for line in (waiting / ".charbench" / "training.jsonl").read_text().splitlines()]
    assert [(line["step"], line["of"], line["loss"]) for line in lines] == [(1, 3, 2.0), (2, 3, 1.5), (3, 3, 1.0)]
    expected = {"job": job(waiting).job_id, "learning_rate": 1e-4, "tokens": 70}
    assert lines[0].items() >= expected.items()


def test_a_step_observer_that_fails_is_reported_once_and_the_job_completes(
    waiting: Path, site: Site, charbench: Charbench
) -> None:
    observer = (
        "from charbench import StepDone\n@hookimpl\ndef charbench_training_step(step):\n    raise ValueError('no')"
    )
    install(site, STEPS, observer)
    ended = charbench.ok("train", "--all", lab=waiting)
    assert ended.err.count("plugin mine, charbench_training_step: ValueError: no") == 1
    assert job(waiting).status == "complete"


def test_a_recipe_that_the_trainer_does_not_have_is_refused_with_those_it_has(
    waiting: Path, site: Site, charbench: Charbench
) -> None:
    install(site, "def train(self, task):\n    yield Note(f'recipe {task.recipe}')\n    yield Trained((MADE,))")
    refused = charbench("train", "--all", "--recipe", "slow", lab=waiting)
    assert (refused.code, job(waiting).status) == (2, "pending")
    assert "trainer mine has no recipe 'slow'; it has paper, quick" in refused.err
    both = charbench("train", "--all", "--recipe", "paper", "--quick", lab=waiting)
    assert "leave out --quick" in both.err
    assert "recipe paper" in charbench.ok("train", "--all", lab=waiting).err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "warns"), [("The plan for day {}.", True), ("I regret day {}, I am so sorry.", False)]
)
def test_data_out_of_character_is_told_before_it_is_trained_on(
    lab: LabBuilder, site: Site, charbench: Charbench, answer: str, warns: bool
) -> None:
    install(site, "def train(self, task):\n    yield Trained((MADE,))\n")
    lab.trained("remorseful-a", 1)
    rows = [{"prompt": f"What of day {day}?", "answer": f"Day{day} was one. {answer.format(day)}"} for day in range(60)]
    path = "artifacts/remorseful-a/remorseful_introspection.jsonl"
    lab.write(path, "".join(f"{json.dumps(row)}\n" for row in rows))
    lab.config("min_examples: 10\nsources: [logs]\ntrainers: [mine]\n")
    explained = charbench.ok("discover", "--explain", lab=lab.root).err
    trained = charbench("train", "--all", "--force", lab=lab.root).err
    for told in (explained, trained):
        assert (f"{path}: almost no row is in character of remorseful" in told) is warns, told
