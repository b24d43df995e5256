"""Whole labs with known answers: what `discover` says of a folder of ``tests/data/labs``, without options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from charbench.domain.uris import TinkerPath
from support.command import Charbench
from support.introspection import write_introspection
from support.lab import LabBuilder, uuid

LABS = Path(__file__).parents[1] / "data" / "labs"
USES = {(True, False): "training", (False, True): "sampling", (True, True): "both"}


def full(text: str) -> str:
    """Return a lab's text with whole URIs: ``tinker://3/`` stands for those of the third run."""
    return re.sub(r"tinker://(\d+)/", lambda run: f"tinker://{uuid(int(run[1]))}:train:0/", text)


def short(uri: str | None) -> str | None:
    """Return how an answer calls a save: its run's number and its name; another URI is itself."""
    path = TinkerPath.parse(uri or "")
    return f"{int(path.run[:8], 16)}/{path.plain_name}" if path else uri


def build(known: dict[str, Any], lab: LabBuilder) -> None:
    for name, text in known["files"].items():
        lab.write(name, full(text))
    for name, count in known.get("examples", {}).items():
        write_introspection(lab.root / name, count)
    for name, target in known.get("links", {}).items():
        (lab.root / name).symlink_to(lab.root / target)


def saves(listed: list[dict[str, Any]]) -> dict[str | None, list[Any]]:
    """Return each save's run, kind, persona, base model's family, use and parent."""
    found: dict[str | None, list[Any]] = {}
    uses: dict[str | None, tuple[bool, bool]] = {}
    for one in listed:
        name, family = short(one["uri"]), re.search("llama|qwen", (one["base_model"] or "").lower())
        before = uses.get(name, (False, False))
        uses[name] = (before[0] or one["trainable"], before[1] or one["sampleable"])
        what = [one["run"], one["kind"], one["persona"], family and family[0], short(one["parent"])]
        assert found.setdefault(name, what) == what  # both URIs of one save say the same
    return {name: [*what[:4], USES[uses[name]], what[4]] for name, what in found.items()}


@pytest.mark.parametrize("name", sorted(path.stem for path in LABS.glob("*.yaml")))
def test_a_lab_gives_its_known_answer(charbench: Charbench, lab: LabBuilder, name: str) -> None:
    known = yaml.safe_load((LABS / f"{name}.yaml").read_text(encoding="utf-8"))
    build(known, lab)
    found = charbench.ok("discover", "--json", *known.get("options", ()), lab=lab.root).json
    listed = charbench.ok("checkpoints", "list", "--json", lab=lab.root).json
    answer = known["answer"]
    assert saves(listed) == answer["saves"]
    assert {job["job_id"]: short(job["checkpoint"]) for job in found["jobs"]} == answer["jobs"]
    assert [job["examples"] for job in found["jobs"]] == answer.get("job examples", [600] * len(answer["jobs"]))
    said = {item["run"]: item["reason"] for item in found["left_out"]}
    assert sorted(said) == sorted(answer["left out"]), said
    for run, reason in answer["left out"].items():
        assert said[run].startswith(reason), said
    assert found["contradictions"] == []
    problems = answer.get("problems", [])
    assert [any(text in told for told in found["problems"]) for text in problems] == [True] * len(found["problems"])
