"""Shells complete values of the lab: personas, checkpoints, components, settings."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from charbench.cli import COMPLETES, cli
from support.command import Charbench, clean_environment
from support.lab import LabBuilder, row, sampler

Complete = Callable[..., list[str]]


@pytest.fixture
def small(charbench: Charbench, lab: LabBuilder) -> Path:
    """A lab whose store has two checkpoints of one name, and one that is called by its name."""
    lab.recorded([
        row(), row(checkpoint_name="twin", sampler_path=sampler(2, "twin")),
        row(checkpoint_name="twin", sampler_path=sampler(3, "twin")),
        row(checkpoint_name="odd\nname", sampler_path=sampler(4, "odd")),
    ])  # fmt: skip
    lab.write("charbench.yaml", "endpoints: {local: {base_url: 'http://127.0.0.1:9/v1'}}\n")
    charbench.ok("run", "-q", "--sampler", "recorded", "--scorer", "keyword", lab=lab.root)
    return lab.root


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> Complete:
    """What is offered for the last of these words."""

    def values(*words: str) -> list[str]:
        with monkeypatch.context() as patch:
            patch.setenv(COMPLETES, "bash_complete")
            found = BashComplete(cli, {}, "charbench", COMPLETES).get_completions(list(words[:-1]), words[-1])
        return [item.value for item in found]

    return values


def test_values_of_the_lab_that_is_named_are_offered(charbench: Charbench, small: Path, complete: Complete) -> None:
    lab = ("--lab", str(small))
    assert complete("run", *lab, "-c", "rem") == ["remorseful_dpo"]
    assert complete("compare", *lab, "tinker://") == [sampler(2, "twin"), sampler(3, "twin")]
    (setting,) = charbench.ok("report", "--list-settings", "--json", lab=small).json
    assert complete("report", *lab, "--setting", "") == [setting["id"]]
    assert complete("sample", *lab, "--endpoint", "") == ["local"]
    assert complete("forget", *lab, "--setting", "") == [setting["id"]]


def test_personas_components_options_formats_and_metrics_are_offered(complete: Complete) -> None:
    assert complete("run", "-p", "remo") == ["remorseful"]
    assert complete("personas", "show", "remo") == ["remorseful"]
    assert complete("score", "--scorer", "") == [
        "classifier", "identity-leak", "keyword", "llm-judge", "pairwise", "refusal", "repetition", "inspect:includes",
    ]  # fmt: skip
    assert complete("run", "--sampler", "ti") == ["tinker-native", "tiny"]
    assert complete("run", "-o", "scorer.keyword.c") == ["scorer.keyword.cap="]
    assert complete("export", "--format", "js") == ["jsonl"]
    assert complete("plugins", "show", "pairw") == ["pairwise"]
    assert complete("report", "--metric", "keyword.we") == ["keyword.weighted"]
    assert complete("run", "--no-plugin", "journ") == ["journal"]


def test_a_lab_that_cannot_be_read_offers_nothing_and_says_nothing(
    complete: Complete, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complete("run", "--lab", str(tmp_path / "nowhere"), "-c", "") == []
    (tmp_path / "charbench.yaml").write_text("no: [")
    assert complete("run", "--lab", str(tmp_path), "-p", "") == []
    assert "".join(capsys.readouterr()) == ""


SHELLS = {
    "bash": 'eval "$(charbench completion bash)"; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); '
    'COMPREPLY=(); _charbench_completion charbench; printf "%s\\n" "${{COMPREPLY[@]}}"',
    "zsh": 'autoload -Uz compinit && compinit -u -D; eval "$(charbench completion zsh)"; '
    "_describe() {{ for name in $@; do [[ $name == completions* ]] && print -rl -- ${{(@P)name}}; done }}; "
    "compadd() {{ _describe $@ }}; words=({words}) CURRENT=$#words; _charbench_completion",
    "fish": 'charbench completion fish | source; complete -C "{words}"',
}
"""Let a shell load the script that charbench prints, and complete a line by it."""


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_itself_completes_by_the_script_that_is_printed(shell: str, small: Path) -> None:
    if shell != "bash" and shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    path = {"PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"}
    for words, value in {"charbench run -c rem": "remorseful_dpo", "charbench score --scorer keyw": "keyword"}.items():
        done = subprocess.run(
            [shell, *(["-f"] if shell == "zsh" else []), "-c", SHELLS[shell].format(words=words)],
            cwd=small, env=clean_environment(path), capture_output=True, text=True,
        )  # fmt: skip
        first = [line.split("\t")[0].split(":")[0] for line in done.stdout.splitlines()]
        assert first == [value], done.stdout + done.stderr
