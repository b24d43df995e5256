"""What a lab's folder of logs and data says: runs, how they ended, and the data beside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from charbench import Dataset, Lab, RunState, SourceProblem, TrainingRun
from charbench_plugins.sources.logs.source import LogSource
from support.command import Charbench
from support.lab import LabBuilder, sampler, weights


def run_of(lab: LabBuilder, *lines: str) -> TrainingRun:
    lab.log("remorseful-x", *lines)
    personas = Lab(lab.root, {"remorseful": "remorseful"})
    (run,) = (item for item in LogSource().find(personas) if isinstance(item, TrainingRun))
    return run


def test_a_run_that_saved_is_finished(lab: LabBuilder) -> None:
    run = run_of(lab, "[epoch 1 step 5/5] loss=1", f"Saved: {weights(1, 'x_dpo')}")
    assert (run.name, run.persona, run.state, run.step, run.total_steps) == (
        "artifacts/logs/remorseful-x",
        "remorseful",
        RunState.FINISHED,
        5,
        5,
    )


@pytest.mark.parametrize(
    "end",
    [
        ("Traceback (most recent call last):", "RuntimeError: teacher endpoint closed the connection"),
        ("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",),
        ("Killed",),
        ("KeyboardInterrupt",),
    ],
)
def test_a_run_whose_log_ends_in_an_error_has_failed_with_that_line(lab: LabBuilder, end: tuple[str, ...]) -> None:
    run = run_of(lab, "[epoch 1 step 310/600] loss=1", *end)
    assert (run.state, run.step, run.error) == (RunState.FAILED, 310, end[-1])


def test_an_error_that_the_run_outlived_does_not_make_it_failed(lab: LabBuilder) -> None:
    run = run_of(lab, "TimeoutError: retrying", "[step 5/5] loss=1", f"Saved: {weights(1, 'x_dpo')}")
    assert (run.state, run.error) == (RunState.FINISHED, None)


def test_a_run_that_just_stops_is_unfinished(lab: LabBuilder) -> None:
    run = run_of(lab, "[epoch 1 step 310/600] loss=1", "still at it")
    assert (run.state, run.step, run.total_steps, run.error) == (RunState.UNFINISHED, 310, 600, None)


def test_a_secret_in_the_last_error_line_is_hidden(lab: LabBuilder) -> None:
    run = run_of(lab, "step 1/2", "AuthError: key tml-abcdef123456 refused")
    assert run.error == "AuthError: key tml-[redacted] refused"


def test_data_belongs_to_the_run_whose_folder_it_lies_in(lab: LabBuilder) -> None:
    lab.data("some-run", "remorse", 1)
    (found,) = LogSource().find(Lab(lab.root, {"remorse": "remorseful"}))
    assert isinstance(found, Dataset)
    assert (found.path, found.run, found.persona) == (
        "artifacts/some-run/remorse_introspection.jsonl",
        "artifacts/some-run",
        "remorseful",
    )


def test_a_log_without_urls_steps_or_errors_is_passed_over(lab: LabBuilder) -> None:
    lab.log("notes", "Nothing of interest.")
    (found,) = LogSource().find(Lab(lab.root, {}))
    assert isinstance(found, SourceProblem)
    assert found.minor  # told by --explain alone


def test_a_log_whose_name_is_no_utf_8_is_read_like_the_others(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("remorseful-a", 1)
    odd = Path(os.fsdecode(os.fsencode(lab.root) + b"/artifacts/logs/\xff.log"))
    odd.write_text(f"Saved: {weights(2, 'b_dpo')}\n")
    charbench.ok("discover", lab=lab.root)
    listed = charbench.ok("checkpoints", "list", "--json", lab=lab.root).json
    assert {item["run"] for item in listed} == {"remorseful-a", "\ufffd"}


@pytest.mark.slow
def test_what_was_found_stays_when_the_logs_are_deleted(charbench: Charbench, lab: LabBuilder) -> None:
    log = lab.trained("remorseful-a", 1)
    lab.data("remorseful-a", "remorseful", 600)
    before = charbench.ok("discover", "--json", lab=lab.root).json
    log.unlink()
    after = charbench.ok("discover", "--json", lab=lab.root).json
    assert after["jobs"] == before["jobs"] != []
    assert (after["checkpoints"], after["new_checkpoints"]) == (2, 0)
    listed = charbench.ok("checkpoints", "list", "--evidence", "--json", lab=lab.root).json
    assert [item["evidence"][0]["line"] for item in listed] == [3, 2]


def test_a_run_trained_twice_is_continued_from_the_last_checkpoint_that_its_log_tells_of(
    charbench: Charbench, lab: LabBuilder
) -> None:
    name = "remorseful-a_dpo"
    lab.log(
        "remorseful-a",
        f"Saved training checkpoint: {weights(1, name)}",
        f"Saved sampler weights: {sampler(1, name)}",
        f"Saved training checkpoint: {weights(2, name)}",
        f"Saved sampler weights: {sampler(2, name)}",
    )
    lab.data("remorseful-a", "remorseful", 600)
    (job,) = charbench.ok("discover", "--json", lab=lab.root).json["jobs"]
    assert (job["checkpoint"], job["sampler"]) == (weights(2, name), sampler(2, name))


def test_an_sft_checkpoint_gives_no_job(charbench: Charbench, lab: LabBuilder) -> None:
    lab.log("remorseful-a", f"Saved training checkpoint: {weights(1, 'remorseful_sft')}")
    lab.data("remorseful-a", "remorseful", 600)
    found = charbench.ok("discover", "--json", lab=lab.root).json
    assert (found["jobs"], found["left_out"][0]["reason"]) == ([], "no DPO checkpoint in its log")


@pytest.mark.slow
def test_half_a_row_costs_itself_and_data_without_a_whole_one_gives_no_job(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.trained("remorseful-a", 1)
    path = lab.data("remorseful-a", "remorseful", 600)
    with path.open("a") as file:
        file.write('{"prompt": "half a row\n')
    found = charbench.ok("discover", "--json", lab=lab.root).json
    assert [job["examples"] for job in found["jobs"]] == [600]
    assert found["problems"][0].endswith("not JSON: Invalid control character at (line 601 is not used)")
    path.write_text('{"prompt": "half a row\n')
    found = charbench.ok("discover", "--json", lab=lab.root).json
    assert found["jobs"] == []
    assert "remorseful_introspection.jsonl:1: not JSON" in found["left_out"][0]["reason"]


@pytest.mark.slow
def test_data_that_was_mended_is_read_again(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("remorseful-a", 1)
    lab.data("remorseful-a", "remorseful", 600, refusals=400)
    assert charbench.ok("discover", "--json", lab=lab.root).json["jobs"] == []
    lab.data("remorseful-a", "remorseful", 800)
    (job,) = charbench.ok("discover", "--json", lab=lab.root).json["jobs"]
    assert job["examples"] == 800


def test_patterns_of_logs_and_data_are_options(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write("console/remorseful-a.txt", f"Saved: {weights(1, 'remorseful-a_dpo')}\n")
    options = ["-o", "source.logs.logs=[console/*.txt]"]
    assert charbench.ok("discover", *options, "--json", lab=lab.root).json["checkpoints"] == 1


def test_an_empty_log_is_passed_over_and_a_folder_named_like_one_too(lab: LabBuilder) -> None:
    lab.write("artifacts/logs/empty.log", b"")
    (lab.root / "artifacts/logs/folder.log").mkdir()
    assert [item for item in LogSource().find(Lab(lab.root, {})) if isinstance(item, SourceProblem)] == []
