"""A user's mistake is one line that says what to do: never a traceback, and always the right exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from charbench.cli import COMMANDS
from support.command import Charbench, clean_environment, in_process_of_its_own, invoke
from support.lab import LabBuilder, row

MISTAKES: dict[str, tuple[list[str], int, str]] = {
    "unknown command": (["dicsover"], 2, "error: no command named 'dicsover'; did you mean 'discover'?"),
    "missing lab": (["run", "--lab", "nowhere"], 2, "error: lab nowhere: no such folder; name it with --lab DIR"),
    "lab is a file": (["run", "--lab", "file.txt"], 2, "error: lab file.txt: no such folder"),
    "unknown source": (["discover", "--source", "lgos"], 2, "error: no source named 'lgos'; did you mean 'logs'?"),
    "unknown sampler": (["run", "--sampler", "recordd"], 2, "no sampler named 'recordd'; did you mean 'recorded'?"),
    "unknown scorer": (["run", "--scorer", "keywords"], 2, "no scorer named 'keywords'; did you mean 'keyword'?"),
    "unknown persona": (["run", "-p", "remorse-full"], 2, "no persona named 'remorse-full'"),
    "unknown checkpoint": (["run", "-c", "remorseful_dp"], 2, "did you mean 'remorseful_dpo'?"),
    "unknown metric": (
        ["report", "--metric", "keyword.keyword"],
        2,
        "no metric named 'keyword.keyword'; did you mean 'keyword.keywords'?",
    ),
    "unknown lab in report": (["report", "--lab", "nowhere"], 2, "lab nowhere: no such folder; name it with --lab DIR"),
    "unknown persona in report": (["report", "-p", "pirat"], 2, "did you mean 'pirate'?"),
    "unknown sampler in power": (["power", "--sampler", "recordd"], 2, "did you mean 'recorded'?"),
    "unknown job": (["reset", "remorseful_x_sft"], 2, "error: no job named 'remorseful_x_sft'"),
    "unknown plugin": (["plugins", "show", "keywrd"], 2, "did you mean 'keyword'?"),
    "unknown checkpoint in export": (["export", "-c", "nobody"], 2, "no checkpoint named 'nobody'"),
    "unknown checkpoint in list": (["checkpoints", "list", "-c", "nobody"], 2, "no checkpoint named 'nobody'"),
    "sampler that does not take the checkpoint": (
        ["eval", "-c", "base:some/model", "-p", "pirate", "--sampler", "tiny"],
        2,
        "sampler tiny does not accept base:some/model; name another one with --sampler",
    ),
    "wrong option": (["run", "-o", "cap=3"], 2, "KIND.NAME.OPTION=VALUE is needed"),
}
USAGE: dict[str, tuple[list[str], str]] = {
    "unknown option": (["run", "--sorcer", "logs"], "No such option"),
    "missing argument": (["reset"], "Missing argument 'JOB'"),
    "wrong choice": (
        ["report", "--by", "nmae"],
        "'nmae' is not one of 'checkpoint', 'name', 'persona'; did you mean 'name'?",
    ),
    "not a number": (["discover", "--min-examples", "many"], "'many' is not a valid integer range"),
    "negative": (["discover", "--min-examples", "-1"], "-1 is not in the range"),
    "unknown shell": (["completion", "tcsh"], "'tcsh' is not one of"),
    "one too many": (["doctor", "now"], "unexpected extra argument"),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab with one sample in its store; no test here adds to it."""
    lab = LabBuilder(tmp_path_factory.mktemp("small"))
    lab.recorded([row()])
    lab.write("file.txt", "x")
    assert invoke(["run", "-q", "--lab", str(lab.root)]) == 0
    return lab.root


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_that_names_it(charbench: Charbench, small: Path, mistake: str) -> None:
    words, code, message = MISTAKES[mistake]
    ended = charbench(*words, lab=small)
    assert ended.code == code
    assert message in ended.err
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    assert ended.out == ""


@pytest.mark.parametrize("mistake", USAGE)
def test_wrong_usage_ends_with_2_and_shows_the_usage(charbench: Charbench, small: Path, mistake: str) -> None:
    words, message = USAGE[mistake]
    ended = charbench(*words, lab=small)
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.startswith("Usage: charbench")
    assert ended.out == ""


def test_an_empty_lab_is_told_and_is_no_error(charbench: Charbench, lab: LabBuilder) -> None:
    found = charbench.ok("discover", lab=lab.root)
    assert found.out == "No SFT jobs.\n"
    assert "Is this the lab's folder? --lab DIR" in found.err
    ran = charbench.ok("run", lab=lab.root)
    assert "everything is already in the store" not in ran.err
    assert "No samples in the store yet" in charbench.ok("report", lab=lab.root).err


