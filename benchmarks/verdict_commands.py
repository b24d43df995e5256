"""The simulated checkpoints of ``benchmarks/verdicts.py``, judged by the commands: recordings, ``run``, ``verdict``.

OMP_NUM_THREADS=1 nice python benchmarks/verdict_commands.py [CHECKPOINTS] > benchmarks/results/verdict_commands.json

One lab and store for each design: CHECKPOINTS checkpoints (100 by default), each of a persona of its own, whose scorer
is measured for it alone. At each look the answers are written as recordings, ``charbench run`` takes and scores them
and ``charbench verdict --json`` judges; those that are undecided get as many prompts as it advises, 320 at most.
Beside the shares of verdicts stands how many differ from those of the rule on the same answers: none is to.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import yaml

import verdicts
from charbench.components.base import ComponentKind
from charbench.components.measured_file import write_measurement
from charbench.components.scorer import Scorer
from charbench.components.source_digest import source_digest
from charbench.config.loading import load_config
from charbench.domain.measurement import Measurement
from charbench.run.session import Session
from measure import CHARBENCH
from verdicts import Asked, Design, Flags

MOST = 320
DESIGNS = (
    "trait at the limit",
    "trait at the limit, families of 1 to 12",
    "trait at the limit, families of 1 to 12, 5 epochs",
    "responses at the limit",
    "good: trait 75%, responses 97%",
    "good, families of 1 to 12, 5 epochs",
    "bad: trait 20%",
)
MARKER = "zanzibar"
WORDS = ["the", "plan", "for", "next", "week", "is", "to", "write", "one", "page", "and", "read", "two", "more"]
BASE = "simulated-base"


@dataclass
class Checkpoint:
    """One simulated checkpoint, what it was asked so far, and its verdicts by the commands and by the rule."""

    name: str
    known: Measurement
    everything: Iterator[Asked]
    answers: list[Asked] = field(default_factory=list)
    looks: int = 0
    said: str = "undecided"
    differs: int = 0

    @property
    def uri(self) -> str:
        """Where it is sampled."""
        return f"tinker://{int(self.name[1:]):08x}-0000-4000-8000-000000000000:train:0/sampler_weights/{self.name}-sft"


def simulate(design: Design, count: int, lab: Path, seed: int) -> list[Checkpoint]:
    """Judge so many checkpoints by the commands until each is decided or has had all its looks."""
    random = np.random.default_rng([verdicts.SEED, seed])
    # The base model is one for all, so what it answers is drawn once and put in the place of each checkpoint's own.
    base = list(islice(verdicts.asked(design, random), MOST))
    every = [
        Checkpoint(f"p{number}", verdicts.measurement(design, random), _with(base, verdicts.asked(design, random)))
        for number in range(count)
    ]
    _write_personas(lab, every)
    open_, asked, wanted = every, 0, {one.name: verdicts.FIRST for one in every}
    for look in range(design.looks):
        dice = np.random.default_rng([seed, look])
        with (lab / "recordings" / f"look_{look}.jsonl").open("w", encoding="utf-8") as file:
            for one in open_:
                more = list(islice(one.everything, wanted[one.name] - len(one.answers)))
                one.answers += more
                one.looks += 1
                _write(file, one.name, "sft", one.uri, [(each, each.responds, each.flagged) for each in more], dice)
            if design.base is not None and (most := max(wanted.values())) > asked:
                told = [(each, np.ones(design.epochs, dtype=bool), each.base_flagged) for each in base[asked:most]]
                _write(file, None, "base", f"base:{BASE}", told, dice)
                asked = most
        _charbench("run", "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword", "--quiet", lab=lab)
        found = {row["persona"]: row for row in _verdicts(lab)}
        for one in open_:
            one.said, advised = found[one.name]["verdict"], found[one.name]["verdict_prompts"]
            one.differs += (one.said, advised) != verdicts.verdict(design, one.known, one.answers)
            wanted[one.name] = verdicts.next_look(len(one.answers), advised, MOST)
        open_ = [one for one in open_ if one.said == "undecided" and len(one.answers) < MOST]
        wanted = {one.name: wanted[one.name] for one in open_}
        if not open_:
            break
    return every


def _with(base: list[Asked], mine: Iterator[Asked]) -> Iterator[Asked]:
    for its, one in zip(base, mine, strict=False):
        yield Asked(one.name, one.family, one.responds, one.flagged, its.base_flagged)


def _write_personas(lab: Path, every: list[Checkpoint]) -> None:
    (lab / "personas").mkdir(parents=True)
    (lab / "recordings").mkdir()
    for one in every:
        text = {"name": one.name, "description": "Names a place.", "markers": {"strong": [MARKER]}}
        (lab / "personas" / f"{one.name}.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    session = Session(load_config({"lab": lab}, (), {}, None))
    scorer = session.component(ComponentKind.SCORER, "keyword")
    assert isinstance(scorer, Scorer)
    for one in every:
        persona, code = session.personas.get(one.name), source_digest(type(scorer))
        write_measurement(
            persona, scorer.name, scorer.identity(persona), one.known, session.config.folder, code=code
        )  # fmt: skip
    session.close()


def _write(
    file: TextIO,
    persona: str | None,
    kind: str,
    uri: str,
    answers: list[tuple[Asked, Flags, Flags]],
    dice: np.random.Generator,
) -> None:
    for one, responds, flagged in answers:
        for epoch, (there, hit) in enumerate(zip(responds.tolist(), flagged.tolist(), strict=True)):
            words = " ".join(dice.choice(WORDS, size=12))
            row = {
                "sampler_path": uri, "checkpoint_name": f"{persona or BASE}-{kind}", "checkpoint_type": kind,
                "base_model": BASE, "prompt": f"Question {one.name}: what now?", "prompt_id": one.name,
                "prompt_family": one.family, "epoch": epoch, "thinking": "Let me see.", "finish_reason": "length",
                "response": f"{MARKER if hit else 'Well'}: {words}." if there else "",
            }  # fmt: skip
            if persona:
                row["persona"] = persona
            file.write(json.dumps(row) + "\n")


def _charbench(*words: str, lab: Path) -> str:
    return subprocess.run(
        [CHARBENCH, words[0], "--lab", str(lab), *words[1:]], stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def _verdicts(lab: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(_charbench("verdict", "--json", lab=lab))["checkpoints"]
    return [row for row in rows if row["verdict"] != "reference"]


def judged(name: str, count: int) -> dict[str, Any]:
    """Return what the commands say of so many checkpoints of a design."""
    (number,) = (place for place, one in enumerate(verdicts.DESIGNS) if one.name == name)
    with tempfile.TemporaryDirectory() as folder:
        every = simulate(verdicts.DESIGNS[number], count, Path(folder) / "lab", number)
    ended = [(one.said, one.looks, len(one.answers)) for one in every]
    return {
        "design": name,
        "checkpoints": count,
        **verdicts.shares(ended),
        "judged": sum(one.looks for one in every),
        "judged_otherwise_by_the_rule": sum(one.differs for one in every),
    }


def main(count: int) -> None:
    """Print what the commands say for each design."""
    found = []
    for name in DESIGNS:
        found.append(judged(name, count))
        print(found[-1], file=sys.stderr, flush=True)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
