import json
from pathlib import Path

import pytest
from charbench_count_rows import charbench_register_commands
from click.testing import CliRunner, Result

from charbench import DataError

ROWS = [{"sampler_path": "model:a"}, {"sampler_path": "model:b"}, {"sampler_path": "model:a"}]


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "samples.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    return path


def run(*words: str | Path) -> Result:
    (command,) = charbench_register_commands()
    return CliRunner().invoke(command, [str(word) for word in words])


def test_samples_are_counted_by_checkpoint(samples: Path) -> None:
    assert run(samples).output.split() == ["2", "model:a", "1", "model:b"]
    assert json.loads(run(samples, "--json").output) == {"model:a": 2, "model:b": 1}


@pytest.mark.parametrize("line", ["no JSON", "[]", "{}"])
def test_a_line_that_is_no_sample_is_told_with_its_number(samples: Path, line: str) -> None:
    with samples.open("a") as file:
        file.write(f"{line}\n")
    error = run(samples).exception
    assert isinstance(error, DataError)
    assert f"{samples}:4: no sample" in str(error)
