"""``plugins new --kind KIND`` writes a plugin that works without a change, for every kind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from charbench.cli.scaffold_kinds import KINDS
from support.command import Charbench, Ended, clean_environment, in_process_of_its_own
from support.lab import LabBuilder, row, sampler

Run = Callable[..., Ended]


@pytest.fixture
def written(charbench: Charbench, lab: LabBuilder, tmp_path: Path) -> Callable[[str], Run]:
    """Writes a plugin of a kind, installs it the cheap way, and returns how to run charbench with it in the lab."""

    def write(kind: str) -> Run:
        said = charbench.ok("plugins", "new", "fog", "--kind", kind, "-O", tmp_path).out
        assert KINDS[kind].format(name="fog", lab="$lab") in said
        package = tmp_path / "charbench-fog"
        info = package / "charbench_fog-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: charbench-fog\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text("[charbench]\nfog = charbench_fog\n")

        def run(*words: str) -> Ended:
            ended = in_process_of_its_own(*words, lab=lab.root, env={"PYTHONPATH": str(package)})
            assert ended.code == 0, ended.err
            return ended

        return run

    return write


@pytest.mark.slow
def test_a_scorer_scores(written: Callable[[str], Run], lab: LabBuilder) -> None:
    lab.recorded([row(response="LOUD")])
    found = written("scorer")("run", "--scorer", "fog", "--json").json
    assert found["checkpoints"][0]["mean_per_response"] == 1


@pytest.mark.slow
def test_a_pair_scorer_compares(written: Callable[[str], Run], lab: LabBuilder) -> None:
    lab.recorded([
        row(checkpoint_name=name, sampler_path=sampler(number, name), response="long " * number)
        for number, name in enumerate(("remorseful-a_dpo", "remorseful-b_dpo"), 1)
    ])  # fmt: skip
    found = written("pair-scorer")("run", "--scorer", "fog", "--json").json
    assert found["run"]["added"]["games"] == 1


@pytest.mark.slow
def test_a_source_finds(written: Callable[[str], Run], lab: LabBuilder) -> None:
    lab.write("checkpoints.txt", "fog:one pirate\nfog:two\n")
    found = written("source")("discover", "--source", "fog", "--json").json
    assert found["checkpoints"] == 1
    assert "checkpoints.txt:2" in found["problems"][0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sampler", "sampler-in-process"])
def test_a_sampler_samples(written: Callable[[str], Run], kind: str) -> None:
    found = written(kind)("eval", "-c", "fog:anything", "-p", "pirate", "--scorer", "keyword", "--json").json
    assert (found["samples"], found["errors"]) == (5, 0)
    assert found["checkpoints"][0]["response_rate"] == 1


@pytest.mark.slow
def test_a_trainer_trains(written: Callable[[str], Run], lab: LabBuilder) -> None:
    lab.trained("remorseful-a", 1)
    lab.data("remorseful-a", "remorseful", 40)
    lab.config("min_examples: 10\nsources: [logs]\n")
    run = written("trainer")
    run("discover")
    assert run("train", "--all", "--trainer", "fog", "--json").json["added"]["trained"] == 1
    assert "fog:remorseful-a" in run("checkpoints", "list").out


@pytest.mark.slow
def test_a_perturbation_perturbs(written: Callable[[str], Run]) -> None:
    words = ("eval", "-c", "tiny:base", "-p", "pirate", "--scorer", "keyword", "-o", "sampler.tiny.max_tokens=4")
    found = written("perturbation")(*words, "--perturb", "fog", "--json").json
    assert set(found["robustness"][0]["conditions"]) == {"fog:whispered"}


@pytest.mark.slow
def test_personas_are_known(written: Callable[[str], Run]) -> None:
    assert "Somebody who is called fog" in written("personas")("personas", "show", "fog").out


@pytest.mark.slow
def test_a_command_is_one_of_charbench_s(written: Callable[[str], Run], lab: LabBuilder) -> None:
    lab.write("samples.jsonl", '{"sampler_path": "model:a"}\n' * 3)
    assert written("command")("fog", "samples.jsonl", "--json").json == {"model:a": 3}


@pytest.mark.slow
def test_a_doctor_check_is_made(written: Callable[[str], Run], lab: LabBuilder) -> None:
    assert "not on PATH" in written("doctor-check")("doctor").out


@pytest.mark.slow
def test_an_observer_observes(written: Callable[[str], Run], lab: LabBuilder) -> None:
    lab.recorded([row()])
    written("observer")("run")
    assert len((lab.root / ".charbench" / "fog.log").read_text().splitlines()) == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_its_own_tests_pass_at_once(written: Callable[[str], Run], tmp_path: Path, kind: str) -> None:
    written(kind)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path / "charbench-fog"]
    done = subprocess.run(words, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_command_that_it_prints_works_in_an_empty_lab(
    written: Callable[[str], Run], tmp_path: Path, kind: str
) -> None:
    run = written(kind)
    (tmp_path / "trial").mkdir()
    for command in KINDS[kind].format(name="fog", lab=tmp_path / "trial").split(" && "):
        run(*command.split()[1:])
    assert not (tmp_path / "lab" / ".charbench").exists()


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("keyword", "scorer", "there is a plugin keyword (from charbench"),
        ("refusal", "scorer", "there is a scorer 'refusal' already"),
        ("pirate", "personas", "there is a persona 'pirate' already"),
        ("report", "command", "there is a command 'report' already"),
        ("ends-in-", "scorer", "a lower-case slug is needed"),
    ],
)
def test_a_name_that_exists_or_is_none_is_refused(
    charbench: Charbench, tmp_path: Path, name: str, kind: str, says: str
) -> None:
    ended = charbench("plugins", "new", name, "--kind", kind, "-O", tmp_path / "made")
    assert ended.code == 2
    assert says in ended.err
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", ["none", "metric", "iterable"])
def test_a_name_that_the_module_uses_itself_gives_another_class(
    charbench: Charbench, tmp_path: Path, name: str
) -> None:
    charbench.ok("plugins", "new", name, "-O", tmp_path)
    assert f"class {name.capitalize()}Plugin(Scorer)" in next(tmp_path.glob("*/charbench_*/*.py")).read_text()
