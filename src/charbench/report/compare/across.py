"""One checkpoint under several settings: what turning one thing does, prompt by prompt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy.engine import Connection

from charbench.domain.checkpoint import Checkpoint
from charbench.errors import UnknownNameError, UsageError
from charbench.report.compare.select import comparable
from charbench.report.compare.sides import Side
from charbench.report.settings import ENDPOINT, facts_of
from charbench.store.selection import Selection, groups_of_setting
from charbench.store.settings import SHARED, Setting, read_settings

PROMPTS = "prompts"
FIRST = "that was asked first"
"""The value of the endpoint in a setting whose samples need no telling apart."""


def across_sides(
    connection: Connection,
    words: Sequence[str],
    checkpoints: Sequence[Checkpoint],
    across: str,
    selection: Selection,
    notes: list[str],
) -> list[Side]:
    """Return a side for each of ``words`` (URIs, names or runs) and each value of what is turned.

    Of each value it is a setting that is like the selected one in all other things but prompts: the one that shares
    most of these with it (pairs are of prompts that both were asked), of several the newest. Raises
    :class:`UnknownNameError` where there is no such parameter, and :class:`UsageError` where there are fewer than two
    values.
    """
    known = read_settings(connection).by_persona
    name = " ".join(across.replace("_", " ").replace("-", " ").split())
    sides: list[Side] = []
    for word in dict.fromkeys(words):
        uris = {checkpoint.uri for checkpoint in checkpoints if checkpoint.matches(word)}
        if not uris:
            raise UnknownNameError("checkpoint", word, {checkpoint.name for checkpoint in checkpoints})
        for persona in selection.settings:
            asked = [one for one in known[persona] if any(group.uri in uris for group in one.groups)]
            if not asked:
                continue
            chosen = next((one for one in asked if one.id == selection.settings[persona].id), asked[0])
            for value, setting in _by_value(name, chosen, asked, notes).items():
                groups = comparable(groups_of_setting(connection, persona, setting))
                label = f"{word}, {value}" if name == PROMPTS else f"{word}, {name} {value}"
                sides.append(Side(f"{label} ({setting.id})", [group for group in groups if group.uri in uris]))
            break
        else:
            raise UsageError(f"checkpoint {word} has no samples to compare; take them: charbench run -c {word}")
    notes.append(f"Settings are compared across {name} because --across asks for it.")
    return sides


def _by_value(name: str, chosen: Setting, asked: Sequence[Setting], notes: list[str]) -> dict[str, Setting]:
    parameters = _parameters(asked)
    differ = ", ".join(sorted(parameters.intersection(_differing(chosen, asked))))
    if name not in parameters:
        what = f"; settings differ in {differ}" if differ else ""
        raise UnknownNameError("parameter for --across", name, parameters, what)
    like = [one for one in asked if _is_like(name, one, chosen)]
    like.sort(key=lambda one: -_shared_prompts(one, chosen))
    found: dict[str, Setting] = {}
    for one in [chosen, *like]:
        value = facts_of(one).get(name, FIRST if name == ENDPOINT else None)
        if name == PROMPTS:
            found.setdefault(f"{value} {one.id}" if one.prompts else "all prompts", one)
        elif value is not None:
            found.setdefault(value, one)
    if len(found) < 2:
        what = f"; others differ in {differ}" if differ else ""
        pair = next((one for one in asked if any(_is_turned(name, one, other) for other in asked)), None)
        there = "charbench report --list-settings" if pair is None else f"of {pair.id} one does: --setting {pair.id}"
        raise UsageError(
            f"option --across {name}: no setting differs from {chosen.id}, which is compared, in that alone{what} "
            f"({there})"
        )
    if others := len(asked) - 1 - len(like):
        what = "1 other setting differs" if others == 1 else f"{others:,} other settings differ"
        note = f"{what} in more than {name}: not compared."
        notes += [] if note in notes else [note]
    return dict(sorted(found.items()))


def _parameters(settings: Iterable[Setting]) -> set[str]:
    """Return what settings can be compared across: what was or could be requested, but not how it was scored."""
    every = {PROMPTS, ENDPOINT, *(name.replace("_", " ") for name in SHARED)}
    return every.union(*(facts_of(replace(one, scorers={})) for one in settings))


def _is_like(name: str, one: Setting, other: Setting) -> bool:
    if one.id == other.id:
        return False
    mine, theirs = facts_of(one), facts_of(other)
    free = {name, PROMPTS}
    same = all(mine.get(fact) == theirs.get(fact) for fact in (mine.keys() | theirs.keys()) - free)
    return same and {s.key for s in one.scorers.values()} == {s.key for s in other.scorers.values()}


def _is_turned(name: str, one: Setting, other: Setting) -> bool:
    """Whether two settings differ in one thing alone, prompts aside."""
    return _is_like(name, one, other) and facts_of(one).get(name) != facts_of(other).get(name)


def _shared_prompts(one: Setting, other: Setting) -> int:
    """Return how many prompts two settings share; those of earlier versions do not say which they are of."""
    return len((one.prompts or frozenset()) & (other.prompts or frozenset()))


def _differing(chosen: Setting, asked: Iterable[Setting]) -> Iterable[str]:
    mine = facts_of(chosen)
    for one in asked:
        theirs = facts_of(one)
        yield from (fact for fact in mine.keys() | theirs.keys() if mine.get(fact) != theirs.get(fact))
