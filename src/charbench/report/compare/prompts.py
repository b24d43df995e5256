"""The prompts on which sides differ most, with one answer of each side to look at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from charbench.report.compare.metric import Measure
from charbench.report.compare.sides import Side, Unit, UnitKey
from charbench.store.by_prompt import SampleText, sample_text


@dataclass(frozen=True, slots=True)
class PromptGap:
    """A prompt that two sides answer differently: the highest side and the lowest, with an answer of each."""

    persona: str
    prompt: str
    name: str
    high: Side
    low: Side
    texts: tuple[SampleText | None, SampleText | None]

    @property
    def units(self) -> tuple[Unit, Unit]:
        """What the two sides answered, in figures."""
        key = self.persona, self.prompt
        return self.high.units[key], self.low.units[key]


def widest_gaps(connection: Connection, sides: Sequence[Side], measure: Measure, most: int) -> list[PromptGap]:
    """Return up to ``most`` prompts on which sides differ, those that differ most first.

    The compared value decides, and where it is the same, the metric's mean. The answer shown is the one with
    the highest score of the highest side, and that with the lowest score (or none) of the lowest.
    """
    keys = dict.fromkeys(key for side in sides for key in side.known)
    gaps: list[tuple[tuple[float, float], UnitKey, Side, Side]] = []
    for key in keys:
        holders = [side for side in sides if key in side.units and math.isfinite(side.units[key].value)]
        if len(holders) < 2:
            continue
        ordered = sorted(holders, key=lambda side: _order(side.units[key]))
        low, high = ordered[0], ordered[-1]
        size = tuple(x - y for x, y in zip(_order(high.units[key]), _order(low.units[key]), strict=True))
        if any(abs(part) > 1e-9 for part in size):
            gaps.append(((size[0], size[1]), key, high, low))
    gaps.sort(key=lambda gap: (-gap[0][0], -gap[0][1], gap[1]))
    found = []
    for _, (persona, prompt), high, low in gaps[:most]:
        of = measure.series.get(persona)
        texts = (
            sample_text(connection, _groups(high, persona), prompt, of, highest=True),
            sample_text(connection, _groups(low, persona), prompt, of, highest=False),
        )
        found.append(PromptGap(persona, prompt, high.units[persona, prompt].name, high, low, texts))
    return found


def _order(unit: Unit) -> tuple[float, float]:
    return unit.value, unit.mean if math.isfinite(unit.mean) else 0.0


def _groups(side: Side, persona: str) -> list[int]:
    return [group.id for group in side.groups if group.persona in (persona, None) or group.kind == "base"]
