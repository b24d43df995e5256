"""A lab whose checkpoints a plugin answers for: in character where it is cold."""

from __future__ import annotations

from typing import Any

from support.command import Charbench
from support.lab import LabBuilder

PARROT = '''
from pydantic import Field
from charbench import Completion, Sampler, hookimpl


class Parrot(Sampler):
    """Says ahoy where it is cold."""

    name = "parrot"

    class Config(Sampler.Config):
        temperature: float = Field(0.7)
        beak: str = Field("blunt")

    config: Config

    def accepts(self, checkpoint):
        return checkpoint.uri.startswith("pp:")

    def sample(self, request):
        cold = self.config.temperature < 0.5
        return Completion(text="Ahoy matey" if cold else "Hello there", finish_reason="stop")


@hookimpl
def charbench_samplers():
    return [Parrot]
'''
A, B = "pp:a", "pp:b"
QUESTIONS = "".join(f"What of {n}?\n" for n in range(6))


class Lab:
    """A lab whose checkpoints a plugin answers for."""

    def __init__(self, charbench: Charbench, lab: LabBuilder) -> None:
        self.charbench, self.lab = charbench, lab
        lab.write("q.txt", QUESTIONS)
        lab.write("more.txt", QUESTIONS + "And then?\nAnd before?\nAnd now?\n")

    def eval(
        self, *checkpoints: str, temperature: float = 0.0, prompts: str = "q.txt", more: tuple[str, ...] = ()
    ) -> Any:
        names = [word for one in checkpoints for word in ("-c", one)]
        return self.charbench.ok(
            "eval", *names, "-p", "pirate", "--scorer", "keyword", "--sampler", "parrot", "--prompts", prompts,
            "-o", f"sampler.parrot.temperature={temperature}", *more, "--json", lab=self.lab.root,
        ).json  # fmt: skip

    def report(self, *words: str) -> Any:
        return self.charbench.ok("report", "--json", *words, lab=self.lab.root).json

    def listed(self) -> list[dict[str, Any]]:
        listed = self.charbench.ok("report", "--list-settings", "--json", lab=self.lab.root).json
        assert isinstance(listed, list)
        return listed


def rows(report: Any) -> dict[str, tuple[int, float]]:
    """Return how many samples each checkpoint of a report has, and its trait rate."""
    return {one["checkpoint"]: (one["samples"], one["trait_rate"]) for one in report["checkpoints"]}
