"""Runs charbench: in this process where that is enough, in one of its own where it is not."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from charbench import cli


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)


def invoke(words: Sequence[str]) -> int:
    """Run one command in this process, and return the code that the process would end with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["charbench", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


class Charbench:
    """The command line, run in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: str | Path, lab: Path | None = None) -> Ended:
        """Run one command and return how it ended; ``lab`` is the folder that it is run in."""
        words = [str(argument) for argument in arguments]
        self._capsys.readouterr()
        with self._monkeypatch.context() as patch:
            if lab is not None:
                patch.chdir(lab)
            code = invoke(words)
        printed = self._capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    def ok(self, *arguments: str | Path, lab: Path | None = None) -> Ended:
        """Run one command that must end with 0."""
        ended = self(*arguments, lab=lab)
        assert ended.code == 0, ended.err or ended.out
        return ended


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without anything that changes what charbench does, but for the test's store."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "CHARBENCH_STORE" or not name.startswith(("CHARBENCH_", "TINKER_"))
    }
    return kept | {"PYTHONWARNINGS": "error", "XDG_CACHE_HOME": _cache_folder()} | dict(more or {})


@cache
def _cache_folder() -> str:
    """Return the folder in which processes of these tests keep what a user's would keep in the home folder."""
    folder = tempfile.mkdtemp(prefix="charbench-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def start(*arguments: str | Path, lab: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start charbench in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "charbench", *map(str, arguments)],
        cwd=lab,
        env=clean_environment(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def finish(process: subprocess.Popen[str], timeout: float = 300) -> Ended:
    """Wait for a process, and return how it ended."""
    out, err = process.communicate(timeout=timeout)
    return Ended(process.returncode, out, err)


def in_process_of_its_own(*arguments: str | Path, lab: Path, env: Mapping[str, str] | None = None) -> Ended:
    """Run charbench in a process of its own, to its end."""
    return finish(start(*arguments, lab=lab, env=env))
