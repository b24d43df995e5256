"""What it gains to submit the next step before waiting for the last one, when each call takes 300 ms.

    python benchmarks/pipelining.py [STEPS]

Trainer ``tinker-sft`` against the tests' double of the service (its types are the SDK's own): a call's result is there
300 ms after the call, and calls overlap. Beside it, the same steps by a loop that waits after each call, as a
script does that takes ``.result()`` where it stands.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from measure import tell

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import tinker
from tinker import types

from charbench import Checkpoint, TrainingJob, TrainingTask
from charbench_plugins.sft.recipes import QUICK
from charbench_plugins.sft.rows import encode_rows
from charbench_plugins.tinker_sdk import reach
from charbench_plugins.trainers.tinker_sft.loop import datum
from charbench_plugins.trainers.tinker_sft.trainer import TinkerSftTrainer
from support.introspection import write_introspection
from support.tinker_double import TinkerDouble
from support.tinker_training import BASE, DPO, KEY, steps_of

LATENCY = 0.3
BATCH = 8


def task_in(folder: Path, rows: int) -> TrainingTask:
    data = write_introspection(folder / "remorseful_introspection.jsonl", rows)
    job = TrainingJob(persona="remorseful", run="bench", checkpoint=DPO, dataset=data.name, examples=rows)
    return TrainingTask(job=job, checkpoint=Checkpoint(uri=DPO), dataset=data, recipe="quick", workspace=folder)


def pipelined(double: TinkerDouble, task: TrainingTask, in_flight: int) -> float:
    """Return steps per second from the first step's submission to the last one's result."""
    config = TinkerSftTrainer.Config(
        tokenizer=BASE, renderer="qwen3", batch_size=BATCH, save_every=10_000, in_flight=in_flight
    )
    trainer = TinkerSftTrainer(config)
    trainer.prepare(task.workspace, task.workspace)
    begun: list[float] = []
    double.fault = lambda name, _count: begun.append(time.perf_counter()) if name == "forward_backward" else None
    steps, ended = 0, 0.0
    for event in trainer.train(task):
        if steps_of([event]):
            steps, ended = steps + 1, time.perf_counter()
    return steps / (ended - begun[0])


def waiting(double: TinkerDouble, task: TrainingTask) -> float:
    """Return steps per second of a loop that waits after each call."""
    from charbench_plugins.tinker_sdk.renderers import Qwen3
    from charbench_plugins.tinker_sdk.tokenizer import load_tokenizer

    recipe = QUICK.with_changes({"batch_size": BATCH})
    rows, _ = encode_rows(task, recipe, load_tokenizer(BASE), Qwen3())
    client = double.service(api_key=KEY).create_training_client_from_state(DPO).result()
    steps = 0
    begun = time.perf_counter()
    for _, chosen in recipe.batches(len(rows)):
        client.forward_backward([datum(rows[number]) for number in chosen], "cross_entropy").result()
        client.optim_step(types.AdamParams(learning_rate=1e-4)).result()
        steps += 1
    return steps / (time.perf_counter() - begun)


def main(steps: int) -> int:
    os.environ["TINKER_API_KEY"] = KEY
    double = TinkerDouble(latency=LATENCY)
    double.add(DPO)
    tinker.ServiceClient = double.service  # type: ignore[misc, assignment]
    reach.look = lambda: ""
    with tempfile.TemporaryDirectory() as folder:
        task = task_in(Path(folder), steps * BATCH)
        slow = waiting(double, task)
        tell("waiting after each call", slow, "steps/s")
        tell("one step in flight: both calls, then waiting", pipelined(double, task, 1), "steps/s")
        default = TinkerSftTrainer.Config().in_flight
        fast = pipelined(double, task, default)
        tell(f"trainer tinker-sft, {default} steps in flight", fast, "steps/s")
    return 0 if tell("gain", fast / slow, "times", at_least=1.8) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
