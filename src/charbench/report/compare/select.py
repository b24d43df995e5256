"""From what was typed to the sides of a comparison: names, URIs and runs, each with samples in the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from charbench.domain.checkpoint import Checkpoint
from charbench.domain.sample import DEFAULT_CONDITION
from charbench.domain.uris import labels_apart
from charbench.errors import UnknownNameError, UsageError
from charbench.report.compare.sides import Side
from charbench.store.summaries import GroupTotals

LEAST, MOST = 2, 100


def choose_sides(
    words: Sequence[str], checkpoints: Sequence[Checkpoint], groups: Sequence[GroupTotals], notes: list[str]
) -> list[Side]:
    """Return a side for each of ``words``, a URI, name or run each.

    A word that means several checkpoints is one side, unless it is the only word: then each of them is a side.
    What is worth saying of the choice is added to ``notes``. Raises :class:`UsageError` for fewer than two
    sides or more than 100, and for a word without samples; :class:`UnknownNameError` for one that nothing has.
    """
    words = list(dict.fromkeys(words))
    sides = []
    for word in words:
        mine = _groups_called(word, checkpoints, groups)
        uris = sorted({group.uri for group in mine})
        if len(words) == 1 and len(uris) > 1:
            notes.append(f"{word} matches {len(uris)} checkpoints; they are compared with each other.")
            sides = [Side(word, [g for g in mine if g.uri == uri]) for uri in uris]
            break
        if len(uris) > 1:
            notes.append(
                f"{word} matches {len(uris)} checkpoints: their answers are averaged prompt by prompt "
                "(name a URI to take one of them)."
            )
        sides.append(Side(mine[0].name if word in uris else word, mine))
    _check_sizes(sides)
    return _labelled(sides)


def comparable(groups: Iterable[GroupTotals]) -> list[GroupTotals]:
    """Return the groups that comparisons read: answers under the default condition, no probe and nothing ad hoc."""
    return [group for group in groups if group.condition == DEFAULT_CONDITION]


def one_sampler(sides: Sequence[Side], wanted: str | None, notes: list[str]) -> None:
    """Leave of each side the groups of one sampler: the one wanted, else the one that most sides have.

    Raises :class:`UnknownNameError` for a sampler that none has samples of, :class:`UsageError` for one that a side has
    none of.
    """
    have = Counter(sampler for side in sides for sampler in {group.sampler for group in side.groups})
    if wanted and wanted not in have:
        raise UnknownNameError("sampler", wanted, have)
    newest = {group.sampler: group.last_run_id for side in sides for group in side.groups}
    best = wanted or max(have, key=lambda name: (have[name], newest[name], name))
    for side in sides:
        mine = [group for group in side.groups if group.sampler == best]
        if not mine and wanted:
            raise UsageError(f"{side.label} has no samples of sampler {wanted!r}")
        if not mine:
            other = max(side.groups, key=lambda group: (group.last_run_id, group.sampler)).sampler
            notes.append(f"{side.label} was sampled by {other}, others by {best}: this alone may explain a difference.")
            mine = [group for group in side.groups if group.sampler == other]
        side.groups = mine
    if len(have) > 1:
        notes.append(f"Samples of sampler {best} are compared; --sampler takes another.")
    params = {str(sorted(group.params.items())) for side in sides for group in side.groups}
    if len(params) > 1:
        notes.append("They were sampled with different parameters: this alone may explain a difference.")


def _groups_called(word: str, checkpoints: Sequence[Checkpoint], groups: Sequence[GroupTotals]) -> list[GroupTotals]:
    called = {checkpoint.uri for checkpoint in checkpoints if checkpoint.matches(word)}
    if not called:
        names = {group.name for group in groups}
        raise UnknownNameError("checkpoint", word, names)
    mine = [group for group in groups if group.uri in called]
    if not mine:
        raise UsageError(f"checkpoint {word} has no samples to compare; take them: charbench run -c {word}")
    return mine


def _check_sizes(sides: Sequence[Side]) -> None:
    if not LEAST <= len(sides) <= MOST:
        found = f"{len(sides)} {'is' if len(sides) == 1 else 'are'} there"
        raise UsageError(f"between {LEAST} and {MOST} checkpoints can be compared, and {found}")


def _labelled(sides: list[Side]) -> list[Side]:
    """Make labels differ: checkpoints of one name, given by their URIs, get a piece of the URI."""
    labels = labels_apart([(side.label, side.uris[0]) for side in sides])
    for side, label in zip(sides, labels, strict=True):
        side.label = label
    return sides
