"""Recorded answers of one row that were sampled in several ways, and rows that were sampled otherwise than others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from charbench.domain.sampled_by import sampled_by, ways_in_words
from charbench.report.summary.tally import Tally
from charbench.store.spread_samples import SpreadSample, spread_samples
from charbench.text.enumeration import short_list

MOST_EACH = 50
MOST_READ = 4_000
FEWEST_EACH = 10
"""So many samples of a group are looked at, as far as :data:`MOST_READ` of all are not exceeded."""
UNKNOWN = "a temperature that they do not tell"


@dataclass(slots=True)
class Ways:
    """How the samples of one row were taken, in words: at which temperatures and the like, under which system prompts.

    A system prompt that was given with a single question is part of that question.
    """

    sampled: set[str] = field(default_factory=set)
    has_system: set[bool] = field(default_factory=set)
    by_checkpoint: bool = True
    """Whether all samples of each checkpoint were taken in one way."""

    @classmethod
    def of(cls, groups: Iterable[Sequence[SpreadSample]]) -> Ways:
        """Return the ways of the samples of some groups."""
        ways = cls()
        for one in map(cls._of_group, groups):
            ways.sampled |= one.sampled
            ways.has_system |= one.has_system if len(one.has_system) > 1 else set()
            ways.by_checkpoint &= len(one.sampled) < 2
        return ways

    @classmethod
    def _of_group(cls, found: Sequence[SpreadSample]) -> Ways:
        told = set(ways_in_words({sampled_by(one.extra) for one in found}).values())
        return cls({words or UNKNOWN for words in told} if told != {""} else set(), _system_prompts(found))


def rows_ways(connection: Connection, rows: Sequence[Tally], recorded: set[int]) -> dict[int, Ways]:
    """Return how the recorded samples of each row (by its ``id``) were taken; a few of them are looked at."""
    number = sum(group in recorded for row in rows for group in row.groups)
    each = max(FEWEST_EACH, min(MOST_EACH, MOST_READ // max(number, 1)))
    found: dict[int, Ways] = {}
    for row in rows:
        mine = [group for group in row.groups if group in recorded]
        found[id(row)] = Ways.of([spread_samples(connection, group, each) for group in mine])
    return found


def in_several_ways(row: Tally, ways: Ways) -> Iterator[str]:
    """Say that samples of one row were taken in several ways."""
    if len(ways.sampled) > 1:
        said = short_list(sorted(ways.sampled))
        to = "those of each checkpoint in one way" if ways.by_checkpoint else "to different questions"
        yield (
            f"{row.label}: its recorded samples were taken with {said}, {to}, and count together (a column condition "
            "keeps them apart)."
        )
    if len(ways.has_system) > 1:
        yield (
            f"{row.label}: some of its recorded samples were taken with a system prompt and some without, to different "
            "questions, and count together: the character may be the prompt's."
        )


def otherwise_than_most(rows: Sequence[Tally], ways: Mapping[int, Ways]) -> dict[int, str]:
    """Return for rows (by ``id``) that were sampled otherwise than most of their persona's rows what is to be said."""
    usual: dict[str, Counter[str]] = {}
    for row in rows:
        if len(ways[id(row)].sampled) == 1:
            usual.setdefault(row.persona, Counter()).update(ways[id(row)].sampled)
    told = {}
    for row in rows:
        mine, counted = ways[id(row)].sampled, usual.get(row.persona, Counter())
        most = max(sorted(counted), key=counted.__getitem__, default="")
        if len(mine) == 1 and mine != {most}:
            told[id(row)] = (
                f"{row.label}: its recorded samples were taken with {next(iter(mine))}, those of other rows of "
                f"{row.persona} with {most}: what they differ in may be the sampling's."
            )
    return told


def _system_prompts(found: Sequence[SpreadSample]) -> set[bool]:
    questions: dict[bool, set[str]] = {}
    for one in found:
        turns = [tuple(turn) for turn in one.messages]
        has_system = bool(turns) and turns[0][0] == "system"
        questions.setdefault(has_system, set()).add(repr(turns[has_system:]))
    return set(questions) if all(len(asked) > 1 for asked in questions.values()) else set()
