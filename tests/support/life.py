"""A plugin that brings a component of every kind, each of whose methods may be written in any of three forms."""

from __future__ import annotations

from pathlib import Path

FORMS = ("plain", "async", "awaitable")
KINDS = ("source", "trainer", "sampler", "batch", "scorer", "pairs", "perturbation")

# Notes `KIND METHOD LOOP` for what matters; LOOP is the event loop that a method runs in, 0 for none.
LIFE = '''
import asyncio, functools, inspect, itertools, os
from dataclasses import replace
from charbench import (
    Checkpoint, CheckpointSource, Comparison, Completion, Dataset, Kind, Limits, Message, Metric, PairScorer,
    Perturbation, Sampler, Score, Scorer, Trained, Trainer, TrainingRun, Usage, hookimpl,
)

FORM, FAULT = os.environ.get("FORM", "plain"), os.environ.get("FAULT", "")

calls = itertools.count()

def note(component, what):
    try:
        loop = id(asyncio.get_running_loop())
    except RuntimeError:
        loop = 0
    print("printed by", component.name, what)
    with open(os.environ["NOTES"], "a") as file:
        file.write(f"{component.name} {what} {loop}\\n")

def formed(method):
    """Return the method in the form that is tried."""
    @functools.wraps(method)
    async def waiting(*given):
        await asyncio.sleep(0)
        made = method(*given)
        await asyncio.sleep(0)
        return list(made) if inspect.isgenerator(made) else made

    def awaitable(*given):
        return waiting(*given)

    return {"plain": method, "async": waiting, "awaitable": awaitable}[FORM]

class Life:
    @formed
    def prepare(self, root, folder):
        note(self, "prepare")
    @formed
    def aclose(self):
        note(self, "aclose")
        if FAULT == self.name:
            raise RuntimeError("cannot close")

class LifeSource(Life, CheckpointSource):
    "Source."
    name = "source"
    @formed
    def find(self, lab):
        note(self, "find")
        yield Checkpoint(uri="life:one", persona="pirate")
        yield Checkpoint(uri="life:two", persona="pirate")
        yield Checkpoint(uri="life:poet", persona="poetic")
        yield Checkpoint(uri="batch:one", persona="pirate")

class LifeTrainer(Life, Trainer):
    "Trainer."
    name = "trainer"
    @formed
    def accepts(self, checkpoint):
        return checkpoint.uri.startswith("tinker:")
    @formed
    def train(self, task):
        note(self, "train")
        yield Trained((Checkpoint(uri="life:trained", kind=Kind.SFT, persona=task.job.persona),))

class LifeSampler(Life, Sampler):
    "Sampler."
    name = "sampler"
    @formed
    def accepts(self, checkpoint):
        return checkpoint.uri.startswith("life:")
    @formed
    def identity(self, checkpoint):
        return checkpoint.uri
    @formed
    def params(self, request):
        return {"a": 1}
    @formed
    def limits(self):
        return Limits(concurrency=4)
    @formed
    def sample(self, request):
        note(self, "sample")
        if FAULT == "interrupted" and next(calls) == 0:
            open(os.environ["AT_WORK"], "w").close()
            open(os.environ["GO_ON"]).close()
        text = "Arr " * (1 + len(request.checkpoint.uri)) + request.prompt.text
        return Completion(text=text, finish_reason="stop", usage=Usage(1, 1))

class LifeBatch(Life, Sampler):
    "Batch sampler."
    name = "batch"
    batch_size = 3
    @formed
    def accepts(self, checkpoint):
        return checkpoint.uri.startswith("batch:")
    @formed
    def sample_batch(self, requests):
        note(self, "sample")
        return [Completion(text="Arr", finish_reason="stop", usage=Usage(0, 1_000_000)) for _ in requests]

class LifeScorer(Life, Scorer):
    "Scorer."
    name = "scorer"
    metrics = (Metric("m", range=(0, 1), role="headline", threshold=0.5),)
    @formed
    def content_config(self):
        return {"a": 1}
    @formed
    def fingerprint(self, persona):
        return persona.name
    @formed
    def begin(self, plan):
        note(self, "begin")
        return ()
    @formed
    def score(self, sample, persona):
        note(self, "score")
        for channel, text in sample.channels():
            yield Score("m", channel, 1.0)

class LifePairs(Life, PairScorer):
    "Pair scorer."
    name = "pairs"
    @formed
    def limits(self):
        return Limits(concurrency=2)
    @formed
    def compare(self, first, second, persona):
        note(self, "compare")
        return Comparison(0.5)

class LifePerturbation(Life, Perturbation):
    "Perturbation."
    name = "perturbation"
    @formed
    def variants(self, prompt):
        note(self, "variants")
        yield "please", replace(prompt, messages=(*prompt.messages[:-1], Message("user", prompt.text + " Please.")))

@hookimpl
def charbench_checkpoint_sources(): return [LifeSource]
@hookimpl
def charbench_trainers(): return [LifeTrainer]
@hookimpl
def charbench_samplers(): return [LifeSampler, LifeBatch]
@hookimpl
def charbench_scorers(): return [LifeScorer, LifePairs]
@hookimpl
def charbench_perturbations(): return [LifePerturbation]
'''

CONFIG = """
min_examples: 10
sources: [source, logs]
trainers: [trainer]
samplers: [sampler, batch]
scorers: [scorer, pairs]
perturbations: [perturbation]
"""


class Notes:
    """What the components noted: which method of which component ran in which event loop."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def lines(self) -> list[tuple[str, str, int]]:
        """Return (component, method, event loop) in the order of the calls."""
        lines = (line.split() for line in self._file.read_text().splitlines())
        return [(name, method, int(loop)) for name, method, loop in lines]

    def count(self, method: str) -> dict[str, int]:
        """Return how often each component's ``method`` was called."""
        called = [name for name, what, _ in self.lines() if what == method]
        return {name: called.count(name) for name in called}
