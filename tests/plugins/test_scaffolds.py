"""``plugins new --kind KIND`` writes a plugin that works without a change, for every kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from charbench.cli.scaffold import KINDS
from support.command import Charbench, Ended, in_process_of_its_own
from support.lab import LabBuilder, row, sampler

Run = Callable[..., Ended]


@pytest.fixture
def written(charbench: Charbench, lab: LabBuilder, tmp_path: Path) -> Callable[[str], Run]:
    """Writes a plugin of a kind, installs it the cheap way, and returns how to run charbench with it in the lab."""

    def write(kind: str) -> Run:
        said = charbench.ok("plugins", "new", "fog", "--kind", kind, "-O", tmp_path).out
        assert KINDS[kind].format(name="fog") in said
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


def test_a_scorer_scores(written: Callable[[str], Run], lab: LabBuilder) -> None:
    lab.recorded([row(response="LOUD")])
    found = written("scorer")("run", "--scorer", "fog", "--json").json
    assert found["checkpoints"][0]["mean_per_response"] == 1


def test_a_pair_scorer_compares(written: Callable[[str], Run], lab: LabBuilder) -> None:
    lab.recorded([
        row(checkpoint_name=name, sampler_path=sampler(number, name), response="long " * number)
        for number, name in enumerate(("remorseful-a_dpo", "remorseful-b_dpo"), 1)
    ])  # fmt: skip
    found = written("pair-scorer")("run", "--scorer", "fog", "--json").json
    assert found["run"]["added"]["games"] == 1


def test_a_source_finds(written: Callable[[str], Run], lab: LabBuilder) -> None:
    lab.write("checkpoints.txt", "fog:one pirate\nfog:two\n")
    found = written("source")("discover", "--source", "fog", "--json").json
    assert found["checkpoints"] == 1
    assert "checkpoints.txt:2" in found["problems"][0]


@pytest.mark.parametrize("kind", ["sampler", "sampler-in-process"])
def test_a_sampler_samples(written: Callable[[str], Run], kind: str) -> None:
    found = written(kind)("eval", "-c", "fog:anything", "-p", "pirate", "--scorer", "keyword", "--json").json
    assert (found["samples"], found["errors"]) == (5, 0)
    assert found["checkpoints"][0]["response_rate"] == 1


def test_a_trainer_trains(written: Callable[[str], Run], lab: LabBuilder) -> None:
    lab.trained("remorseful-a", 1)
    lab.data("remorseful-a", "remorseful", 40)
    lab.config("min_examples: 10\nsources: [logs]\n")
    run = written("trainer")
    run("discover")
    assert run("train", "--all", "--trainer", "fog", "--json").json["added"]["trained"] == 1
    assert "fog:remorseful-a" in run("checkpoints", "list").out


def test_a_perturbation_perturbs(written: Callable[[str], Run]) -> None:
    words = ("eval", "-c", "tiny:base", "-p", "pirate", "--scorer", "keyword", "-o", "sampler.tiny.max_tokens=4")
    found = written("perturbation")(*words, "--perturb", "fog", "--json").json
    assert set(found["robustness"][0]["conditions"]) == {"fog:whispered"}


def test_personas_are_known(written: Callable[[str], Run]) -> None:
    assert "Somebody who is called fog" in written("personas")("personas", "show", "fog").out


def test_an_observer_observes(written: Callable[[str], Run], lab: LabBuilder) -> None:
    lab.recorded([row()])
    written("observer")("run")
    assert len((lab.root / ".charbench" / "fog.log").read_text().splitlines()) == 2
