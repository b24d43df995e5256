"""Beginning anew keeps what was paid for; a new plugin works as it is written."""

from __future__ import annotations

from pathlib import Path

from support.command import Charbench, in_process_of_its_own


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
    assert "exists already" in ended.err
