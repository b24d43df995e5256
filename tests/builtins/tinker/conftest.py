from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from charbench import Checkpoint, TrainingEvent, TrainingJob, TrainingTask
from support.introspection import write_introspection
from support.tinker_training import BASE, DPO, KEY


@pytest.fixture(scope="session", autouse=True)
def _sdk() -> None:
    """Import the SDK before any test counts its seconds."""
    import tinker  # noqa: F401


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The account's double, in place of the SDK's service client; one DPO checkpoint is in it."""
    import tinker

    from charbench_plugins.tinker_sdk import reach
    from support.tinker_double import TinkerDouble

    double = TinkerDouble()
    double.add(DPO)
    monkeypatch.setenv("TINKER_API_KEY", KEY)
    monkeypatch.setattr(tinker, "ServiceClient", double.service)
    monkeypatch.setattr(reach, "look", lambda: "")  # there is no host to look for
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # and no hub
    return double


Train = Callable[..., list[TrainingEvent]]


@pytest.fixture
def task(tmp_path: Path) -> Callable[..., TrainingTask]:
    """Make the task of training the DPO checkpoint on so many rows of good data."""

    def make(rows: int = 20, **changes: Any) -> TrainingTask:
        data = tmp_path / "remorseful_introspection.jsonl"
        if not data.exists():
            write_introspection(data, rows)
        job = TrainingJob(
            persona="remorseful", run="remorseful 25pct", checkpoint=DPO, dataset=data.name, examples=rows
        )
        plain: dict[str, Any] = {
            "job": job, "checkpoint": Checkpoint(uri=DPO, persona="remorseful"), "dataset": data,
            "recipe": "quick", "workspace": tmp_path,
        }  # fmt: skip
        return TrainingTask(**{**plain, **changes})

    return make


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """Train a task with options of the trainer's; return the events."""
    from charbench_plugins.trainers.tinker_sft.trainer import TinkerSftTrainer

    def run(task: TrainingTask, **options: Any) -> list[TrainingEvent]:
        given = {"tokenizer": BASE, "batch_size": 4, "save_every": 2, **options}
        trainer = TinkerSftTrainer(TinkerSftTrainer.Config(**given))
        trainer.prepare(tmp_path, tmp_path)
        return list(trainer.train(task))

    return run
