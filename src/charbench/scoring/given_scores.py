"""What a scorer may give: checked for every sample of a run, and by the conformance tests of plugin authors."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from charbench.domain.sample import Channel
from charbench.domain.score import Metric, Score


def all_of(scorer: Any, given: Any) -> tuple[Any, ...]:
    """Return what ``score`` gave, which may be any iterable; raises :class:`TypeError` for what is none."""
    if isinstance(given, Score) or not isinstance(given, Iterable):
        raise TypeError(f"{scorer.name}.score() gave {given!r:.100}; yield Scores, or return a list of them")
    return tuple(given)


def ranges_of(metrics: Iterable[Metric]) -> dict[str, tuple[float, float]]:
    """Return the least and the greatest value of each metric, for :func:`are_sound`."""
    return {
        metric.name: (-sys.float_info.max if low is None else low, sys.float_info.max if high is None else high)
        for metric in metrics
        for low, high in (metric.range,)
    }


def are_sound(ranges: Mapping[str, tuple[float, float]], channels: Collection[Channel], given: Sequence[Any]) -> bool:
    """Whether these are Scores of declared metrics, once for each of ``channels``, with values in their ``ranges``.

    Where they are not, or one has no value, :func:`check_type` and :func:`check_values` tell what is wrong, if any.
    """
    seen = set()
    for one in given:
        if type(one) is not Score:
            return False
        metric, channel, value = one.metric, one.channel, one.value
        if value is None or channel not in channels or (ends := ranges.get(metric)) is None:
            return False
        if not ends[0] <= value <= ends[1]:
            return False
        seen.add((metric, channel))
    return len(seen) == len(given)


def check_type(name: str, given: Sequence[Any]) -> None:
    """Raise :class:`TypeError` unless all that the scorer ``name`` gave are Scores."""
    for one in given:
        if not isinstance(one, Score):
            raise TypeError(f"{name}.score() gave {one!r:.100}; Scores are needed")


def check_values(name: str, metrics: Mapping[str, Metric], given: Sequence[Score]) -> None:
    """Raise :class:`ValueError` unless each is of a declared metric, once a channel, and a finite number in range."""
    seen: set[tuple[str, str]] = set()
    for score in given:
        metric, value = metrics.get(score.metric), score.value
        if metric is None:
            raise ValueError(f"{name} scored {score.metric!r}, which it does not declare ({', '.join(metrics)})")
        if (which := (score.metric, score.channel)) in seen:
            raise ValueError(f"{name} scored {score.metric!r} twice for the {score.channel}")
        seen.add(which)
        if value is None:
            continue
        low, high = metric.range
        if not math.isfinite(value):
            raise ValueError(f"{name}: {score.metric} is {value}; a number is needed, or None")
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(f"{name}: {score.metric} is {value}, outside {low} to {high}")
