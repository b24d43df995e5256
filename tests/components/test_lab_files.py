"""One walk of the lab: what it skips, how it ends, and to which sources it offers files."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from charbench import CheckpointSource, Finding, Lab, LabFile
from charbench.components.lab_files import LabFiles
from charbench.components.lab_walk import walk


def shown(root: Path, *skip: str) -> list[str]:
    return [file.shown for file in walk(root, skip).files]


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("text")


def test_version_control_environments_caches_and_charbench_itself_are_not_searched(tmp_path: Path) -> None:
    write(tmp_path, ".git/a.log", ".charbench/a.log", "node_modules/a.log", "x/__pycache__/a.log", ".cache/a.log")
    write(tmp_path, "myenv/pyvenv.cfg", "myenv/a.log", "hub/CACHEDIR.TAG", "hub/a.log")
    write(tmp_path, ".character/checkpoints.json", "deep/er/still/a.log")
    found = walk(tmp_path)
    assert [file.shown for file in found.files] == [".character/checkpoints.json", "deep/er/still/a.log"]
    assert {found.skipped[name] for name in ("myenv", "hub")} == {"an environment", "a cache"}


def test_weight_files_are_counted_and_not_offered(tmp_path: Path) -> None:
    write(tmp_path, "run/adapter_model.safetensors", "run/model.PT", "run/adapter_config.json")
    found = walk(tmp_path)
    assert ([file.shown for file in found.files], found.weights) == (["run/adapter_config.json"], 2)


def test_links_that_loop_end_and_each_file_is_met_once_by_its_own_path(tmp_path: Path) -> None:
    lab = tmp_path / "lab"
    write(lab, "runs/a/train.log")
    write(tmp_path, "elsewhere/b.log")
    (lab / "runs" / "a" / "up").symlink_to(lab)
    (lab / "a-latest").symlink_to(lab / "runs" / "a")
    (lab / "latest.log").symlink_to(lab / "runs" / "a" / "train.log")
    (lab / "shared").symlink_to(tmp_path / "elsewhere")
    (lab / "nowhere").symlink_to(tmp_path / "gone")
    assert shown(lab) == ["runs/a/train.log", "shared/b.log"]


@pytest.mark.parametrize("pattern", ["old", "old/", "./old", "*/junk.log", "junk.*"])
def test_what_discover_skip_names_by_path_or_name_is_left_out(tmp_path: Path, pattern: str) -> None:
    write(tmp_path, "old/junk.log", "new/a.log")
    assert shown(tmp_path, pattern) == ["new/a.log"]


def test_a_limit_that_is_reached_is_told(tmp_path: Path) -> None:
    write(tmp_path, *(f"{number}/a.log" for number in range(9)))
    found = walk(tmp_path, max_files=3)
    assert len(found.files) == 3
    assert found.limits == ["stopped after 3 files (discover.max_files)"]


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    write(tmp_path, "a.log")
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "fifo.log")
    assert shown(tmp_path) == ["a.log"]


@pytest.mark.parametrize(
    "content",
    ["wörds".encode(), b"\xef\xbb\xbf" + "wörds".encode(), "wörds".encode("utf-16"), "wörds".encode("utf-16-be")],
)
def test_text_is_read_in_any_unicode_encoding(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.log").write_bytes(content)
    (file,) = walk(tmp_path).files
    assert file.text == "wörds"
    with file.open() as stream:
        assert stream.read().decode("utf-8-sig") == "wörds"
    assert file.tail(2) == b"ds"


def test_packed_text_is_read_and_what_is_damaged_is_an_error_of_the_file(tmp_path: Path) -> None:
    packed = gzip.compress(b"words " * 10_000)
    (tmp_path / "a.log.gz").write_bytes(packed)
    (tmp_path / "b.log.gz").write_bytes(packed[:-20])
    whole, cut = walk(tmp_path).files
    assert (whole.suffix, whole.text[:5], whole.tail(4)) == (".log", "words", b"rds ")
    with pytest.raises(OSError, match="damaged gzip"):
        cut.tail(4)


class Named(CheckpointSource):
    """Takes the files of one name."""

    def __init__(self, name: str, wanted: str, last_resort: bool = False) -> None:
        super().__init__()
        self.__dict__ |= {"name": name, "last_resort": last_resort}
        self.wanted = wanted

    def matches(self, file: LabFile) -> bool:
        if self.wanted == "fault":
            raise RuntimeError("no")
        return self.wanted in file.shown

    def find(self, lab: Lab) -> Iterable[Finding]:
        return ()


def test_a_last_resort_is_offered_what_no_other_source_matches(tmp_path: Path) -> None:
    write(tmp_path, "a.log", "b.log")
    rest, one, other = Named("rest", "log", last_resort=True), Named("one", "a.log"), Named("other", "a")
    lab = Lab(tmp_path, {})
    lab.files.announce([rest, one, other])
    offered = {source.name: [file.shown for file in lab.offered(source)] for source in (rest, one, other)}
    assert offered == {"rest": ["b.log"], "one": ["a.log"], "other": ["a.log"]}


def test_patterns_take_the_place_of_what_a_source_matches(tmp_path: Path) -> None:
    write(tmp_path, "a.log", "deep/b.txt")
    source = Named("one", "a.log")
    assert [file.shown for file in Lab(tmp_path, {}).offered(source, ["*/*.txt"])] == ["deep/b.txt"]
    absolute = str(tmp_path / "*.log")
    assert [file.shown for file in Lab(tmp_path / "deep", {}).offered(source, [absolute])] == [str(tmp_path / "a.log")]


def test_a_source_whose_matching_breaks_breaks_alone(tmp_path: Path) -> None:
    write(tmp_path, "a.log")
    broken, sound = Named("broken", "fault"), Named("sound", "a")
    files = LabFiles(tmp_path)
    files.announce([broken, sound])
    assert [file.shown for file in files.offered(sound)] == ["a.log"]
    with pytest.raises(RuntimeError):
        list(files.offered(broken))
