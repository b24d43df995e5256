"""Every component of a run is prepared once and closed once, in one event loop, however its methods are written."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from support.command import Charbench, finish, start
from support.lab import LabBuilder
from support.life import CONFIG, FORMS, KINDS, LIFE, Notes
from support.plugins import Site
from support.store import count, query, store_of

ONCE = dict.fromkeys(KINDS, 1)


@pytest.fixture
def living(lab: LabBuilder, site: Site, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab with work for the plugin's component of every kind."""
    site.install("life", LIFE)
    lab.trained("remorseful-a", 1)
    lab.data("remorseful-a", "remorseful", 20)
    lab.config(CONFIG)
    monkeypatch.setenv("NOTES", str(lab.root / "notes.txt"))
    return lab.root


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_components_of_every_kind_are_prepared_once_and_closed_once_in_one_event_loop(
    charbench: Charbench, living: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("FORM", form)
    ended = charbench.ok("run", "--json", lab=living)
    notes = Notes(living / "notes.txt")
    assert notes.count("prepare") == ONCE
    assert notes.count("aclose") == ONCE
    assert notes.count("begin") == {"scorer": 3}  # pirate, poetic, remorseful
    added = ended.json["run"]["added"]
    assert added["trained"] == 1
    assert added["samples"] == (4 + 1) * 10  # five prompts of each checkpoint, as they are and perturbed
    assert added["scores"] == 50
    assert added["games"] > 0
    loops = {loop for *_, loop in notes.lines()}
    assert len(loops - {0}) == 1
    closing = [what for _, what, _ in notes.lines()][-len(KINDS) :]
    assert closing == ["aclose"] * len(KINDS)
    assert "printed by scorer score" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_second_run_does_nothing_whatever_form_the_methods_have(
    charbench: Charbench, living: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("FORM", form)
    charbench.ok("run", "-q", lab=living)
    added = charbench.ok("run", "--json", lab=living).json["run"]["added"]
    assert not any(added.values()), added


@pytest.mark.slow
@pytest.mark.parametrize("words", [["discover"], ["run", "--dry-run"], ["eval", "-c", "life:one", "-p", "pirate"],
                                   ["score"], ["train", "--all"]], ids=lambda words: words[0])  # fmt: skip
def test_every_command_closes_what_it_prepared(charbench: Charbench, living: Path, words: list[str]) -> None:
    charbench.ok("discover", "--json", lab=living)
    (living / "notes.txt").unlink()
    charbench.ok(*words, "--json", lab=living)
    notes = Notes(living / "notes.txt")
    assert notes.count("prepare")
    assert notes.count("prepare") == notes.count("aclose")
    assert set(notes.count("prepare").values()) == {1}


def test_what_a_diagnosis_probes_with_is_closed_as_often_as_it_is_prepared(
    charbench: Charbench, living: Path, site: Site
) -> None:
    site.install("probed", LIFE.replace("class LifeSampler(Life, Sampler):", PROBED).replace("life:", "probe:"))
    (living / "charbench.yaml").write_text("sources: [source]\nsamplers: [sampler]\nscorers: [scorer]\n")
    words = ("diagnose", "-c", "probe:one", "-p", "pirate", "--no-plugin", "life", "--json")
    charbench.ok(*words, lab=living)
    notes = Notes(living / "notes.txt")
    assert notes.count("prepare")["sampler"] > 1
    assert notes.count("prepare") == notes.count("aclose")


PROBED = """
from charbench import GenerationConfig
class LifeSampler(Life, Sampler):
    "Sampler."
    class Config(GenerationConfig): pass
    config: Config
"""


def test_components_are_closed_after_an_error_that_ends_the_run(charbench: Charbench, living: Path) -> None:
    ended = charbench("run", "-c", "nobody", lab=living)
    assert (ended.code, "nobody" in ended.err) == (2, True)
    notes = Notes(living / "notes.txt")
    assert "sampler" in notes.count("prepare")
    assert notes.count("aclose") == notes.count("prepare")


def test_components_are_closed_where_another_one_cannot_be_prepared(
    charbench: Charbench, living: Path, site: Site
) -> None:
    code = """
from charbench import ConfigError, Scorer, Metric, hookimpl
class Keyless(Scorer):
    "Needs a key."
    name = "keyless"
    metrics = (Metric("m"),)
    def prepare(self, root, folder): raise ConfigError("no key")
    def aclose(self): raise AssertionError("was never ready")
    def score(self, sample, persona): return []
@hookimpl
def charbench_scorers(): return [Keyless]
"""
    site.install("keyless", code)
    ended = charbench("run", "--scorer", "scorer", "--scorer", "keyless", lab=living)
    assert (ended.code, "no key" in ended.err, "never ready" in ended.err) == (2, True, False)
    notes = Notes(living / "notes.txt")
    assert notes.count("prepare") == notes.count("aclose") != {}


@pytest.mark.slow
def test_one_that_cannot_be_closed_is_reported_and_the_others_are_closed(
    charbench: Charbench, living: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULT", "batch")
    ended = charbench("run", lab=living)
    assert ended.code == 1
    assert ended.err.count("failed: sampler batch: aclose(): RuntimeError: cannot close") == 1
    assert Notes(living / "notes.txt").count("aclose") == ONCE
    assert count(store_of(living), "samples") == 50


@pytest.mark.slow
@pytest.mark.parametrize("form", ["plain", "async"])
@pytest.mark.parametrize("times", [1, 2])
def test_components_are_closed_after_ctrl_c(living: Path, site: Site, form: str, times: int) -> None:
    for name in ("at_work", "go_on"):
        os.mkfifo(living / name)
    env = {**site.env, "NOTES": str(living / "notes.txt"), "FORM": form, "FAULT": "interrupted"}
    env |= {"AT_WORK": str(living / "at_work"), "GO_ON": str(living / "go_on")}
    words = ("eval", "-c", "life:one", "-p", "pirate", "--scorer", "scorer", "--sampler", "sampler")
    process = start(*words, lab=living, env=env)
    (living / "at_work").open().close()  # it stands in sample()
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "Stopping" not in process.stderr.readline():
        pass
    if times == 2:
        process.send_signal(signal.SIGINT)
    else:
        (living / "go_on").open("w").close()
    ended = finish(process)
    assert ended.code == 130
    notes = Notes(living / "notes.txt")
    assert notes.count("prepare") == notes.count("aclose") == {"sampler": 1, "scorer": 1, "perturbation": 1}
    assert query(store_of(living), "SELECT status FROM runs")[0].status == "interrupted"