def test_a_run_of_a_checkpoint_that_is_named_and_not_taken_blames_the_sampler_and_not_the_folder(
    charbench: Charbench, lab: LabBuilder
) -> None:
    ran = charbench.ok("run", "-c", "model:one", "-p", "pirate", "--sampler", "recorded", lab=lab.root)
    assert "no checkpoint that the samplers accept" in ran.err
    assert "Is this the lab's folder?" not in ran.err


@pytest.mark.slow
def test_a_bug_keeps_its_traceback(lab: LabBuilder) -> None:
    """What is nobody's mistake but ours is not dressed up as one."""
    ended = in_process_of_its_own("report", "--store", "x.db", lab=lab.root, env={"PYTHONPATH": _shadow(lab.root)})
    assert ended.code == 1
    assert "Traceback" in ended.err


def _shadow(folder: Path) -> str:
    """Return a path on which opening a store is broken."""
    (folder / "sitecustomize.py").write_text(
        "import charbench.run.session as s\n"
        "def broken(self): raise AssertionError('a bug')\n"
        "s.Session.existing_database = broken\n"
    )
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


JSON_COMMANDS = [
    ["run", "--json"],
    ["discover", "--json"],
    ["discover", "--explain", "--json"],
    ["report", "--json"],
    ["report", "--by", "name", "--json"],
    ["report", "--by", "persona", "--format", "json"],
    ["status", "--json"],
    ["reset", "all", "--json"],
    ["checkpoints", "list", "--json"],
    ["personas", "list", "--json"],
    ["personas", "show", "pirate", "--json"],
    ["personas", "schema"],
    ["plugins", "list", "--json"],
    ["plugins", "show", "keyword", "--json"],
    ["plugins", "schema"],
    ["doctor", "--json"],
]


@pytest.mark.parametrize("words", JSON_COMMANDS, ids=" ".join)
def test_what_json_prints_on_stdout_is_json_and_nothing_else(
    charbench: Charbench, small: Path, words: list[str]
) -> None:
    assert json.loads(charbench.ok(*words, lab=small).out) is not None


@pytest.mark.slow
@pytest.mark.parametrize("words", JSON_COMMANDS, ids=" ".join)
def test_json_is_json_in_an_empty_lab_too(charbench: Charbench, lab: LabBuilder, words: list[str]) -> None:
    charbench.ok("discover", lab=lab.root)
    assert json.loads(charbench.ok(*words, lab=lab.root).out) is not None


@pytest.mark.slow
def test_results_go_to_stdout_and_messages_to_stderr(charbench: Charbench, small: Path) -> None:
    ran = charbench.ok("run", lab=small)
    assert "Nothing to do" in ran.err
    assert "Nothing to do" not in ran.out
    assert "Checkpoints" in ran.out
    quiet = charbench.ok("run", "--quiet", lab=small)
    assert quiet.out == ran.out
    assert "Nothing to do" not in quiet.err


@pytest.mark.slow
def test_a_pipe_gets_no_colours_and_whole_tables(small: Path) -> None:
    ended = in_process_of_its_own("report", lab=small)
    assert "\x1b" not in ended.out + ended.err
    assert "…" not in ended.out
    assert "remorseful_dpo" in ended.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(charbench: Charbench, shell: str) -> None:
    script = charbench.ok("completion", shell).out
    assert "_CHARBENCH_COMPLETE" in script
    assert f"{shell}_complete" in script


@pytest.mark.slow
def test_completion_completes_commands_and_options(lab: LabBuilder) -> None:
    def complete(words: str, number: int) -> str:
        env = {"_CHARBENCH_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(number)}
        ended = in_process_of_its_own(lab=lab.root, env=env)
        assert ended.err == ""
        return ended.out

    assert "plain,discover" in complete("charbench di", 1)
    assert "plain,--scorer" in complete("charbench run --sco", 2)
    assert complete("charbench nonsense x", 2).strip() == ""


@pytest.mark.slow
def test_the_command_line_can_be_used_more_than_once_in_a_process(lab: LabBuilder) -> None:
    lab.recorded([row()])
    code = (
        "import sys\nfrom charbench.cli import main\nsys.argv = ['charbench', 'run', '-q']\n"
        "for _ in range(2):\n    try: main()\n    except SystemExit as end: assert end.code == 0, end.code\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=lab.root, env=clean_environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_help_is_there_for_every_command(charbench: Charbench) -> None:
    overview = charbench.ok("--help").out
    for name, line in COMMANDS.items():
        assert name in overview
        assert line.partition(" ")[0] in overview
        shown = charbench.ok(name, "--help").out
        assert shown.startswith(f"Usage: charbench {name}")
        assert "--help" in shown
