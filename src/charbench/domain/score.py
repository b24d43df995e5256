"""Scores, the metrics they belong to, and the evidence behind them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from charbench.domain.forms import number_from, text_from, texts_from, whole_from
from charbench.domain.sample import Channel
from charbench.domain.words import one_of


class Role(StrEnum):
    """What reports do with a metric: rank by it, warn by it, or show it on request."""

    HEADLINE = "headline"
    HEALTH = "health"
    DETAIL = "detail"


class Aggregate(StrEnum):
    """How a metric's values over many samples become one number."""

    MEAN = "mean"
    SUM = "sum"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a scorer measures; reports read this, and know no scorer by name.

    ``range`` holds the least and the greatest possible value (None: unbounded). With ``threshold``, a
    sample *has the trait* when its value is at least that; the share of such samples is the trait rate.
    """

    name: str
    range: tuple[float | None, float | None] = (None, None)
    aggregate: Aggregate | str = Aggregate.MEAN
    higher_is_better: bool = True
    role: Role | str = Role.DETAIL
    threshold: float | None = None
    title: str = ""

    def __post_init__(self) -> None:
        who = f"metric {self.name!r:.50}"
        if not isinstance(self.name, str) or not self.name.strip():
            raise TypeError(f"{who}: name is text, and not empty")
        put = partial(object.__setattr__, self)
        put("range", _range_from(self.range, who))
        put("aggregate", one_of(Aggregate, self.aggregate, "aggregate"))
        put("role", one_of(Role, self.role, "role"))
        if self.threshold is not None:
            put("threshold", _finite(self.threshold, f"{who}: threshold"))
        if not isinstance(self.higher_is_better, bool):
            raise TypeError(f"{who}: higher_is_better is True or False, not {self.higher_is_better!r:.50}")
        if not isinstance(self.title, str):
            raise TypeError(f"{who}: title is text, not {self.title!r:.50}")


def _range_from(given: Any, who: str) -> tuple[float | None, float | None]:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise TypeError(f"{who}: range is (least, greatest), each a number or None, not {given!r:.50}")
    low, high = (None if end is None else _finite(end, f"{who}: range") for end in given)
    if low is not None and high is not None and low > high:
        raise ValueError(f"{who}: range begins at {low}, and ends below it, at {high}")
    return low, high


def _finite(given: Any, what: str) -> float:
    number = number_from(given, what)
    if not math.isfinite(number):
        raise ValueError(f"{what} is {number}; a finite number or None is needed")
    return number


@dataclass(frozen=True, slots=True, init=False)
class Span:
    """A piece of evidence: ``text[start:end]`` of a channel, and the marker it is evidence of.

    ``flags`` say why it may not count: ``negated``, ``capped``, ``code``, ``link``, ``quote``,
    ``prompt`` (copied from the prompt), ``anti`` (evidence against).
    """

    channel: Channel
    start: int
    end: int
    marker: str
    tier: str = ""
    flags: tuple[str, ...] = ()

    def __init__(
        self, channel: Channel, start: int, end: int, marker: str, tier: str = "", flags: tuple[str, ...] = ()
    ) -> None:
        # Written out, like that of a score: samples have several, and those on a page are made again from the store.
        if type(start) is not int or type(end) is not int:
            start, end = whole_from(start, "a span's start"), whole_from(end, "a span's end")
        if not 0 <= start <= end:
            raise ValueError(f"a span begins at {start} and ends at {end}; 0 <= start <= end is needed")
        put = object.__setattr__
        put(self, "channel", channel if type(channel) is Channel else one_of(Channel, channel, "channel"))
        put(self, "start", start)
        put(self, "end", end)
        put(self, "marker", marker if type(marker) is str else text_from(marker, "a span's marker"))
        put(self, "tier", tier if type(tier) is str else text_from(tier, "a span's tier"))
        put(self, "flags", texts_from(flags, "a span's flags") if flags or type(flags) is not tuple else flags)


@dataclass(frozen=True, slots=True, init=False)
class Score:
    """One value of one metric for one channel. ``value`` None: no verdict, and is never 0.

    ``spans`` are the evidence. Of a metric that counts markers, those that count come first, as many as the
    value says; the rest are not counted, and their flags say why. ``votes`` holds what each of several judges said
    by itself: (judge, value).
    """

    metric: str
    channel: Channel
    value: float | None
    spans: tuple[Span, ...] = ()
    explanation: str = ""
    votes: tuple[tuple[str, float | None], ...] = ()

    def __init__(
        self,
        metric: str,
        channel: Channel,
        value: float | None,
        spans: tuple[Span, ...] = (),
        explanation: str = "",
        votes: tuple[tuple[str, float | None], ...] = (),
    ) -> None:
        # Written out: there are twenty of them for each sample, and a generated one calls another method.
        put = object.__setattr__
        put(self, "metric", metric if type(metric) is str else text_from(metric, "a score's metric"))
        put(self, "channel", channel if type(channel) is Channel else one_of(Channel, channel, "channel"))
        if value is not None and type(value) is not float:
            value = float(number_from(value, "a score's value"))
        put(self, "value", value)
        put(self, "spans", _spans_from(spans) if spans or type(spans) is not tuple else spans)
        put(self, "votes", _votes_from(votes) if votes or type(votes) is not tuple else votes)
        if not isinstance(explanation, str):
            raise TypeError(f"a score's explanation is text, not {type(explanation).__name__}")
        put(self, "explanation", explanation)


def _spans_from(given: Any) -> tuple[Span, ...]:
    if not isinstance(given, tuple | list) or not all(isinstance(one, Span) for one in given):
        raise TypeError(f"a score's spans are a tuple of Spans, not {given!r:.100}")
    return tuple(given)


def _votes_from(given: Any) -> tuple[tuple[str, float | None], ...]:
    """Return votes in their form; a judge may be named once."""
    if not isinstance(given, tuple | list) or not all(isinstance(one, tuple | list) and len(one) == 2 for one in given):
        raise TypeError(f"a score's votes are a tuple of (judge, value), not {given!r:.100}")
    votes = tuple(
        (text_from(judge, "a vote's judge"), None if value is None else _finite(value, f"the vote of {judge!r:.50}"))
        for judge, value in given
    )
    if len({judge for judge, _ in votes}) != len(votes):
        raise ValueError(f"a score's votes name a judge twice: {', '.join(judge for judge, _ in votes)}")
    return votes
