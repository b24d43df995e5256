"""A full disk, a quota, a limit of the process, a read-only file system: one line that names it, and no traceback."""

from __future__ import annotations

import errno
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from charbench.text.system_errors import LIMITS, named_error
from support.command import Charbench, clean_environment
from support.lab import LabBuilder, rows
from support.store import assert_each_exactly_once, store_of

pytestmark = pytest.mark.sqlite("meets the limits of files and file systems")

CHARBENCH = f"{shlex.quote(sys.executable)} -m charbench"
RUN = f"{CHARBENCH} run --source recorded --sampler recorded --scorer keyword -q --json"


def bash(lab: Path, line: str, *before: str) -> subprocess.CompletedProcess[str]:
    words = [*before, "bash", "-c", line]
    return subprocess.run(words, cwd=lab, env=clean_environment(), capture_output=True, text=True, check=False)


def assert_one_line(ended: subprocess.CompletedProcess[str], *named: str) -> None:
    assert ended.returncode == 1
    (line,) = ended.stderr.strip().splitlines()
    assert line.startswith("error: ")
    for text in named:
        assert text in line


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [40, 500])  # too small for the tables; too small for the samples
def test_a_limit_on_the_size_of_files_is_named_and_a_run_without_it_goes_on(
    charbench: Charbench, lab: LabBuilder, blocks: int
) -> None:
    lab.recorded(rows(500))
    ended = bash(lab.root, f"ulimit -f {blocks}; exec {RUN}")
    assert_one_line(ended, "store .charbench/charbench.db: ", "EFBIG, RLIMIT_FSIZE is ", "ulimit -f unlimited")
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    assert_each_exactly_once(store_of(lab.root), 500)


@pytest.fixture
def may_mount(tmp_path: Path) -> list[str]:
    """The words before a command that let it mount file systems of its own."""
    words = ["unshare", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or bash(tmp_path, "mount -t tmpfs tmpfs /mnt", *words).returncode != 0:
        pytest.skip("this system lets nobody mount a file system of their own")
    return words


@pytest.mark.slow
def test_a_full_disk_is_named(lab: LabBuilder, tmp_path: Path, may_mount: list[str]) -> None:
    lab.recorded(rows(1_000))
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=1200k tmpfs {disk} && cp -r {lab.root}/. {disk} && cd {disk}"
    ended = bash(tmp_path, f"{mount} && exec {RUN}", *may_mount)
    assert_one_line(ended, "store .charbench/charbench.db: ", "No space left on device (ENOSPC)", "free some space")


def test_a_read_only_file_system_is_named(lab: LabBuilder, tmp_path: Path, may_mount: list[str]) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=1m tmpfs {disk} && mount -o remount,ro {disk} && cd {disk}"
    ended = bash(tmp_path, f"{mount} && exec {RUN}", *may_mount)
    assert_one_line(ended, "store .charbench/charbench.db: ", "mounted read-only (EROFS)", "--store")


@pytest.mark.parametrize("number", sorted(LIMITS))
def test_every_limit_is_named_by_its_symbol_and_says_what_to_do(number: int) -> None:
    told = named_error(OSError(number, "what the system says"))
    assert f"({errno.errorcode[number]}" in told
    assert ";" in told


def test_another_error_is_told_as_the_system_tells_it() -> None:
    assert named_error(OSError(errno.EACCES, "Permission denied")) == "Permission denied"
