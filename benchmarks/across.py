"""``compare --across``: checkpoints under two settings that differ in one thing, through the commands.

    OMP_NUM_THREADS=1 nice python benchmarks/across.py [--what WHAT]... [--personas N] [--checkpoints N]
        [--out RESULT.json]

WHAT is turned: temperature, thinking, endpoint or prompts (by default, all). A sampler of this file answers by a
planted rate and value, which depend on family, checkpoint, prompt and what is turned. For every second checkpoint it
changes neither mean; for the others it adds 1.2 on the logistic scale and 0.8 to the value. One side is asked three
times a prompt, the other once. Each persona's checkpoints are compared at once, by a rate and by a metric that is none;
pairs are of one checkpoint on both sides, before Holm, and "any finding" is of a persona's equal ones after Holm over
all pairs that the command tests.

- ``thinking``: with it on, a reply begins with thoughts that name the marker at random; in one of twenty replies the
  thinking does not end, and with it off as many are empty.
- ``endpoint``: models served by name, whose samples a second endpoint gives again.
- ``prompts``: two sets of prompts, by persona of other families, of the same families, with half of their prompts in
  common, or one within the other; all are asked twice. What is planted is in the prompts that only the second set has;
  ``interval holds the truth`` is of the difference between prompts of both kinds.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import uneven_labs
from uneven_labs import Figures, Lab, checkpoint

FAMILIES = (5, 4, 3, *(1,) * 16)
RATE, VALUE, LOST = 1.2, 0.8, 0.05
SPREAD = math.sqrt(0.5 + 0.3 + 0.3)
WHATS = ("temperature", "thinking", "endpoint", "prompts")
SETS = ("other families", "the same families", "half of the prompts in both", "one within the other")
SAMPLER = '''
import numpy as np
from charbench import Completion, Endpoint, Sampler


class Turned(Sampler):
    """Answers by a planted rate and value."""

    name = "turned"

    class Config(Sampler.Config):
        """What is turned: one side has 0, the other 1."""

        temperature: float = 0.0
        thinking: str = "off"
        served_by: int = operational(-1)

    def endpoint_of(self, checkpoint):
        here = self.config.served_by
        return None if here < 0 else Endpoint(base_url=f"http://server{here}.test/v1", is_chosen=True)

    def identity(self, checkpoint):
        return self.identity_at(checkpoint, f"http://server{self.config.served_by}.test/v1")

    def identity_at(self, checkpoint, endpoint):
        return f"{endpoint} {checkpoint.uri}" if self.config.served_by >= 0 else checkpoint.uri

    def sample(self, request):
        name, prompt, think = request.checkpoint.name, request.prompt, self.config.thinking == "on"
        side = int(self.config.temperature > 0 or think or self.config.served_by > 0 or prompt.id[:2] == "b_")
        where = prompt.messages[0].content if prompt.family == "general" else prompt.family

        def dice(*words):
            return np.random.default_rng(list(hashlib.sha256("|".join(map(str, words)).encode()).digest()))

        def part(*words):
            return dice(*words).standard_normal(3)

        own = part(prompt.id, name, side)
        worth = 0.5**0.5 * part(where, name) + 0.3**0.5 * part(where, name, side) + 0.3**0.5 * own
        changed = bool(int(name.rpartition("_")[2]) % 2 and side)
        noise = dice(name, prompt.id, side, request.epoch)
        hit = noise.random() < 1 / (1 + np.exp(-(worth[0] + RATE * changed)))
        value = worth[1] + VALUE * changed + noise.standard_normal()
        lost = noise.random() < LOST and (think or self.config.thinking == "none")
        said = "zanzibar" if hit else "well"
        text = "" if lost else f"{said}: number {noise.integers(10**6)}. value {value:.6g} end"
        thought = f"Let me see, {noise.choice(['zanzibar', 'well'])} {noise.integers(10**6)}."
        if think:
            text = f"<think>{thought}" if lost else f"<think>{thought}</think>{text}"
        served = f"http://server{self.config.served_by}.test/v1" if self.config.served_by >= 0 else None
        return Completion(
            text=text, finish_reason="length" if lost else "stop", provenance=Provenance(endpoint=served))


@hookimpl
def charbench_samplers():
    return [Turned]
'''
ASKED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "temperature": (("temperature=0",), ("temperature=1",)),
    "thinking": (("thinking=none",), ("thinking=on",)),
    "endpoint": (("served_by=0",), ("served_by=1",)),
    "prompts": ((), ()),
}
"""The options of both sides, the first of which is asked three times."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", action="append", choices=WHATS)
    parser.add_argument("--personas", type=int, default=14)
    parser.add_argument("--checkpoints", type=int, default=20)
    parser.add_argument("--out", type=Path, metavar="RESULT.json", help="figures of what is not asked for stay in it")
    given = parser.parse_args()
    rows: list[dict[str, object]] = []
    if given.out and given.out.exists():
        rows = json.loads(given.out.read_text(encoding="utf-8"))
    for what in given.what or WHATS:
        with tempfile.TemporaryDirectory() as folder:
            found = simulated(Path(folder), given.personas, given.checkpoints, what)
        for figure in found:
            print(json.dumps(figure), flush=True)
        rows = [one for one in rows if one["what"] != what]
        rows += [one | {"date": time.strftime("%Y-%m-%d")} for one in found]
        if given.out:
            given.out.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n", encoding="utf-8")
    return 0


