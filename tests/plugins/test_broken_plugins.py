"""A broken third-party plugin is listed with its error, and everything else works."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row
from support.plugins import SHOUTING, Site

HEAD = "from charbench import CheckpointSource, Metric, Sampler, Scorer, hookimpl\n"


def scorer(body: str) -> str:
    return f"{HEAD}class Bad(Scorer):\n    'Bad.'\n{body}\n@hookimpl\ndef charbench_scorers():\n    return [Bad]\n"


METHOD = "    def score(self, sample, persona): return ()\n"
METRICS = "    metrics = (Metric('m'),)\n"
BROKEN = {
    "import-error": ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
    "syntax-error": ("def broken(:", "SyntaxError"),
    "exits": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "raises": ("raise RuntimeError('no\\nluck')", "RuntimeError: no luck"),
    "tells-a-secret": ("raise RuntimeError('key tml-abcdef123456')", "RuntimeError: key tml-[redacted]"),
    "wrong-class": (
        f"{HEAD}@hookimpl\ndef charbench_scorers():\n    return [dict]",
        "is not a subclass of charbench.Scorer",
    ),
    "an-instance": (
        scorer(f"    name = 'bad'\n{METRICS}{METHOD}").replace("[Bad]", "[Bad()]"),
        "is not a subclass of charbench.Scorer",
    ),
    "unknown-hook": (f"{HEAD}@hookimpl\ndef charbench_scorer():\n    return []", "charbench_scorer"),
    "unknown-argument": (
        f"{HEAD}@hookimpl\ndef charbench_run_started(run_id, colour):\n    pass",
        "colour",
    ),
    "hook-raises": (f"{HEAD}@hookimpl\ndef charbench_scorers():\n    return 1 / 0", "ZeroDivisionError"),
    "hook-gives-none": (
        f"{HEAD}@hookimpl\ndef charbench_scorers():\n    pass",
        "charbench_scorers gave None; a list of classes is needed",
    ),
    "no-name": (scorer(f"{METRICS}{METHOD}"), "a lower-case slug such as 'my-scorer' is needed"),
    "bad-name": (scorer(f"    name = 'Bad Name'\n{METRICS}{METHOD}"), "'Bad Name'"),
    "no-method": (scorer(f"    name = 'bad'\n{METRICS}"), "does not define score()"),
    "no-metrics": (scorer(f"    name = 'bad'\n{METHOD}"), "metrics must be a tuple of charbench.Metric, and not empty"),
    "bad-metrics": (scorer(f"    name = 'bad'\n    metrics = ('m',)\n{METHOD}"), "must be a tuple of charbench.Metric"),
    "metric-twice": (
        scorer(f"    name = 'bad'\n    metrics = (Metric('m'), Metric('m'))\n{METHOD}"),
        "declares a name twice: m, m",
    ),
    "bad-role": (scorer(f"    name = 'bad'\n    metrics = (Metric('m', role='best'),)\n{METHOD}"), "'best'"),
    "bad-config": (
        scorer(f"    name = 'bad'\n{METRICS}    class Config: pass\n{METHOD}"),
        "Config is not a pydantic model; derive it from Scorer.Config",
    ),
    "no-docstring": (
        scorer(f"    name = 'bad'\n{METRICS}{METHOD}").replace("    'Bad.'\n", ""),
        "has neither a summary nor a docstring",
    ),
    "source-as-sampler": (
        (
            f"{HEAD}class S(CheckpointSource):\n    'S.'\n    name = 's'\n    def find(self, lab): return ()\n"
            "@hookimpl\ndef charbench_samplers():\n    return [S]"
        ),
        "is not a subclass of charbench.Sampler",
    ),
}


@pytest.fixture
def small(lab: LabBuilder) -> Path:
    lab.recorded([row()])
    return lab.root


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_listed_with_its_error_and_the_others_work(
    charbench: Charbench, site: Site, small: Path, name: str
) -> None:
    code, error = BROKEN[name]
    site.install(name, code)
    site.install("zz-shouting", SHOUTING)  # sorts after the broken one
    listed = {item["name"]: item for item in charbench.ok("plugins", "list", "--json", lab=small).json["plugins"]}
    assert listed[name]["state"] == "broken"
    assert error in listed[name]["error"]
    assert "\n" not in listed[name]["error"]
    assert listed[name]["components"] == []
    others = {item["state"] for other, item in listed.items() if other != name}
    assert others == {"works"}


@pytest.mark.slow
def test_every_command_works_beside_broken_plugins(charbench: Charbench, site: Site, small: Path) -> None:
    for name, (code, _) in BROKEN.items():
        site.install(name, code)
    added = charbench.ok("run", "--source", "recorded", "--json", lab=small).json["run"]["added"]
    assert (added["samples"], added["scores"]) == (1, 1)
    for words in (["report"], ["status"], ["personas", "list"], ["checkpoints", "list"], ["export"], ["discover"]):
        charbench.ok(*words, lab=small)


def test_a_broken_plugin_registers_nothing_by_halves(charbench: Charbench, site: Site, small: Path) -> None:
    code = SHOUTING + "\n@hookimpl\ndef charbench_samplers():\n    return [int]\n"
    site.install("half", code)
    ended = charbench("run", "--scorer", "shouting", lab=small)
    assert ended.code == 2
    assert "no scorer named 'shouting'" in ended.err


def test_asking_for_a_broken_plugins_component_says_why_it_is_broken(
    charbench: Charbench, site: Site, small: Path
) -> None:
    site.install("charbench-shouting", "import no_such_module_at_all\n")
    ended = charbench("run", "--scorer", "shouting", lab=small)
    assert ended.code == 2
    assert (
        "charbench-shouting 1.0) is broken: ModuleNotFoundError: No module named 'no_such_module_at_all'" in ended.err
    )
    assert "Traceback" not in ended.err


def test_plugins_show_prints_a_broken_plugins_traceback(charbench: Charbench, site: Site, small: Path) -> None:
    site.install("cracked", "def f():\n    raise RuntimeError('deep inside')\nf()\n")
    ended = charbench("plugins", "show", "cracked", lab=small)
    shown = ended.out
    assert ended.code == 1
    assert "RuntimeError: deep inside" in shown
    assert "Traceback (most recent call last)" in shown
    assert "in f" in shown


def test_the_doctor_ends_with_1_and_names_the_broken_plugin(charbench: Charbench, site: Site, small: Path) -> None:
    site.install("cracked", "raise RuntimeError('deep inside')")
    ended = charbench("doctor", "--json", lab=small)
    assert ended.code == 1
    bad = [item for item in ended.json if item["state"] == "bad"]
    assert [(item["what"], item["text"]) for item in bad] == [("plugin cracked", "RuntimeError: deep inside")]
    assert "--no-plugin cracked" in bad[0]["advice"]


@pytest.mark.slow
def test_a_plugin_whose_persona_folder_hook_raises_stops_no_command(
    charbench: Charbench, site: Site, small: Path
) -> None:
    site.install("folders", f"{HEAD}@hookimpl\ndef charbench_persona_dirs():\n    raise OSError('disk gone')\n")
    listed = charbench.ok("personas", "list", lab=small)
    assert "remorseful" in listed.out
    assert "plugin folders" in listed.err
    assert "disk gone" in listed.err
    charbench.ok("run", "--source", "recorded", lab=small)


def test_a_source_that_breaks_while_it_looks_fails_the_run_and_leaves_the_rest(
    charbench: Charbench, site: Site, small: Path
) -> None:
    site.install(
        "breaking",
        f"{HEAD}class Breaking(CheckpointSource):\n    'Breaks.'\n    name = 'breaking'\n"
        "    def find(self, lab):\n        yield 3\n"
        "@hookimpl\ndef charbench_checkpoint_sources():\n    return [Breaking]\n",
    )
    ended = charbench("discover", "--json", lab=small)
    assert ended.code == 1
    assert ended.json["checkpoints"] == 1
    assert "source breaking" in ended.json["failures"][0]
    assert "yielded int, which is not a finding" in ended.json["failures"][0]


SCORES = {
    "raises": ("raise KeyError('lost')", "KeyError: 'lost'"),
    "undeclared": ("yield Score('other', Channel.RESPONSE, 1.0)", "which it does not declare (m)"),
    "twice": ("yield from [Score('m', Channel.RESPONSE, 1.0)] * 2", "scored 'm' twice for the response"),
    "outside": ("yield Score('m', Channel.RESPONSE, 7.0)", "m is 7.0, outside 0 to 1"),
    "nan": ("yield Score('m', Channel.RESPONSE, float('nan'))", "m is nan"),
    "none": ("return None", "TypeError"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCORES)
def test_a_scorer_that_fails_is_a_failure_that_is_tried_again_and_never_a_score(
    charbench: Charbench, site: Site, small: Path, name: str
) -> None:
    body, error = SCORES[name]
    site.install(
        f"scorer-{name}",
        f"from charbench import Channel, Metric, Score, Scorer, hookimpl\n"
        f"class Failing(Scorer):\n    'Fails.'\n    name = 'failing'\n    metrics = (Metric('m', range=(0, 1)),)\n"
        f"    def score(self, sample, persona):\n        {body}\n"
        f"@hookimpl\ndef charbench_scorers():\n    return [Failing]\n",
    )
    for _ in range(2):
        ended = charbench("run", "--source", "recorded", "--scorer", "failing", "--json", lab=small)
        assert ended.code == 1
        assert (ended.json["run"]["added"]["scores"], ended.json["run"]["added"]["failures"]) == (0, 1)
        assert error in ended.json["run"]["failures"][0]


def test_a_scorer_may_be_async_and_may_say_that_it_cannot_tell(charbench: Charbench, site: Site, small: Path) -> None:
    site.install(
        "asynchronous",
        "from charbench import Channel, Metric, Score, Scorer, hookimpl\n"
        "class Later(Scorer):\n    'Later.'\n    name = 'later'\n    metrics = (Metric('m'),)\n"
        "    async def score(self, sample, persona):\n        return [Score('m', Channel.RESPONSE, None)]\n"
        "@hookimpl\ndef charbench_scorers():\n    return [Later]\n",
    )
    charbench.ok("run", "--source", "recorded", "--scorer", "later", lab=small)
    report = charbench.ok("report", "--metric", "m", "--json", lab=small).json
    assert report["metric"] == "later.m"
    assert report["personas"][0]["mean_per_response"] is None


def test_an_observer_that_raises_is_shown_and_stops_neither_the_run_nor_other_observers(
    charbench: Charbench, site: Site, small: Path
) -> None:
    code = "raise RuntimeError('not today')"
    site.install("aa-observer", f"{HEAD}@hookimpl\ndef charbench_run_started(run_id):\n    {code}\n")
    ended = charbench.ok("run", "--source", "recorded", lab=small)
    assert "plugin aa-observer, charbench_run_started: RuntimeError: not today" in ended.err
    assert (small / ".charbench" / "runs.jsonl").read_text().count("\n") == 2


SOUND = f"    name = 'bad'\n{METRICS}{METHOD}"
OUTSIDE = {
    "in its constructor": "    def __init__(self, config=None): self.x = {}['x']\n",
    "in prepare": "    def prepare(self, root, folder): self.x = {}['x']\n",
    "in fingerprint": "    def fingerprint(self, persona): return {}['x']\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("where", OUTSIDE)
def test_a_component_that_cannot_be_set_up_is_named_with_its_fault_and_its_traceback(
    charbench: Charbench, site: Site, small: Path, where: str
) -> None:
    site.install("bad-plugin", scorer(SOUND + OUTSIDE[where]))
    ended = charbench("run", "--scorer", "bad", lab=small)
    assert ended.code == 2
    assert "scorer bad" in ended.err
    assert "is broken: KeyError: 'x'" in ended.err
    assert "bad_plugin.py" in ended.err
    assert charbench.ok("run", lab=small).code == 0


@pytest.mark.slow
def test_recordings_that_break_off_are_named_and_what_came_before_is_kept(
    charbench: Charbench, site: Site, small: Path
) -> None:
    code = (
        f"{HEAD}class Tape(CheckpointSource):\n    'Tape.'\n    name = 'tape'\n    def find(self, lab): return ()\n"
        "    def recordings(self, lab):\n        yield from ()\n        raise KeyError('x')\n"
        "@hookimpl\ndef charbench_checkpoint_sources():\n    return [Tape]\n"
    )
    site.install("tape", code)
    ended = charbench("run", lab=small)
    assert ended.code == 2
    assert "source tape is broken: KeyError: 'x'" in ended.err
    charbench.ok("run", "--no-plugin", "tape", lab=small)
