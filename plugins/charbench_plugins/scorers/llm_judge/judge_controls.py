"""The judge's test on control items: of ``persona``, ``identity`` and ``coherence``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice

from charbench import ExpectedCall, Persona
from charbench_plugins.scorers.llm_judge import wording
from charbench_plugins.scorers.llm_judge.asking import Reader, calls_of_text, judge_text
from charbench_plugins.scorers.llm_judge.canaries import ControlItem, ControlSet
from charbench_plugins.scorers.llm_judge.control_test import Tried, kept, key_of, try_judge
from charbench_plugins.scorers.llm_judge.controls import (
    APPEALS,
    BRIEFLY,
    PLAIN,
    ControlAnswer,
    ControlSeries,
    ControlStream,
)
from charbench_plugins.scorers.llm_judge.dimensions import COHERENCE, DIMENSIONS, IDENTITY, PERSONA, TRAIT_FROM
from charbench_plugins.scorers.llm_judge.judge import Judge

GOOD = "texts in character"
EXPECTED = 16
"""Answers of each kind that the dry run expects: a judge that is never wrong takes 12, one wrong in 20 takes 18."""
ADVICE = (
    "  Take another model (-o scorer.llm-judge.model=NAME), or another way to ask it "
    "(-o scorer.llm-judge.protocol=samples)."
)
_FROM = {PERSONA.name: TRAIT_FROM, IDENTITY.name: 1.5, COHERENCE.name: 50.0}
"""From which value on a text has what is asked for; an identity from 1.5 on is nearest to the character's 2 and 3."""


def streams_for(items: ControlSet) -> list[ControlStream]:
    """Return what one judge is to be asked about, and the series that its answers count in."""

    def series(dimension: str, kind: str, *, good: bool, by_text: bool = True) -> ControlSeries:
        needed = f"{'at least' if good else 'less than'} {_FROM[dimension]:g}"
        return ControlSeries(dimension, kind, "sensitivity" if good else "specificity", needed, by_text)

    other = series("identity", "plain texts and appeals", good=False, by_text=False)
    return [
        ControlStream(
            items.in_character,
            [series("persona", GOOD, good=True), series("identity", GOOD, good=True, by_text=False)],
        ),
        ControlStream(items.plain, [series("persona", PLAIN, good=False), other]),
        ControlStream(items.appeals, [series("persona", APPEALS, good=False), other]),
        ControlStream(items.coherent, [series("coherence", "coherent texts", good=True)]),
        ControlStream(items.incoherent, [series("coherence", "a salad of words", good=False)]),
    ]


async def try_one(judge: Judge, persona: Persona, items: ControlSet, hours: float) -> Tried:
    """Test one judge on the control items of a persona."""

    async def ask(
        judge: Judge, item: ControlItem, turn: int, wanting: Sequence[ControlSeries]
    ) -> list[list[ControlAnswer]]:
        dimensions = [one for one in DIMENSIONS if one.name in {series.metric for series in wanting}]
        reader = Reader(persona, item.asked(turn), "response", item.text, fresh=True)
        readings = (await judge_text(judge, reader, dimensions)).readings
        return [[_answer(series, readings[series.metric].value, readings[series.metric].why)] for series in wanting]

    streams = streams_for(items)
    return await try_judge(judge, streams, ask, _key(judge, persona, streams), hours)


def _key(judge: Judge, persona: Persona, streams: Sequence[ControlStream]) -> str:
    return key_of(judge, [wording.fingerprint(), wording.told(persona)], streams)


def _answer(series: ControlSeries, value: float | None, why: str) -> ControlAnswer:
    if value is None:
        return ControlAnswer(None, f"no score ({why})")
    has = value >= _FROM[series.metric]
    said = f"{value:.1f}" if series.metric == IDENTITY.name else f"{value:.0f}"
    return ControlAnswer(has is (series.measures == "sensitivity"), said)


def expected_calls(
    judges: Sequence[Judge], persona: Persona, items: ControlSet, hours: float
) -> Iterator[ExpectedCall]:
    """Yield the requests that testing the judges takes: of one that passed lately, those of a brief test."""
    for judge in judges:
        streams = streams_for(items)
        brief = bool(kept(judge, _key(judge, persona, streams), hours))
        for stream in streams:
            metrics = {one.metric for one in (stream.series[:1] if brief else stream.series)}
            dimensions = [one for one in DIMENSIONS if one.name in metrics]
            for item in stream.items[:BRIEFLY] if brief else islice(cycle(stream.items), EXPECTED):
                yield from calls_of_text(judge, persona, item.question, item.text, dimensions)
