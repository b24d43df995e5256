"""Components with one fault each, and the conformance check that has to find it."""

from __future__ import annotations

import asyncio
import random
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from charbench import (
    Checkpoint,
    CheckpointSource,
    Comparison,
    Completion,
    Metric,
    PairScorer,
    Perturbation,
    Reporter,
    Sampler,
    Score,
    Scorer,
    Span,
)

PLANTED: list[tuple[type, str, str]] = []
"""Each faulty component, with the name of the check that finds it and words of what it says."""


def found_by(check: str, says: str) -> Any:
    def plant(component: type) -> type:
        PLANTED.append((component, check, says))
        return component

    return plant


class Lengths(Scorer):
    """A scorer without a fault: the length of each channel."""

    name = "lengths"
    metrics = (Metric("length", range=(0, None)),)

    def score(self, sample: Any, persona: Any) -> Any:
        for channel, text in sample.channels():
            yield Score("length", channel, len(text), (Span(channel, 0, len(text), "all"),))


@found_by("name", "slug")
class NameIsNoSlug(Lengths):
    """Its name cannot be written on the command line."""

    name = "My Lengths"


@found_by("summary", "no summary")
class NothingSaid(Scorer):
    name = "nothing-said"
    metrics = (Metric("length"),)

    def score(self, sample: Any, persona: Any) -> Iterable[Score]:
        return ()


@found_by("options", "does not have")
class TakesAnyOption(Lengths):
    """A misspelt option is not an error."""

    class Config(BaseModel):
        model_config = ConfigDict(extra="allow", frozen=True)


@found_by("closes_what_it_opened", "still open")
class LeavesItsClientOpen(Lengths):
    """Opens a file in prepare and forgets it."""

    def prepare(self, root: Path, folder: Path) -> None:
        self.client = StandIn()


class StandIn:
    is_closed = False


@found_by("closes_in_time", "aclose")
class NeverCloses(Lengths):
    """Waits for ever when it is closed."""

    async def aclose(self) -> None:
        await asyncio.Event().wait()


@found_by("metrics", "twice")
class MetricTwice(Lengths):
    """Declares one metric twice."""

    metrics = (Metric("length"), Metric("length", threshold=1))


@found_by("fingerprint", "score everything again")
class FingerprintOfTheDay(Lengths):
    """Scores everything again in every run."""

    def fingerprint(self, persona: Any) -> str:
        return str(id(self))


@found_by("valid_scores", "does not declare")
class UndeclaredMetric(Lengths):
    """Scores what it does not declare."""

    def score(self, sample: Any, persona: Any) -> Any:
        for channel, _ in sample.channels():
            yield Score("width", channel, 1)


@found_by("valid_scores", "outside 0")
class OutOfRange(Lengths):
    """Gives values outside the range."""

    metrics = (Metric("length", range=(0, 1)),)


@found_by("absent_channels", "does not have")
class ZeroForNothing(Lengths):
    """Gives 0 where there is no text."""

    def score(self, sample: Any, persona: Any) -> Any:
        for channel, text in (("response", sample.response), ("thinking", sample.thinking)):
            yield Score("length", channel, len(text))


@found_by("empty_text", "division")
class DividesByWords(Lengths):
    """Divides by zero for text without a word."""

    def score(self, sample: Any, persona: Any) -> Any:
        for channel, text in sample.channels():
            yield Score("length", channel, len(text) / len(re.findall(r"\w+", text)))


@found_by("hostile_text", "can't encode")
class EncodesText(Lengths):
    """Fails for other scripts."""

    def score(self, sample: Any, persona: Any) -> Any:
        for channel, text in sample.channels():
            yield Score("length", channel, len(text.encode("cp1252")))


@found_by("very_large_text", "not done after")
class NeverDoneWithLargeText(Lengths):
    """Does not come back from a text in a loop, as an expression that backtracks does."""

    def score(self, sample: Any, persona: Any) -> Any:
        if len(sample.response) > 100_000:
            threading.Event().wait()
        return super().score(sample, persona)


