"""What charbench does where its streams are closed, full, or of few characters, and where it may not write."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import Charbench, clean_environment, invoke
from support.lab import LabBuilder, row

CHARBENCH = f"{shlex.quote(sys.executable)} -m charbench"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab with one sample in its store."""
    lab = LabBuilder(tmp_path_factory.mktemp("small"))
    lab.recorded([row(response="I regret it, señor.")])
    assert invoke(["run", "-q", "--lab", str(lab.root)]) == 0
    return lab.root


def shell(line: str, lab: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of the shell, in which ``charbench`` is this one."""
    words = ["sh", "-c", line.replace("charbench", CHARBENCH)]
    return subprocess.run(words, cwd=lab, env=clean_environment(env), capture_output=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("line", ["charbench report >&-", "charbench run 2>&-", "charbench report <&- >&- 2>&-"])
def test_a_closed_stream_is_no_reason_to_fail(small: Path, line: str) -> None:
    ended = shell(line, small)
    assert (ended.returncode, ended.stderr.count(b"Traceback")) == (0, 0)


@pytest.mark.slow
def test_a_closed_stream_never_has_its_output_written_into_the_store(small: Path) -> None:
    assert shell("charbench report <&- >&- 2>&-", small).returncode == 0
    assert (small / ".charbench" / "charbench.db").read_bytes().startswith(b"SQLite format 3")
    assert shell("charbench report", small).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("command", ["report", "export --csv", "report --json"])
def test_a_full_disk_is_told_in_one_line(small: Path, command: str) -> None:
    ended = shell(f"charbench {command} >/dev/full", small)
    assert ended.returncode == 1
    assert b"error: cannot write: No space left on device" in ended.stderr
    assert b"Traceback" not in ended.stderr


@pytest.mark.slow
def test_an_encoding_of_few_characters_costs_a_table_its_lines_and_loses_no_data(small: Path) -> None:
    plain = {"PYTHONIOENCODING": "ascii"}
    table = shell("charbench report", small, **plain)
    assert table.returncode == 0
    assert b"remorseful_dpo" in table.stdout
    exported = shell("charbench export --csv", small, **plain)
    assert "señor" in exported.stdout.decode()
    printed = json.loads(shell("charbench checkpoints list --json", small, **plain).stdout.decode("ascii"))
    assert printed[0]["name"] == "remorseful_dpo"


@pytest.mark.slow
def test_quiet_prints_tables_and_nothing_else(charbench: Charbench, small: Path) -> None:
    ended = charbench.ok("run", "--quiet", "--no-plugin", "tinker", lab=small)
    assert ended.err == ""
    assert "remorseful_dpo" in ended.out


@pytest.mark.slow
@pytest.mark.parametrize("words", [["train", "--all"], ["eval-complete"], ["sample"], ["score"]])
def test_json_is_printed_where_there_is_nothing_to_do(charbench: Charbench, lab: LabBuilder, words: list[str]) -> None:
    charbench.ok("discover", lab=lab.root)
    assert isinstance(charbench.ok(*words, "--json", lab=lab.root).json, dict)


@pytest.mark.slow
@pytest.mark.parametrize("journal", [False, True], ids=["whole", "with a journal"])
def test_a_lab_that_may_only_be_read_is_read_and_says_what_cannot_be_done(
    small: Path, tmp_path: Path, journal: bool
) -> None:
    database = sqlite3.connect(small / ".charbench" / "charbench.db")
    if journal:  # an open connection keeps what it wrote in the journal
        database.execute("UPDATE runs SET command = command || ' '")
        database.commit()
        lab = Path(shutil.copytree(small, tmp_path / "lab"))
    database.close()
    if not journal:
        lab = Path(shutil.copytree(small, tmp_path / "lab"))
    assert (lab / ".charbench" / "charbench.db-wal").exists() == journal
    for path in [lab, *lab.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    # root may write everywhere, unless that is taken from it
    as_user = "setpriv --bounding-set=-dac_override --inh-caps=-dac_override " if os.geteuid() == 0 else ""
    try:
        for command in ("report", "status", "export --csv", "checkpoints list", "compare remorseful_dpo"):
            ended = shell(f"{as_user}charbench {command}", lab)
            assert ended.returncode == (2 if command.startswith("compare") else 0), ended.stderr.decode()
            assert b"readonly" not in ended.stderr
        refused = shell(f"{as_user}charbench run", lab)
        assert refused.returncode == 1
        assert b"read-only here; name another store with --store" in refused.stderr
        assert b"cannot be written: " in shell(f"{as_user}charbench personas new gardener", lab).stderr
    finally:
        for path in [lab, *lab.rglob("*")]:
            path.chmod(0o755)
