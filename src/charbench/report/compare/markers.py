"""Which markers one side of a comparison uses more than the other does, on the same prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from charbench.analysis.lift import Lift, log_odds_lift
from charbench.analysis.multiplicity import benjamini_hochberg
from charbench.analysis.sign_flips import sign_flip_p
from charbench.analysis.tiers import LEVEL
from charbench.domain.sample import Channel
from charbench.report.compare.sides import Side, UnitKey, personas_of, same_answers
from charbench.store.by_prompt import SeriesOf
from charbench.store.markers import marked_texts

_HUNDRED = 100.0


@dataclass(frozen=True, slots=True)
class MarkerLift:
    """One marker: its lift with interval and z, in how many texts of each side it stands, and what tells them apart.

    ``p`` is from the prompts: uses per 100 words, signs flipped. ``adjusted`` is that after Benjamini-Hochberg
    over the markers of the table.
    """

    lift: Lift
    texts: int
    base_texts: int
    p: float
    adjusted: float

    @property
    def apart(self) -> bool:
        """Whether the sides differ significantly in it."""
        return self.adjusted < LEVEL


@dataclass(frozen=True, slots=True)
class MarkerLifts:
    """The markers of one persona in one channel, the greatest z first; texts and words are of the shared prompts."""

    persona: str
    channel: Channel
    side: Side
    base: Side
    prompts: int
    texts: int
    base_texts: int
    words: int
    base_words: int
    markers: list[MarkerLift]


@dataclass(slots=True)
class _Told:
    """What one side wrote in a channel in answer to one prompt."""

    texts: int = 0
    words: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    texts_with: Counter[str] = field(default_factory=Counter)


def marker_lifts(
    connection: Connection, sides: Sequence[Side], series: Sequence[SeriesOf], notes: list[str]
) -> list[MarkerLifts]:
    """Return, where exactly two sides answer prompts of one persona, the lift of each marker in each channel.

    The second side is what the first is held against, unless the first alone is a base model. ``series`` are
    looked through in their order for the first headline that counts markers. None of sides that have the
    same answers to the prompts of both.
    """
    if len(sides) != 2 or same_answers(*sides):
        return []
    side, base = sides if sides[0].kinds != "base" or sides[1].kinds == "base" else (sides[1], sides[0])
    personas = sorted({persona for persona, _ in side.units} & {persona for persona, _ in base.units})
    if len(personas) > 1:
        notes.append("Several personas are compared; -p NAME shows the markers of one persona.")
    if len(personas) != 1:
        return []
    (persona,) = personas
    for of in series:
        if of.persona == persona and of.role == "headline":
            found = [_in_channel(connection, side, base, of, channel) for channel in Channel]
            if tables := [lifts for lifts in found if lifts is not None]:
                return tables
    return []


def _in_channel(connection: Connection, side: Side, base: Side, of: SeriesOf, channel: Channel) -> MarkerLifts | None:
    """Return the lifts of one channel; None where no prompt has texts of both sides, or none holds a marker."""
    mine, theirs = (_told(connection, one, of, channel) for one in (side, base))
    keys = [key for key in mine if key in theirs]
    counts, base_counts = (sum((told[key].counts for key in keys), Counter()) for told in (mine, theirs))
    words, base_words = (sum(told[key].words for key in keys) for told in (mine, theirs))
    lifts = log_odds_lift(counts, words, base_counts, base_words) if counts or base_counts else []
    if not lifts:
        return None
    clusters = side.clusters(keys)
    p_values = [
        sign_flip_p([_rate(mine[key], lift.marker) - _rate(theirs[key], lift.marker) for key in keys], clusters)
        for lift in lifts
    ]
    markers = [
        MarkerLift(
            lift,
            sum(mine[key].texts_with[lift.marker] for key in keys),
            sum(theirs[key].texts_with[lift.marker] for key in keys),
            p,
            adjusted,
        )
        for lift, p, adjusted in zip(lifts, p_values, benjamini_hochberg(p_values), strict=True)
    ]
    texts, base_texts = (sum(told[key].texts for key in keys) for told in (mine, theirs))
    return MarkerLifts(of.persona, channel, side, base, len(keys), texts, base_texts, words, base_words, markers)


def _told(connection: Connection, side: Side, of: SeriesOf, channel: Channel) -> dict[UnitKey, _Told]:
    groups = {group.id: group for group in side.groups if of.persona in personas_of(group, [of.persona])}
    found: dict[UnitKey, _Told] = {}
    for text in marked_texts(connection, list(groups), of, channel):
        if not groups[text.group].takes(text.prompt):
            continue
        told = found.setdefault((of.persona, text.prompt), _Told())
        told.texts += 1
        told.words += text.words
        told.counts.update(text.counts)
        told.texts_with.update(text.counts.keys())
    return found


def _rate(told: _Told, marker: str) -> float:
    """Return how often a marker is used in 100 words."""
    return _HUNDRED * told.counts[marker] / told.words
