"""How many texts each label stands for: from the chances that its text was drawn by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

from charbench.report.label_corrections import LabelWeights
from charbench.store.label_frame import FrameText
from charbench.store.labels import DrawChance


def label_weights(
    labelled: Sequence[int],
    chances: Mapping[int, Sequence[DrawChance]],
    texts: Mapping[int, FrameText],
    said: Mapping[int, bool],
) -> LabelWeights:
    """Return what each labelled text weighs: one over its chance of being drawn and labelled (Hansen and Hurwitz).

    Of a stratum of a draw some texts may have no label yet: those labelled stand for them. Where there are several
    draws, each tells of all texts, and counts by its number of labels; a text that is in two has both weights. Texts
    that an older version drew, without noting by what chance, are taken to be drawn evenly from each checkpoint with
    and without the trait, as it did: one stands for as many as there are for each one labelled.
    """
    old = [one for one in labelled if one not in chances]
    drawn_by: dict[str, Counter[str]] = {}
    labelled_by: dict[str, Counter[str]] = {}
    known = set(labelled)
    for sample, found in chances.items():
        for one in found:
            drawn_by.setdefault(one.draw, Counter())[one.stratum] += 1
            if sample in known:
                labelled_by.setdefault(one.draw, Counter())[one.stratum] += 1
    totals = {draw: counts.total() for draw, counts in labelled_by.items()}
    every = sum(totals.values()) + len(old)
    weights, strata = _of_older_draws(old, texts, said, len(old) / every if every else 0.0)
    for sample in labelled:
        for one in chances.get(sample, ()):
            answered = labelled_by[one.draw][one.stratum] / drawn_by[one.draw][one.stratum]
            weight = totals[one.draw] / every / (one.chance * answered)
            weights[sample] = weights.get(sample, 0.0) + weight
            strata.setdefault(sample, (one.draw, one.stratum))
    return LabelWeights(weights, strata, _assumptions(old, labelled, chances, texts, drawn_by))


def _of_older_draws(
    old: Sequence[int], texts: Mapping[int, FrameText], said: Mapping[int, bool], part: float
) -> tuple[dict[int, float], dict[int, Hashable]]:
    if not old:
        return {}, {}
    strata: dict[int, Hashable] = {sample: (text.checkpoint, said.get(sample, False)) for sample, text in texts.items()}
    sizes = Counter(strata.values())
    mine = {sample: strata[sample] for sample in old if sample in strata}
    counts = Counter(mine.values())
    return {sample: part * sizes[one] / counts[one] for sample, one in mine.items()}, dict(mine)


def _assumptions(
    old: Sequence[int],
    labelled: Sequence[int],
    chances: Mapping[int, Sequence[DrawChance]],
    texts: Mapping[int, FrameText],
    drawn_by: Mapping[str, Counter[str]],
) -> list[str]:
    notes = []
    if old:
        without = {text.checkpoint for text in texts.values()} - {texts[one].checkpoint for one in old if one in texts}
        missing = f"; {len(without):,} checkpoints have none of them" if without else ""
        notes.append(
            f"{len(old):,} of {len(labelled):,} labelled texts were drawn by an older charbench, which noted no "
            f"chances: taken as drawn evenly from each checkpoint with and without the trait{missing}"
        )
    sizes: dict[str, dict[str, int]] = {}
    for found in chances.values():
        for one in found:
            sizes.setdefault(one.draw, {})[one.stratum] = one.texts
    largest = max((sum(strata.values()) for strata in sizes.values()), default=0)
    if drawn_by and 0 < largest < len(texts):
        notes.append(
            f"{len(texts) - largest:,} of {len(texts):,} texts came after the labels were drawn: taken to be like "
            "the others that the scorer says the same of"
        )
    return notes
