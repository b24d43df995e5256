"""Scores, the metrics they belong to, and the evidence behind them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
        object.__setattr__(self, "aggregate", one_of(Aggregate, self.aggregate, "aggregate"))
        object.__setattr__(self, "role", one_of(Role, self.role, "role"))


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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

    def __post_init__(self) -> None:
        if type(self.channel) is not Channel:
            object.__setattr__(self, "channel", one_of(Channel, self.channel, "channel"))
        value = self.value
        if value is not None and type(value) is not float:
            if isinstance(value, str | bytes):
                raise TypeError(f"a score's value is a number or None, not {value!r}")
            object.__setattr__(self, "value", float(value))
        if not isinstance(self.explanation, str):
            raise TypeError(f"a score's explanation is text, not {type(self.explanation).__name__}")