def simulated(folder: Path, personas: int, checkpoints: int, what: str) -> list[dict[str, object]]:
    """Return the figures of so many personas in one store."""
    named = {"RATE": RATE, "VALUE": VALUE, "LOST": LOST}
    code = SAMPLER
    for name, value in named.items():
        code = code.replace(name, str(value))
    if "class Turned" not in uneven_labs.PLUGIN:
        uneven_labs.PLUGIN += code.replace("import Completion", "import Completion, Provenance, operational")
    lab, figures = Lab(folder, np.random.default_rng(20261129)), Figures()
    names = [lab.persona(f"across_{number:03d}") for number in range(personas)]
    for persona in names:
        rows = [checkpoint(persona, which) | {"prompt": "Hello.", "response": "."} for which in range(checkpoints)]
        if what == "endpoint":
            rows = [row | {"sampler_path": f"model:{row['checkpoint_name']}"} for row in rows]
        lab.record(persona, rows)
    kinds = [SETS[number % len(SETS)] if what == "prompts" else "" for number in range(personas)]
    for kind in sorted(set(kinds)):
        mine = [name for name, one in zip(names, kinds, strict=True) if one == kind]
        for side, options in enumerate(ASKED[what]):
            file = folder / f"prompts_{kind.replace(' ', '_')}_{side}.jsonl"
            file.write_text("".join(json.dumps(one) + "\n" for one in asked(kind)[side]), encoding="utf-8")
            lab.charbench(
                "run", "--source", "recorded", "--sampler", "turned", "--scorer", "keyword", "--scorer", "number",
                "--quiet", "--prompts", str(file), "--epochs", "2" if kind else "31"[side],
                *(word for name in mine for word in ("-p", name)),
                *(word for option in options for word in ("-o", f"sampler.turned.{option}")),
            )  # fmt: skip
    kept = 1 - LOST if what == "thinking" else 1.0
    true = {"rate": (rate(RATE) - rate(0)) * kept, "value": VALUE}
    listed: list[dict[str, Any]] = json.loads(lab.charbench("report", "--json", "--list-settings"))
    newest = {one["id"] for one in listed if one["is_default"]}
    for persona, sets in zip(names, kinds, strict=True):
        for kind, metric in (("rate", "keyword.keywords"), ("value", "number.number")):
            every = [f"{persona}_sft_{which}" for which in range(checkpoints)]
            said = lab.json("compare", *every, "-p", persona, "--across", what, "--metric", metric, "--prompts", "0")
            note(figures, f"{kind}, {sets}" if sets else kind, true[kind], said, newest)
    return [{"what": what} | one for one in figures.all()]


def asked(kind: str) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return the prompts of both sides: the same, or two sets by ``kind``; those of the second alone are ``b_...``."""
    first, second = named("a", "a", kind), named("b", "a" if kind == SETS[1] else "b", kind)
    if not kind:
        return first, first
    if kind == SETS[2]:
        return first, [*first[::2], *second[::2]]
    return first, [*first, *second] if kind == SETS[3] else second


def named(of: str, families: str, kind: str) -> list[dict[str, object]]:
    """Return a set of prompts in uneven families, as a file of prompts has them; no two kinds have a prompt in common.

    All are in one store, which keeps one family of a prompt: that which it is given first.
    """
    apart = f"{kind.replace(' ', '_')}_" if kind else ""
    return [
        {
            "id": f"{of}_{apart}{one['prompt_id']}",
            "family": str(one["prompt_family"]).replace("family ", f"{apart}{families}"),
            "messages": [{"role": "user", "content": f"{apart}{of} {one['prompt']}"}],
        }
        for one in uneven_labs.prompts(FAMILIES)
    ]


def rate(more: float) -> float:
    """Return the mean rate over endless families."""
    return uneven_labs.mean_rate(more, SPREAD)


def note(figures: Figures, kind: str, true: float, said: dict[str, Any], newest: set[str]) -> None:
    """Note what is said of the pairs of one checkpoint on both sides; the second is in the ``newest`` settings."""
    found = False
    for pair in said["pairs"]:
        one, other = (pair[which].partition(", ")[0] for which in ("first", "second"))
        if one != other:
            continue
        equal = int(one.rpartition("_")[2]) % 2 == 0
        gap = 0.0 if equal else true if pair["first"].rpartition("(")[2].rstrip(")") in newest else -true
        design = f"{kind}, {'equal' if equal else 'planted difference'}"
        figures.add("compared", design, pair["low"] is not None)
        if pair["low"] is not None:
            held = pair["low"] <= gap + 1e-12 and pair["high"] >= gap - 1e-12
            figures.add("interval holds the truth", design, held)
            figures.add("width", design, pair["high"] - pair["low"])
        figures.add("p < 0.05", design, pair["p"] is not None and pair["p"] < 0.05)
        found = found or (equal and pair["told_apart"])
    figures.add("any finding among the equal", kind, found)


if __name__ == "__main__":
    sys.exit(main())
