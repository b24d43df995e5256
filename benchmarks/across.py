"""``compare --across temperature``: one checkpoint under two settings, through the commands.

    OMP_NUM_THREADS=1 nice python benchmarks/across.py [--personas N] [--checkpoints N] [--out RESULT.json]

A sampler of this file answers by a planted rate and value, which depend on family, checkpoint, prompt and temperature.
For every second checkpoint the temperature changes neither mean; for the others it adds 1.2 on the logistic scale and
0.8 to the value. One temperature is asked three times a prompt, the other once. Each persona's checkpoints are compared
at once, by a rate and by a metric that is none; pairs are of one checkpoint at both temperatures, before Holm, and
"any finding" is of a persona's equal ones after Holm over all pairs that the command tests.
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
RATE, VALUE = 1.2, 0.8
SPREAD = math.sqrt(0.5 + 0.3 + 0.3)
SAMPLER = '''
import numpy as np
from charbench import Completion, Sampler


class Tempered(Sampler):
    """Answers by a planted rate and value."""

    name = "tempered"

    class Config(Sampler.Config):
        """What is planted."""

        temperature: float = 0.0

    def sample(self, request):
        family, name, hot = request.prompt.family, request.checkpoint.name, self.config.temperature
        where = request.prompt.messages[0].content if family == "general" else family

        def part(*words):
            seed = hashlib.sha256("|".join(map(str, words)).encode()).digest()
            return np.random.default_rng(list(seed)).standard_normal(3)

        worth = 0.5**0.5 * part(where, name) + 0.3**0.5 * part(where, name, hot) + 0.3**0.5 * part(
            request.prompt.id, name, hot)
        changed = int(name.rpartition("_")[2]) % 2 and hot
        noise = np.random.default_rng(list(hashlib.sha256(f"{name} {request.prompt.id} {hot} {request.epoch}".encode()
                                                          ).digest()))
        hit = noise.random() < 1 / (1 + np.exp(-(worth[0] + RATE * bool(changed))))
        value = worth[1] + VALUE * bool(changed) + noise.standard_normal()
        said = "zanzibar" if hit else "well"
        return Completion(text=f"{said}: number {noise.integers(10**6)}. value {value:.6g} end")


@hookimpl
def charbench_samplers():
    return [Tempered]
'''


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--personas", type=int, default=20)
    parser.add_argument("--checkpoints", type=int, default=16)
    parser.add_argument("--out", type=Path, metavar="RESULT.json")
    given = parser.parse_args()
    uneven_labs.PLUGIN += SAMPLER.replace("RATE", str(RATE)).replace("VALUE", str(VALUE))
    with tempfile.TemporaryDirectory() as folder:
        found = simulated(Path(folder), given.personas, given.checkpoints)
    for figure in found:
        print(json.dumps(figure))
    if given.out:
        rows = [one | {"date": time.strftime("%Y-%m-%d")} for one in found]
        given.out.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n", encoding="utf-8")
    return 0


def simulated(folder: Path, personas: int, checkpoints: int) -> list[dict[str, object]]:
    """Return the figures of so many personas in one store."""
    lab, figures = Lab(folder, np.random.default_rng(20261129)), Figures()
    names = [lab.persona(f"across_{number:03d}") for number in range(personas)]
    prompts = uneven_labs.prompts(FAMILIES)
    asked = [
        {
            "id": one["prompt_id"],
            "family": str(one["prompt_family"]).replace(" ", "_"),
            "messages": [{"role": "user", "content": one["prompt"]}],
        }
        for one in prompts
    ]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(one) + "\n" for one in asked), encoding="utf-8")
    for persona in names:
        lab.record(
            persona, [checkpoint(persona, w) | {"prompt": "Hello.", "response": "."} for w in range(checkpoints)]
        )
    for heat, epochs in ((0, 3), (1, 1)):
        lab.charbench(
            "run", "--source", "recorded", "--sampler", "tempered", "--scorer", "keyword", "--scorer", "number",
            "--quiet", "--prompts", str(folder / "prompts.jsonl"), "--epochs", str(epochs),
            "-o", f"sampler.tempered.temperature={heat}",
        )  # fmt: skip
    true = {"rate": rate(RATE) - rate(0), "value": VALUE}
    for persona in names:
        for kind, metric in (("rate", "keyword.keywords"), ("value", "number.number")):
            every = [f"{persona}_sft_{which}" for which in range(checkpoints)]
            said = lab.json(
                "compare", *every, "-p", persona, "--across", "temperature", "--metric", metric, "--prompts", "0"
            )
            note(figures, kind, true[kind], said["pairs"])
    return figures.all()


def rate(more: float) -> float:
    """Return the mean rate over endless families."""
    return uneven_labs.mean_rate(more, SPREAD)


def note(figures: Figures, kind: str, true: float, pairs: list[dict[str, Any]]) -> None:
    """Note what is said of the pairs of one checkpoint at both temperatures."""
    found = False
    for pair in pairs:
        (one, hot), (other, _) = (side(pair[which]) for which in ("first", "second"))
        if one != other:
            continue
        equal = int(one.rpartition("_")[2]) % 2 == 0
        gap = 0.0 if equal else true if hot else -true
        held = pair["low"] is not None and pair["low"] <= gap + 1e-12 and pair["high"] >= gap - 1e-12
        design = f"{kind}, {'equal' if equal else 'planted difference'}"
        figures.add("interval holds the truth", design, held)
        figures.add("p < 0.05", design, (pair["p"] or 0.0) < 0.05 if pair["p"] is not None else 0.0)
        found = found or (equal and pair["told_apart"])
    figures.add("any finding among the equal", kind, found)


def side(label: str) -> tuple[str, bool]:
    """Return a side's checkpoint, and whether it is the hot one."""
    name, _, rest = label.partition(", temperature ")
    return name, rest.split()[0] in ("1", "1.0")


if __name__ == "__main__":
    sys.exit(main())
