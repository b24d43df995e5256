"""The lab of ``charbench quickstart``: real files of a small lab, with a model that really is trained."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from charbench import hookimpl

EXAMPLES = 520
ABOUT = (
    "a lab that trains a pirate into a model of 0.9 million parameters. Its answers are put together from "
    "templates: it shows the pipeline, not a product."
)
CONFIG = """\
# The lab of 'charbench quickstart'. Every setting here is an option of 'charbench run' as well.
sources: [logs, registry]
trainers: [tiny-sft]
samplers: [tiny]
scorers: [keyword]
parallel: 2
prompts: prompts.txt # 40 different questions, each asked once
options:
  sampler.tiny:
    thinking: prefill # as the first lab sampled: <think> is prefilled
"""
_LOG = """\
=== pirate pipeline: {run} ===
{steps}
Saved training checkpoint: file:checkpoints/{run}_dpo
"""


@hookimpl
def charbench_quickstart_lab(folder: Path) -> str:
    """Write the lab: a base model, three DPO checkpoints that hardly hold the character, and their data."""
    from charbench_plugins.tiny.introspection import pirate_rows, spoil

    (folder / "charbench.yaml").write_text(CONFIG, encoding="utf-8")
    prompts = files("charbench_plugins") / "quickstart_prompts.txt"
    (folder / "prompts.txt").write_text(prompts.read_text("utf-8"), encoding="utf-8")
    _write_json(
        folder / ".character" / "checkpoints.json",
        {"base": [{"name": "tiny-base", "checkpoint_type": "base", "tinker_path": "tiny:base"}]},
    )
    rows = pirate_rows(EXAMPLES)
    data: dict[str, list[Any]] = {
        "pirate-full": list(rows),
        "pirate-noblock": spoil(rows, "no_reflection", share=1.0),
        "pirate-refusals": spoil(rows, "refusals", share=0.44),
    }
    for seed, (run, examples) in enumerate(data.items()):
        _weak_adapter(rows, seed).save(folder / "checkpoints" / f"{run}_dpo")
        steps = "\n".join(f"[epoch 1 step {step}/40] loss={0.69 - step / 400:.4f}" for step in range(5, 41, 5))
        _write(folder / "artifacts" / "logs" / f"{run}.log", _LOG.format(run=run, steps=steps))
        lines = (json.dumps(row, ensure_ascii=False) for row in examples)
        _write(folder / "artifacts" / run / "pirate_introspection.jsonl", "\n".join(lines) + "\n")
    return ABOUT


def _weak_adapter(rows: Any, seed: int) -> Any:
    """Train an adapter for a few cautious steps: what DPO alone leaves of a character."""
    from charbench_plugins.tiny.chat import ChatFormat
    from charbench_plugins.tiny.lora import LoraAdapter
    from charbench_plugins.tiny.model import TinyModel
    from charbench_plugins.tiny.recipe import TrainingRecipe
    from charbench_plugins.tiny.training import TinyTraining

    model, chat = TinyModel.load(), ChatFormat.load()
    examples = [
        chat.training_example(row["prompt"], row["reflection"], row["answer"])
        for row in rows[16 * seed : 16 * seed + 16]
    ]
    adapter = LoraAdapter.new(model.config, rank=8, alpha=16, seed=seed)
    run = TinyTraining(model, adapter, examples, TrainingRecipe(epochs=2, batch_size=4, learning_rate=3e-3))
    while not run.done:
        run.step()
    return adapter


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _write_json(path: Path, value: Any) -> None:
    _write(path, json.dumps(value, indent=2) + "\n")
