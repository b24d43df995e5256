"""Beginning anew keeps what was paid for; a new plugin works as it is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from charbench.store.runs import process_start
from support.command import Charbench, in_process_of_its_own
from support.lab import LabBuilder, row
from support.store import connect, count, store_of


@pytest.mark.slow
def test_fresh_begins_with_an_empty_store_and_keeps_the_old_one(charbench: Charbench, tmp_path: Path):
    (tmp_path / "recordings").mkdir()
    recording = tmp_path / "recordings" / "a.jsonl"
    recording.write_text('{"sampler_path": "model:pirate_sft", "prompt": "Hi?", "response": "Ahoy, matey!"}\n')
    charbench.ok("run", "--lab", tmp_path)
    recording.unlink()
    ended = charbench.ok("run", "--lab", tmp_path, "--fresh", "--json")
    assert ended.json["samples"] == 0
    kept = list((tmp_path / ".charbench").glob("charbench-*.db"))
    assert len(kept) == 1
    assert charbench.ok("report", "--lab", tmp_path, "--store", kept[0], "--json").json["samples"] == 1


@pytest.fixture
def ran(charbench: Charbench, lab: LabBuilder) -> Path:
    """A lab with one sample in its store."""
    lab.recorded([row()])
    charbench.ok("run", lab=lab.root)
    return lab.root


def stores(folder: Path) -> list[Path]:
    return sorted((folder / ".charbench").glob("charbench*.db"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--scorer", "keywrod"), "did you mean 'keyword'?"),
        (("--sampler", "thinking"), "sampler thinking"),
        (("-p", "pirat"), "did you mean 'pirate'?"),
        (("--dry-run",), "--fresh"),
    ],
)
def test_fresh_leaves_the_store_where_the_run_cannot_begin(
    charbench: Charbench, ran: Path, words: tuple[str, ...], said: str
):
    ended = charbench("run", "--fresh", *words, lab=ran)
    assert (ended.code, said in ended.err) == (2, True), ended.err
    assert stores(ran) == [store_of(ran)]
    assert count(store_of(ran), "samples") == 1


@pytest.mark.slow
def test_fresh_again_and_again_keeps_every_store(charbench: Charbench, ran: Path):
    for number in range(2, 5):
        charbench.ok("run", "--fresh", lab=ran)
        assert len(stores(ran)) == number
    assert [count(store, "samples") for store in stores(ran)] == [1] * 4


@pytest.mark.slow
def test_fresh_leaves_a_store_that_a_run_is_at_work_on(charbench: Charbench, ran: Path):
    with connect(store_of(ran)).begin() as connection:
        alive = {"pid": os.getpid(), "started": process_start(os.getpid())}
        live = "UPDATE runs SET status = 'running', pid = :pid, process_started = :started"
        connection.execute(sa.text(live), alive)
    ended = charbench("run", "--fresh", lab=ran)
    assert (ended.code, "run 1 is using it; stop that run first" in ended.err) == (2, True), ended.err
    assert stores(ran) == [store_of(ran)]
    with connect(store_of(ran)).begin() as connection:
        connection.execute(sa.text("UPDATE runs SET process_started = 'long ago'"))
    charbench.ok("run", "--fresh", lab=ran)


def test_fresh_puts_a_damaged_store_aside(charbench: Charbench, lab: LabBuilder):
    lab.write(".charbench/charbench.db", "this is no database" * 100)
    charbench.ok("run", "--fresh", lab=lab.root)
    assert [store.read_bytes()[:7] == b"this is" for store in stores(lab.root)] == [True, False]


@pytest.mark.slow
def test_a_scaffolded_plugin_scores_without_a_change(charbench: Charbench, tmp_path: Path):
    charbench.ok("plugins", "new", "shouting", "-O", tmp_path)
    package = tmp_path / "charbench-shouting"
    info = package / "charbench_shouting-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: charbench-shouting\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[charbench]\nshouting = charbench_shouting\n")
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "a.jsonl").write_text(
        '{"sampler_path": "model:pirate_sft", "prompt": "Hi?", "response": "AHOY you"}\n'
    )
    environment = {"PYTHONPATH": str(package)}
    ended = in_process_of_its_own("run", "--scorer", "shouting", lab=tmp_path, env=environment)
    assert ended.code == 0, ended.err
    exported = in_process_of_its_own("export", "--jsonl", lab=tmp_path, env=environment)
    assert '"metric": "shouting", "channel": "response", "value": 0.5714285714285714' in exported.out


def test_a_plugin_folder_that_exists_is_left_alone(charbench: Charbench, tmp_path: Path):
    charbench.ok("plugins", "new", "shouting", "-O", tmp_path)
    ended = charbench("plugins", "new", "shouting", "-O", tmp_path)
    assert ended.code == 2
    assert "already exists" in ended.err
