"""``train -c`` of a run that has no job: why, and what ``--force`` does."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import Charbench
from support.lab import LabBuilder
from support.plugins import Site
from support.store import query, store_of

TRAINER = """
from charbench import Checkpoint, SavedState, StateSaved, StepDone, Trained, Trainer, hookimpl

class Quick(Trainer):
    "Trains nothing."
    name = "mine"

    def accepts(self, checkpoint):
        return True

    def train(self, task):
        yield StepDone(step=0, total_steps=2, loss=1.0, learning_rate=0.1, tokens=3, seconds=0.1, batch=(0,))
        yield StateSaved(SavedState(uri="file:state", step=1))
        if (task.workspace / "break").exists():
            raise RuntimeError("broken off")
        yield Trained((Checkpoint(uri=f"file:{task.job.run}"),))

@hookimpl
def charbench_trainers():
    return [Quick]
"""


@pytest.fixture
def left_out(charbench: Charbench, site: Site, lab: LabBuilder) -> Path:
    """A lab with one good run, one of bad data, and one of too few examples."""
    site.install("mine", TRAINER)
    for number, (run, rows, refusals) in enumerate((("good", 40, 0), ("bad", 40, 20), ("few", 5, 0)), 1):
        lab.trained(f"remorseful-{run}", number)
        lab.data(f"remorseful-{run}", "remorseful", rows, refusals)
    lab.config("min_examples: 10\nsources: [logs, datasets]\ntrainers: [mine]\n")
    charbench.ok("discover", lab=lab.root)
    return lab.root


def jobs(lab: Path) -> dict[str, str]:
    return {row.run: row.status for row in query(store_of(lab), "SELECT run, status FROM jobs")}


def test_a_run_that_was_left_out_says_why_and_what_to_do(charbench: Charbench, left_out: Path) -> None:
    ended = charbench("train", "-c", "remorseful-bad", lab=left_out)
    assert ended.code == 2
    assert "run 'remorseful-bad' has no training job: bad data: 50% refusals" in ended.err
    assert "train anyway with --force" in ended.err
    few = charbench("train", "-c", "remorseful-few", "--force", lab=left_out)
    assert few.code == 2
    assert "run 'remorseful-few' has no training job: 5 examples, fewer than 10" in few.err
    assert "--force" not in few.err
    assert "did you mean 'remorseful-good'" in charbench("train", "-c", "remorseful-goo", lab=left_out).err


def test_force_makes_the_job_trains_it_and_leaves_the_others_alone(charbench: Charbench, left_out: Path) -> None:
    charbench.ok("train", "-c", "remorseful-bad", "--force", lab=left_out)
    assert jobs(left_out) == {"remorseful-bad": "complete", "remorseful-good": "pending"}


@pytest.mark.slow
def test_a_recipe_that_the_saved_state_does_not_follow_is_refused(charbench: Charbench, left_out: Path) -> None:
    stone = left_out / ".charbench" / "training" / "remorseful_remorseful-good_sft" / "break"
    stone.parent.mkdir(parents=True)
    stone.touch()
    words = ("train", "-c", "remorseful-good")
    assert charbench(*words, "--quick", lab=left_out).code == 1
    stone.unlink()
    refused = charbench(*words, "--paper", lab=left_out)
    assert refused.code == 2
    assert "has a saved state of recipe quick, and paper was requested: resume with --recipe quick" in refused.err
    gone_on = charbench.ok(*words, lab=left_out)
    assert "recipe quick" in gone_on.err
