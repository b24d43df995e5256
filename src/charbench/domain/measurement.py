"""How well a scorer tells a persona: what it was measured on, and what it found there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from charbench.analysis.wilson import Rate, wilson
from charbench.domain.forms import number_from, text_from, whole_from

LOW_RECALL = 0.5
"""Share of the texts in character below which a scorer that finds no more has low recall."""
FEW_NEGATIVES = 150
"""With fewer independent texts out of character, a false positive rate of 2% cannot be told from one of 4%."""
_COUNTS = ("found", "positives", "flagged", "negatives")
_INTERVALS = ("recall_interval", "false_interval", "auc_interval")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """How well a scorer tells a persona's texts from others, on distinct texts that it was not made from.

    Of ``positives`` texts in character ``found`` have the trait by the scorer's threshold, of ``negatives`` others
    ``flagged`` have it too. ``texts`` says in words what texts these are. ``auc`` (0 to 1) is the chance that a text
    in character has a higher value than another; None where it was not computed. The intervals are 95% and
    resampled by prompt; None: the texts are independent, and Wilson's interval holds. ``declared_low``: the persona's
    file says that this scorer's recall is low.
    """

    found: int
    positives: int
    flagged: int
    negatives: int
    texts: str
    auc: float | None = None
    recall_interval: tuple[float, float] | None = None
    false_interval: tuple[float, float] | None = None
    auc_interval: tuple[float, float] | None = None
    declared_low: bool = False

    def __post_init__(self) -> None:
        for name in _COUNTS:
            object.__setattr__(self, name, whole_from(getattr(self, name), f"a measurement's {name}"))
        text_from(self.texts, "a measurement's texts")
        if not (0 <= self.found <= self.positives and 0 <= self.flagged <= self.negatives):
            counts = f"{self.found} of {self.positives} found, {self.flagged} of {self.negatives} flagged"
            raise ValueError(f"a measurement's counts cannot be: {counts}")
        if self.auc is not None:
            object.__setattr__(self, "auc", _share(self.auc, "auc"))
        for name in _INTERVALS:
            if (given := getattr(self, name)) is not None:
                if not isinstance(given, tuple | list) or len(given) != 2:
                    raise TypeError(f"a measurement's {name} is (low, high) or None, not {given!r:.60}")
                object.__setattr__(self, name, tuple(_share(end, name) for end in given))

    @property
    def recall(self) -> Rate:
        """Texts in character that are found, with a 95% interval; a total of 0 where there were none."""
        return _rate(self.found, self.positives, self.recall_interval)

    @property
    def false_rate(self) -> Rate:
        """Texts out of character that are flagged all the same, with a 95% interval."""
        return _rate(self.flagged, self.negatives, self.false_interval)

    @property
    def has_low_recall(self) -> bool:
        """Whether so few texts in character are found that a low rate says little: headlines avoid the scorer."""
        return self.declared_low or (self.positives > 0 and self.found < LOW_RECALL * self.positives)

    @property
    def has_few_negatives(self) -> bool:
        """Whether the upper end of the false positive rate is what counts."""
        return self.negatives < FEW_NEGATIVES

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON-like values; those that are None are left out."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Measurement:
        """Read what :meth:`to_json` wrote; raises :class:`TypeError` or :class:`ValueError` for anything else."""
        counts = {name: given.get(name, 0) for name in _COUNTS}
        others = {name: value for name, value in given.items() if name not in counts}
        return cls(**counts, **{"texts": "", **others})


def _rate(count: int, total: int, interval: tuple[float, float] | None) -> Rate:
    return wilson(count, total) if interval is None or not total else Rate(count, total, *interval)


def _share(given: Any, what: str) -> float:
    number = number_from(given, f"a measurement's {what}")
    if not (math.isfinite(number) and 0 <= number <= 1):
        raise ValueError(f"a measurement's {what} is {number}; a number from 0 to 1 is needed")
    return number