@found_by("missing_values", "NoneType")
class NeedsTheRawText(Lengths):
    """Fails for a recording, which has no raw text."""

    def score(self, sample: Any, persona: Any) -> Any:
        for channel, _ in sample.channels():
            yield Score("length", channel, len(sample.raw))


@found_by("failed_sample", "failed sample")
class ScoresFailures(Lengths):
    """Gives a failed sample the value 0."""

    def score(self, sample: Any, persona: Any) -> Any:
        if sample.failure:
            yield Score("length", "response", 0)
        yield from super().score(sample, persona)


@found_by("deterministic", "gave")
class Dice(Lengths):
    """Says another number each time."""

    def score(self, sample: Any, persona: Any) -> Any:
        for channel, _ in sample.channels():
            yield Score("length", channel, random.random())


@found_by("independent_samples", "order of samples")
class Remembers(Lengths):
    """A value depends on the samples before."""

    seen = 0

    def score(self, sample: Any, persona: Any) -> Any:
        self.seen += len(sample.response)
        for channel, _ in sample.channels():
            yield Score("length", channel, self.seen)


@found_by("no_mutation", "changed the sample")
class WritesIntoTheSample(Lengths):
    """Leaves a note in the sample."""

    def score(self, sample: Any, persona: Any) -> Any:
        sample.extra["seen"] = True
        return super().score(sample, persona)


@found_by("spans", "ends beyond")
class SpansOfCleanedText(Lengths):
    """Its evidence stands in a text that it has changed."""

    def score(self, sample: Any, persona: Any) -> Any:
        for channel, text in sample.channels():
            longer = text.replace("\n", "\r\n") + "\n"
            yield Score("length", channel, len(text), (Span(channel, 0, len(longer), "all"),))


@found_by("cancellation", "goes on")
class GoesOnWhenCancelled(Lengths):
    """Takes a cancellation for a failed request."""

    async def score(self, sample: Any, persona: Any) -> Any:
        try:
            await asyncio.Event().wait()
        except BaseException:  # noqa: BLE001  the fault
            return []


@found_by("symmetric", "change places")
class FirstWins(PairScorer):
    """Whatever comes first is better."""

    name = "first-wins"

    def compare(self, first: Any, second: Any, persona: Any) -> Comparison:
        return Comparison(1.0)


@found_by("accepts", "index out of range")
class AcceptsRaises(Sampler):
    """Expects URIs of one form."""

    name = "accepts-raises"

    def accepts(self, checkpoint: Checkpoint) -> bool:
        return bool(checkpoint.uri.split("://")[1])

    def sample(self, request: Any) -> Completion:
        return Completion(text="Yes.")


@found_by("answers", "a Completion is needed")
class AnswersWithText(Sampler):
    """Returns text where a completion is needed."""

    name = "answers-with-text"

    def sample(self, request: Any) -> Any:
        return "Yes."


@found_by("hostile_lab", "codec")
class ReadsAnything(CheckpointSource):
    """Raises for a file that is no text."""

    name = "reads-anything"

    def find(self, lab: Any) -> Iterator[Any]:
        for path in lab.root.rglob("*"):
            if path.is_file():
                path.read_text(encoding="utf-8")
        yield from ()


@found_by("leaves_the_lab_alone", "changed")
class WritesIntoTheLab(CheckpointSource):
    """Leaves a file in the lab."""

    name = "writes-into-the-lab"

    def find(self, lab: Any) -> Iterator[Any]:
        (lab.root / "index.json").write_text("{}")
        yield from ()


@found_by("variants", "pair by them")
class RenamesPrompts(Perturbation):
    """Gives variants another id."""

    name = "renames"

    def variants(self, prompt: Any) -> Iterator[Any]:
        yield "renamed", replace(prompt, id="other")


@found_by("writes_text", "text is needed")
class WritesBytes(Reporter):
    """Yields bytes where text is needed."""

    name = "bytes"

    def report(self, report: Any) -> Iterator[Any]:
        yield b"report"
