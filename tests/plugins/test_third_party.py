"""A stranger's package, installed beside charbench: found, listed and used with no change to charbench."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.command import Charbench, Ended, clean_environment, in_process_of_its_own
from support.lab import LabBuilder, row
from support.plugins import SHOUTING, Site

RUN = ("run", "--source", "recorded", "--sampler", "recorded")


@pytest.fixture
def small(lab: LabBuilder) -> Path:
    """A lab with one recorded sample, half of it shouted."""
    lab.recorded([row(response="I REGRET it MUCH", thinking="")])
    return lab.root


def plugin(listed: Ended, name: str) -> dict[str, object]:
    return next(item for item in listed.json["plugins"] if item["name"] == name)


def test_a_plugin_appears_in_plugins_list_with_its_distribution(charbench: Charbench, site: Site, small: Path) -> None:
    site.install("charbench-shouting", SHOUTING, version="2.5")
    assert plugin(charbench.ok("plugins", "list", "--json", lab=small), "charbench-shouting") == {
        "name": "charbench-shouting",
        "distribution": "charbench-shouting",
        "version": "2.5",
        "state": "works",
        "error": None,
        "components": [{"kind": "scorer", "name": "shouting", "is_default": False}],
    }
    assert "scorer shouting" in charbench.ok("plugins", "list", lab=small).out


@pytest.mark.slow
def test_its_scorer_runs_by_name_beside_the_built_in_ones(charbench: Charbench, site: Site, small: Path) -> None:
    site.install("charbench-shouting", SHOUTING)
    charbench.ok(*RUN, "--scorer", "shouting", "--scorer", "keyword", lab=small)
    exported = charbench.ok("export", "--jsonl", lab=small).out
    assert '"scorer": "shouting", "persona": "remorseful", "metric": "shouting", "channel": "response"' in exported
    assert '"scorer": "keyword"' in exported
    report = charbench.ok("report", "--metric", "shouting.shouting", "--json", lab=small).json
    assert report["personas"][0]["mean_per_response"] == pytest.approx(11 / 13)


@pytest.mark.slow
def test_a_new_scorer_samples_nothing_again(charbench: Charbench, site: Site, small: Path) -> None:
    charbench.ok(*RUN, lab=small)
    site.install("charbench-shouting", SHOUTING)
    added = charbench.ok(*RUN, "--scorer", "shouting", "--json", lab=small).json["run"]["added"]
    assert (added["samples"], added["scores"]) == (0, 1)


def test_plugins_show_prints_the_options_of_a_component(charbench: Charbench, site: Site, small: Path) -> None:
    code = SHOUTING.replace(
        '    name = "shouting"\n',
        '    name = "shouting"\n\n    class Config(Scorer.Config):\n        least: int = 7\n',
    )
    site.install("charbench-shouting", code)
    shown = charbench.ok("plugins", "show", "shouting", lab=small).out
    assert "Share of letters in upper case, per channel." in shown
    assert "scorer.shouting.least" in shown
    schema = charbench.ok("plugins", "show", "shouting", "--json", lab=small).json[0]["options"]
    assert schema["properties"]["least"]["default"] == 7


def test_no_plugin_and_the_environment_both_block_it(
    charbench: Charbench, site: Site, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("charbench-shouting", "raise SystemError('loaded all the same')")
    for blocked in (
        charbench.ok("plugins", "list", "--no-plugin", "charbench-shouting", "--json", lab=small),
        (monkeypatch.setenv("CHARBENCH_DISABLE_PLUGINS", "other, charbench-shouting"), charbench.ok)[1](
            "plugins", "list", "--json", lab=small
        ),
    ):
        found = plugin(blocked, "charbench-shouting")
        assert (found["state"], found["error"], found["components"]) == ("blocked", None, [])


def test_the_environment_and_no_plugin_add_up(
    charbench: Charbench, site: Site, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARBENCH_DISABLE_PLUGINS", "journal")
    listed = charbench.ok("plugins", "list", "--no-plugin", "registry", "--json", lab=small).json["plugins"]
    assert {item["name"] for item in listed if item["state"] == "blocked"} == {"journal", "registry"}


def test_asking_for_a_component_of_a_blocked_plugin_says_that_it_is_blocked(charbench: Charbench, small: Path) -> None:
    ended = charbench(*RUN, "--scorer", "keyword", "--no-plugin", "keyword", lab=small)
    assert ended.code == 2
    assert "no scorer named 'keyword'" in ended.err
    assert "keyword (from charbench" in ended.err
    assert "blocked" in ended.err


def test_a_blocked_default_scorer_is_left_out_and_the_others_score(charbench: Charbench, small: Path) -> None:
    charbench.ok(*RUN, "--no-plugin", "keyword", lab=small)
    exported = charbench.ok("export", "--jsonl", lab=small).out
    assert '"scorer": "refusal"' in exported
    assert '"scorer": "keyword"' not in exported


def test_two_plugins_with_one_component_name_are_an_error_that_names_both(
    charbench: Charbench, site: Site, small: Path
) -> None:
    site.install("first-shouting", SHOUTING, version="1.1")
    site.install("second-shouting", SHOUTING, version="2.2")
    ended = charbench(*RUN, "--scorer", "shouting", lab=small)
    assert ended.code == 2
    assert len(ended.err.strip().splitlines()) == 1
    for part in ("'shouting'", "first-shouting 1.1", "second-shouting 2.2", "--no-plugin"):
        assert part in ended.err
    listed = charbench("plugins", "list", lab=small)
    assert listed.code == 1
    assert "second-shouting 2.2" in listed.err
    charbench.ok(*RUN, "--scorer", "shouting", "--no-plugin", "first-shouting", lab=small)


@pytest.mark.slow
def test_a_plugin_is_found_by_a_fresh_process_too(site: Site, small: Path) -> None:
    site.install("charbench-shouting", SHOUTING)
    ended = in_process_of_its_own(*RUN, "--scorer", "shouting", "--json", lab=small, env=site.env)
    assert ended.code == 0, ended.err
    assert ended.json["run"]["added"]["scores"] == 1


@pytest.mark.slow
def test_a_package_that_pip_built_and_installed_runs_with_scorer_shouting(tmp_path: Path, small: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "charbench_shouting.py").write_text(SHOUTING)
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "charbench-shouting"\nversion = "3.0"\ndependencies = ["charbench"]\n'
        '[project.entry-points.charbench]\nshouting = "charbench_shouting"\n'
        '[tool.hatch.build.targets.wheel]\ninclude = ["charbench_shouting.py"]\n'
    )
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", str(venv)], check=True)
    python = venv / "bin" / "python"
    # The interpreter that runs the tests may itself be a venv's: its packages are put on the new one's path.
    outer = next(path for path in sys.path if path.endswith("site-packages"))
    inner = next((venv / "lib").glob("python*/site-packages"))
    (inner / "outer.pth").write_text(f"import site; site.addsitedir({outer!r})\n")
    pip = [str(python), "-m", "pip", "install", "-q", "--no-index", "--no-build-isolation", "--no-deps", str(package)]
    subprocess.run(pip, check=True, env=clean_environment({"PYTHONWARNINGS": "default"}))

    def run(*words: str) -> str:
        done = subprocess.run(
            [str(python), "-m", "charbench", *words], cwd=small, env=clean_environment(), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "charbench-shouting 3.0" in run("plugins", "list")
    assert '"scores": 1' in run(*RUN, "--scorer", "shouting", "--json")


KINDS = {
    "charbench_checkpoint_sources": ("CheckpointSource", "find(self, lab): return ()", "source"),
    "charbench_trainers": ("Trainer", "train(self, task): return iter(())", "trainer"),
    "charbench_samplers": ("Sampler", "sample(self, request): ...", "sampler"),
    "charbench_scorers": ("Scorer", "score(self, sample, persona): return ()", "scorer"),
}


@pytest.mark.parametrize("hook", KINDS)
def test_each_component_hook_adds_a_component_of_its_kind(charbench: Charbench, site: Site, hook: str) -> None:
    base, method, kind = KINDS[hook]
    site.install(
        f"one-{kind}",
        f"from charbench import Metric, {base}, hookimpl\n"
        f"class Mine({base}):\n    'Mine.'\n    name = 'mine'\n    metrics = (Metric('m'),)\n    def {method}\n"
        f"@hookimpl\ndef {hook}():\n    return [Mine]\n",
    )
    found = plugin(charbench.ok("plugins", "list", "--json"), f"one-{kind}")
    assert (found["error"], found["components"]) == (None, [{"kind": kind, "name": "mine", "is_default": False}])


def test_a_plugin_can_bring_personas_and_the_users_own_win(charbench: Charbench, site: Site, lab: LabBuilder) -> None:
    folder = site.folder / "brought"
    folder.mkdir()
    (folder / "wizard.yaml").write_text("name: wizard\ndescription: The plugin's.\n")
    (folder / "knight.yaml").write_text("name: knight\ndescription: The plugin's.\n")
    site.install(
        "wizards",
        "from pathlib import Path\nfrom charbench import hookimpl\n"
        "@hookimpl\ndef charbench_persona_dirs():\n    return [Path(__file__).parent / 'brought']\n",
    )
    lab.persona("knight", "name: knight\ndescription: The user's.\n")
    assert "The plugin's." in charbench.ok("personas", "show", "wizard", lab=lab.root).out
    assert "The user's." in charbench.ok("personas", "show", "knight", lab=lab.root).out
