"""How one judge reads one text: quotes first, each checked word for word, then a score for each dimension."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from charbench import ExpectedCall, Fence, MalformedAnswerError, Persona, SamplingError
from charbench_plugins.scorers.llm_judge.dimensions import DIMENSIONS, PERSONA, Dimension
from charbench_plugins.scorers.llm_judge.judge import FILTERED, Judge
from charbench_plugins.scorers.llm_judge.options import Protocol
from charbench_plugins.scorers.llm_judge.quotes import Quotable
from charbench_plugins.scorers.llm_judge.reading import (
    QUOTES_SCHEMA,
    Reading,
    expectation,
    mean_of,
    score_schema,
)
from charbench_plugins.scorers.llm_judge.wording import (
    ChatMessage,
    character,
    conversation,
    cut,
    evidence,
    fill,
    traits,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reader:
    """What is read: a text of a channel, the question it answers, and the character it is held against."""

    persona: Persona
    question: str
    channel: str
    text: str
    fresh: bool = False
    """Ask in any case, and keep no answer: control items test the judge of today."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote that stands in the text, ``text[start:end]``, with the trait it speaks to (empty: none)."""

    start: int
    end: int
    trait: str
    supports: bool


@dataclass(frozen=True, slots=True)
class Quotes:
    """The quotes that were found; ``invented`` counts those that do not stand in the text."""

    found: tuple[Quote, ...] = ()
    invented: int = 0
    fault: str = ""
    """Why there are none: the judge's answer could not be read."""


@dataclass(frozen=True, slots=True)
class TextVerdict:
    """What one judge says of one text: a reading for each dimension, by its name."""

    judge: str
    quotes: Quotes
    readings: dict[str, Reading]


async def together(*tasks: Awaitable[T]) -> list[T]:
    """Await all, and raise the first error only when none of them is under way any more."""
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


async def judge_text(judge: Judge, reader: Reader, dimensions: Sequence[Dimension] = DIMENSIONS) -> TextVerdict:
    """Return one judge's verdict; raises :class:`charbench.SamplingError` where the endpoint gives no answer."""

    mine = [one for one in dimensions if one.in_character]
    others = [one for one in dimensions if not one.in_character]

    async def with_quotes() -> tuple[Quotes, list[Reading]]:
        quotes = await find_quotes(judge, reader) if mine else Quotes()
        return quotes, await together(*(read_score(judge, reader, one, quotes) for one in mine))

    async def without() -> tuple[Quotes, list[Reading]]:
        return Quotes(), await together(*(read_score(judge, reader, one, Quotes()) for one in others))

    (quotes, first), (_, second) = await together(with_quotes(), without())
    readings = zip((*mine, *others), (*first, *second), strict=True)
    return TextVerdict(judge.name, quotes, {one.name: reading for one, reading in readings})


async def find_quotes(judge: Judge, reader: Reader) -> Quotes:
    """Ask for quotes, and keep those that stand in the text."""
    shown, who, question = _shown(judge, reader), character(reader.persona), reader.question
    fence = Fence(question, shown)
    prompt = fill("quotes", character=who, question=fence(question), channel=reader.channel, text=fence(shown))
    try:
        said = await judge.json(conversation(fence, prompt), QUOTES_SCHEMA, fresh=reader.fresh)
    except MalformedAnswerError as fault:
        return Quotes(fault=f"its quotes: {fault}")
    text, known = Quotable(reader.text), traits(reader.persona)
    found: dict[tuple[int, int], Quote] = {}
    invented = 0
    for entry in said["quotes"]:
        place = text.find(entry["quote"])
        if place is None:
            invented += 1
            continue
        trait = known[entry["trait"] - 1] if 1 <= entry["trait"] <= len(known) else ""
        found.setdefault(place, Quote(*place, trait, entry["supports"]))
    return Quotes(tuple(found[place] for place in sorted(found)), invented)


async def read_score(judge: Judge, reader: Reader, dimension: Dimension, quotes: Quotes) -> Reading:
    """Ask for one dimension's score, in the way that this judge can give it."""
    low, high = dimension.low, dimension.high
    if judge.protocol is Protocol.SAMPLES:
        return await _samples(judge, reader, dimension, quotes)
    # A scale that fits into one digit needs no mapping, however the tokenizer splits.
    steps = high - low if judge.protocol is Protocol.NUMBERS or high - low <= 9 else 9
    demand = fill("demand_number" if steps == high - low else "demand_digit", low=low, high=high)
    messages = _messages(judge, reader, dimension, quotes, demand)
    try:
        # A control item that gets no probabilities has no score, and the reason is told with the judge's other errors.
        answer = await judge.first_token(messages, fresh=reader.fresh, needed=not reader.fresh)
    except SamplingError as error:
        if error.kind != FILTERED:
            raise
        return Reading(None, why=f"its answer: {error}")
    return Reading(None, why=answer.refused) if answer.refusal else expectation(answer.top, steps, low, high)


async def _samples(judge: Judge, reader: Reader, dimension: Dimension, quotes: Quotes) -> Reading:
    demand = fill("demand_json", low=dimension.low, high=dimension.high)
    messages = _messages(judge, reader, dimension, quotes, demand)
    schema = score_schema(dimension.low, dimension.high)

    async def one(turn: int) -> float | str:
        try:
            said: Any = await judge.json(messages, schema, turn=turn, fresh=reader.fresh)
        except MalformedAnswerError as fault:
            return f"its answer: {fault}"
        return float(said["score"])

    given = await together(*(one(turn) for turn in range(judge.samples)))
    scores = [score for score in given if isinstance(score, float)]
    return mean_of(scores, [fault for fault in given if isinstance(fault, str)])


def calls_of_text(
    judge: Judge, persona: Persona, question: str, text: str, dimensions: Sequence[Dimension] = DIMENSIONS
) -> Iterator[ExpectedCall]:
    """Yield the requests that judging one text takes, with no repair; as by samples where the protocol is not known."""
    reader, tokens = Reader(persona, question, "response", text), judge.config.max_tokens
    by_samples = judge.protocol in (None, Protocol.SAMPLES)
    for dimension in dimensions:
        asked = _messages(
            judge, reader, dimension, Quotes(), fill("demand_json", low=dimension.low, high=dimension.high)
        )
        size = sum(len(message["content"]) for message in asked)
        if dimension is PERSONA:
            yield ExpectedCall(model=judge.model, prompt_characters=size, max_tokens=tokens)  # for the quotes
        times, most = (judge.samples, tokens) if by_samples else (1, 1)
        yield ExpectedCall(model=judge.model, prompt_characters=size, max_tokens=most, requests=times)


def _messages(judge: Judge, reader: Reader, dimension: Dimension, quotes: Quotes, demand: str) -> list[ChatMessage]:
    shown = _shown(judge, reader)
    fence = Fence(reader.question, shown)
    values = {
        "rubric": dimension.rubric(reader.persona),
        "question": fence(reader.question),
        "channel": reader.channel,
        "text": fence(shown),
        "demand": demand,
    }
    if not dimension.in_character:
        return conversation(fence, fill("out_of_character", **values))
    found = [{"quote": reader.text[q.start : q.end], "supports": q.supports} for q in quotes.found]
    values |= {"character": character(reader.persona), "evidence": evidence(fence, found)}
    return conversation(fence, fill("in_character", **values))


def _shown(judge: Judge, reader: Reader) -> str:
    return cut(reader.text, judge.config.max_chars)
