"""A plugin whose module is edited between two commands, and a lab in which it is used."""

from __future__ import annotations

import importlib
import sys

from support.command import Charbench, Ended
from support.lab import LabBuilder, row, sampler
from support.plugins import Site

CODE = '''
from charbench import Channel, Comparison, Completion, Metric, PairScorer, Sampler, Score, Scorer, hookimpl

LEAST = {least}


class Long(Scorer):
    """Whether a text is long."""

    name = "long"
    metrics = (Metric("long", range=(0, 1), role="headline", threshold=1),)

    class Config(Scorer.Config):
        remark: str = ""

    {form}def score(self, sample, persona):
        {body}


class Longer(PairScorer):
    """The longer response wins."""

    name = "longer"

    def compare(self, first, second, persona):
        return Comparison(float(len(first.response) > len(second.response)))


class Echo(Sampler):
    """Says what was asked."""

    name = "echo"
    costs_money = False

    def accepts(self, checkpoint):
        return checkpoint.uri.startswith("echo:")

    def sample(self, request):
        return Completion(text="so long " * LEAST)


@hookimpl
def charbench_scorers():
    return [Long, Longer]


@hookimpl
def charbench_samplers():
    return [Echo]
'''
SCORES = '[Score("long", channel, float(len(text) >= LEAST)) for channel, text in sample.channels()]'
FREE = {"form": "", "body": f"return {SCORES}"}
PAID = {"form": "async ", "body": f"return {SCORES}"}
TURNS_OUT_TO_WAIT = {"form": "", "body": f"async def given(): return {SCORES}\n        return given()"}
FAILS = {"form": "async ", "body": "raise RuntimeError('it is broken')"}


class EditedPlugin:
    """An installed plugin, and the lab in which it is used."""

    def __init__(self, charbench: Charbench, site: Site, lab: LabBuilder, *more: str) -> None:
        self._charbench, self._site, self.lab, self._more = charbench, site, lab, more
        site.install("mine", "")

    def edit(self, least: int, scorer: dict[str, str]) -> None:
        """Save another version of its module; the next command loads it."""
        (self._site.folder / "mine.py").write_text(CODE.format(least=least, **scorer) + "#" * least)
        sys.modules.pop("mine", None)
        importlib.invalidate_caches()

    def record(self, *prompts: int) -> None:
        """Let there be answers to these prompts, of two checkpoints: one's have 60 letters, the other's 10."""
        self.lab.recorded(
            row(checkpoint_name=name, sampler_path=sampler(number, name), prompt_id=str(n), prompt=f"Question {n}?",
                response=letter * length, thinking="")
            for number, (name, letter, length) in enumerate((("a_dpo", "x", 60), ("b_dpo", "y", 10)), 1)
            for n in prompts
        )  # fmt: skip

    def __call__(self, *words: str) -> Ended:
        return self._charbench.ok(*words, *self._more, lab=self.lab.root)

    def run(self, *words: str) -> Ended:
        """Run with the scorer, and give the report as JSON."""
        return self("run", "--scorer", "long", "--json", *words)

    def rates(self) -> list[float]:
        """Return the trait rates of both checkpoints in the report."""
        rows = self("report", "--json").json["checkpoints"]
        return [one["trait_rate"] for one in sorted(rows, key=lambda one: one["checkpoint"])]

    def added(self, ended: Ended, what: str = "scores") -> int:
        number = ended.json["run"]["added"].get(what, 0)
        assert isinstance(number, int)
        return number
