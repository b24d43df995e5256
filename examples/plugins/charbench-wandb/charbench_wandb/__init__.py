"""Training jobs and reports as runs of Weights & Biases: offline, unless ``WANDB_MODE`` says otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from charbench import ReportContent, Reporter, hookimpl, private_folder

_commands: dict[int, str] = {}
_jobs: dict[tuple[int, str], Any] = {}
"""The W&B run of each job that trains, by charbench's run and the job's ID. Observers are called one at a time."""


class WandbReporter(Reporter):
    """The report's figures as a table in Weights & Biases."""

    name = "wandb"
    _folder: Path | None = None

    def prepare(self, root: Path, folder: Path) -> None:
        self._folder = folder

    def report(self, report: ReportContent) -> Iterator[str]:
        import wandb

        assert self._folder is not None
        run = _begin(self._folder, name="report", job_type="report", config={"notes": list(report.notes)})
        columns = list(dict.fromkeys(name for row in report.rows for name in row))
        if columns:
            rows = [[_cell(row.get(name)) for name in columns] for row in report.rows]
            run.log({"report": wandb.Table(columns=columns, data=rows, allow_mixed_types=True)})
        where = Path(run.dir).parent
        run.finish()
        yield f"Logged {len(report.rows)} rows. To upload: wandb sync {where}\n"


@hookimpl
def charbench_run_started(run_id: int, command: str) -> None:
    _commands[run_id] = command


@hookimpl
def charbench_training_step(
    run_id: int, job_id: str, step: int, total_steps: int, loss: float, learning_rate: float, tokens: int, folder: Path
) -> None:
    run = _jobs.get((run_id, job_id))
    if run is None:
        config = {"job": job_id, "total_steps": total_steps, "command": _commands.get(run_id, "")}
        run = _begin(folder, name=job_id, job_type="train", group=f"run-{run_id}", config=config)
        # A job that resumes does some steps again: W&B's own count of steps would refuse them.
        run.define_metric("step")
        run.define_metric("*", step_metric="step")
        _jobs[run_id, job_id] = run
    run.log({"step": step, "loss": loss, "learning_rate": learning_rate, "tokens": tokens})


@hookimpl
def charbench_run_finished(run_id: int, status: str) -> None:
    _commands.pop(run_id, None)
    for key in [key for key in _jobs if key[0] == run_id]:
        run = _jobs.pop(key)
        run.summary["status"] = status
        run.finish(exit_code=0 if status == "done" else 1)


def _begin(folder: Path, **about: Any) -> Any:
    import wandb

    settings = wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True,
                              x_disable_machine_info=True, x_save_requirements=False)  # fmt: skip
    return wandb.init(
        project=os.environ.get("WANDB_PROJECT", "charbench"),
        mode=os.environ.get("WANDB_MODE", "offline"),
        dir=private_folder(folder),
        reinit="create_new",  # jobs train in parallel
        settings=settings,
        **about,
    )


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else str(value)


@hookimpl
def charbench_reporters() -> list[type[Reporter]]:
    return [WandbReporter]
