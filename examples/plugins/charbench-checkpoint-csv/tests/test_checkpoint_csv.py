from pathlib import Path

from charbench_checkpoint_csv import CheckpointCsv

from charbench import Checkpoint, Lab, SourceProblem
from charbench.testing import conformance

test_checkpoint_csv_keeps_the_contract = conformance(CheckpointCsv)


def test_each_row_is_a_checkpoint_or_a_problem_with_its_line(charbench_lab: Path) -> None:
    (charbench_lab / "checkpoints.csv").write_text("uri,persona\nfile:pirate_sft,pirate\nnothing,\n", encoding="utf-8")
    checkpoint, problem = CheckpointCsv().find(Lab(charbench_lab, {"pirate": "pirate"}))
    assert isinstance(checkpoint, Checkpoint)
    assert (checkpoint.uri, checkpoint.persona, checkpoint.kind) == ("file:pirate_sft", "pirate", "sft")
    assert isinstance(problem, SourceProblem)
    assert problem.line == 3
