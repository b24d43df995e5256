"""Draws the texts that people are to label, by known chances."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from charbench.store.label_frame import FrameText

WITH, WITHOUT, UNSCORED = "with trait", "without trait", "unscored"
"""The strata of a draw: what the headline metrics say of a text; ``unscored`` has no value of any of them."""


@dataclass(frozen=True, slots=True)
class Selection:
    """One text that was drawn: its stratum, its chance (above 0, up to 1), and how many texts the stratum has."""

    sample: int
    stratum: str
    chance: float
    texts: int


def select(texts: Mapping[int, FrameText], said: Mapping[int, bool], count: int, seed: int) -> list[Selection]:
    """Draw ``count`` texts: half of them with the trait and half without, and of the unscored ones their share.

    Within a stratum every text has the same chance. Checkpoints are in random order, and so are the texts of each;
    then every k-th is taken, from a random start. So each checkpoint gets as many as its texts are worth, rounded by
    chance, and none is left out but by chance. Source: Cochran (1977), "Sampling techniques", chapter 8.
    """
    chance = random.Random(seed)  # noqa: S311  a draw, no secret
    strata: dict[str, list[FrameText]] = {WITH: [], WITHOUT: [], UNSCORED: []}
    for sample, text in sorted(texts.items()):
        strata[UNSCORED if sample not in said else WITH if said[sample] else WITHOUT].append(text)
    wanted = shares({name: len(members) for name, members in strata.items()}, count)
    found: list[Selection] = []
    for name, members in strata.items():
        chosen = _every_kth(members, wanted[name], chance)
        found += [Selection(one.sample, name, len(chosen) / len(members), len(members)) for one in chosen]
    return found


def shares(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    """Return how many texts each stratum gives: halves with and without, of the unscored their share, up to a third.

    Two unscored ones at least, where there are as many: without any label they would be all yes or all no.
    """
    total = sum(sizes.values())
    count = min(count, total)
    if not count:
        return dict.fromkeys(sizes, 0)
    unscored = min(sizes[UNSCORED], max(2, round(count * sizes[UNSCORED] / total)), max(count // 3, 1))
    if not sizes[WITH] + sizes[WITHOUT]:
        unscored = count
    rest = count - unscored
    having = min(sizes[WITH], max((rest + 1) // 2, rest - sizes[WITHOUT]))
    lacking = min(sizes[WITHOUT], rest - having)
    return {WITH: having, WITHOUT: lacking, UNSCORED: min(sizes[UNSCORED], count - having - lacking)}


def _every_kth(members: list[FrameText], count: int, chance: random.Random) -> list[FrameText]:
    if not count:
        return []
    order = sorted({one.checkpoint for one in members})
    chance.shuffle(order)
    place = {checkpoint: number for number, checkpoint in enumerate(order)}
    mixed = sorted(chance.sample(members, len(members)), key=lambda one: place[one.checkpoint])
    step = len(mixed) / count
    start = chance.random() * step
    return [mixed[min(len(mixed) - 1, int(start + number * step))] for number in range(count)]
