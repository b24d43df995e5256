"""Components with one fault each, and the conformance check that has to find it."""

from __future__ import annotations

import asyncio
import random
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from charbench import (
    Checkpoint,
    CheckpointSource,
    Comparison,
    Completion,
    Evidence,
    Metric,
    PairScorer,
    Perturbation,
    Reporter,
    Sampler,
    Score,
    Scorer,
    Span,
    operational,
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


@found_by("closes_what_it_opened", "tasks go on")
class LeavesATaskBehind(Lengths):
    """Begins to work in the background, and never ends it."""

    async def prepare(self, root: Path, folder: Path) -> None:
        self.refreshing = asyncio.ensure_future(asyncio.Event().wait())


@found_by("leaves_the_lab_alone", "cache.json")
class KeepsItsCacheInTheLab(Lengths):
    """Puts its own file beside the researcher's."""

    def prepare(self, root: Path, folder: Path) -> None:
        (root / "cache.json").write_text("{}")


@found_by("edited_persona", "other markers of the persona give other scores")
class FingerprintByName(Lengths):
    """Scores by the persona's markers, and takes its name for all there is to know of it."""

    def score(self, sample: Any, persona: Any) -> Any:
        for channel, text in sample.channels():
            yield Score("length", channel, sum(marker.text in text.lower() for marker in persona.markers))

    def fingerprint(self, persona: Any) -> str:
        return str(persona.name)


@found_by("operational_options", "most is declared operational")
class OptionOutsideOfKeys(Lengths):
    """An option that decides the value is in no key."""

    class Config(Scorer.Config):
        most: int = operational(5, description="characters that are counted at most")

    config: Config

    def score(self, sample: Any, persona: Any) -> Any:
        for channel, text in sample.channels():
            yield Score("length", channel, min(len(text), self.config.most))


@found_by("spans_in_changed_text", "count in the text as it is")
class SpansOfFoldedText(Lengths):
    """Looks for its evidence in a text whose letters it has folded."""

    def score(self, sample: Any, persona: Any) -> Any:
        for channel, text in sample.channels():
            found = re.finditer("ahoy", text.casefold())
            spans = tuple(Span(channel, one.start(), min(one.end(), len(text)), "ahoy") for one in found)
            yield Score("length", channel, len(text), spans)


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


@found_by("answers", "changed the request")
class EditsTheRequest(Sampler):
    """Counts epochs in the engine's own request."""

    name = "edits-the-request"

    def sample(self, request: Any) -> Completion:
        object.__setattr__(request, "epoch", request.epoch + 1)
        return Completion(text="Yes.")


@found_by("cancellation", "goes on")
class AnswersWhenCancelled(Sampler):
    """Takes a cancellation for an empty answer."""

    name = "answers-when-cancelled"

    async def sample(self, request: Any) -> Completion:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return Completion(text="")


@found_by("looks_only", "other things the second time")
class AnotherNameEachTime(CheckpointSource):
    """Makes up a name for what has none."""

    name = "another-name-each-time"

    def find(self, lab: Any) -> Iterator[Any]:
        yield Checkpoint(uri=f"file:{random.random()}")


@found_by("looks_only", "relative to the lab")
class NamesPlacesOfThisMachine(CheckpointSource):
    """Its evidence is found on one machine only."""

    name = "names-places"

    def find(self, lab: Any) -> Iterator[Any]:
        for path in sorted(lab.root.glob("*.csv")):
            yield Checkpoint(uri="file:adapter", evidence=(Evidence(self.name, str(path), 1),))


@found_by("hostile_lab", "codec")
class ReadsAnything(CheckpointSource):
    """Raises for a file that is no text."""

    name = "reads-anything"

    def find(self, lab: Any) -> Iterator[Any]:
        for path in lab.root.rglob("*"):
            if path.is_file():
                path.read_text(encoding="utf-8")
        yield from ()


@found_by("looks_only", "changed")
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


@found_by("writes_text", "a second time")
class ReadsTwice(Reporter):
    """Counts the samples before it writes them."""

    name = "reads-twice"

    def export(self, samples: Any) -> Iterator[str]:
        yield f"{len(list(samples.rows()))} samples\n"
        for row in samples.rows():
            yield f"{row['prompt']}\n"
