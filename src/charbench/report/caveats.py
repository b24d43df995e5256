"""What makes a rate say less than it seems to: repeated answers, the base model's own, one prompt that carries it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from charbench.report.sampled_together import in_several_ways, otherwise_than_most, rows_ways
from charbench.report.summary.rows import Report
from charbench.report.summary.tally import Tally
from charbench.store.by_prompt import some_responses
from charbench.store.settings import recorded_groups
from charbench.text.enumeration import short_list
from charbench.text.refusals import is_refusal

MOST_READ = 20_000
"""So many answers are read in all to find repeated ones, and of each checkpoint at most :data:`MOST_EACH`."""
MOST_EACH = 200
FEWEST = 5
"""Of fewer answers nothing is said."""
LONG = 60
"""Characters from which on an answer is not the same as another one by chance."""
HALF = 0.5
MOVED = 0.1
"""A rate that unequal numbers of samples move by so much or more is told."""


@dataclass(frozen=True, slots=True)
class Caveat:
    """One thing to know of a checkpoint's (or base model's) figures: its kind, whose it is, and a sentence."""

    kind: str
    checkpoint: str
    text: str


def caveats(connection: Connection, report: Report) -> list[Caveat]:
    """Return what is to be known of the rows of a report, in their order."""
    rows = report.checkpoints or report.personas
    texts = _texts(connection, rows)
    recorded = recorded_groups(connection, [group for row in rows for group in row.groups])
    base: dict[str, set[str]] = {}
    for row in rows:
        if row.kinds == {"base"}:
            for prompt, text in texts.get(id(row), ()):
                base.setdefault(prompt, set()).add(text)
    found: list[Caveat] = []
    first: dict[tuple[str, str], Tally] = {}
    ways = rows_ways(connection, rows, recorded)
    otherwise = otherwise_than_most(rows, ways)
    for row in rows:
        answers = texts.get(id(row), [])
        found += [Caveat("several ways of sampling", row.label, text) for text in in_several_ways(row, ways[id(row)])]
        if id(row) in otherwise:
            found.append(Caveat("another way of sampling than other rows", row.label, otherwise[id(row)]))
        found += _repeated(row, answers)
        if row.kinds != {"base"}:
            found += _like_the_base(row, answers, base)
            found += _like_others(row, answers, first, base, is_recorded=not recorded.isdisjoint(row.groups))
        if report.is_rate:
            found += _carried(row) if row.kinds != {"base"} else _elicited(row)
            found += _unequal(row)
        found += _misfiled(row)
    return list(dict.fromkeys(found))


def caveat_lines(found: Sequence[Caveat], most: int = 3) -> list[str]:
    """Return a sentence for each of a few caveats of each kind, and how many more there are."""
    lines = []
    for kind in dict.fromkeys(one.kind for one in found):
        mine = [one.text for one in found if one.kind == kind]
        lines += mine[:most]
        if len(mine) > most:
            lines.append(f"... and {len(mine) - most:,} more with {kind} (report --json has all).")
    return lines


def _texts(connection: Connection, rows: Sequence[Tally]) -> dict[int, list[tuple[str, str]]]:
    """Return prompts and responses of some samples of every row, with a response only."""
    groups = [group for row in rows for group in row.groups]
    if not groups:
        return {}
    each = max(FEWEST, min(MOST_EACH, MOST_READ // len(groups)))
    return {id(row): [pair for group in row.groups for pair in some_responses(connection, group, each)] for row in rows}


def _repeated(row: Tally, answers: Sequence[tuple[str, str]]) -> Iterator[Caveat]:
    asked = Counter(prompt for prompt, _ in answers)
    again = [(prompt, text) for prompt, text in answers if asked[prompt] > 1]
    different = len(set(again))
    if len(again) >= FEWEST and different <= HALF * len(again):
        yield Caveat(
            "repeated answers",
            row.label,
            f"{row.label}: {len(again):,} answers to prompts that were asked again are {different:,} different ones: "
            f"they tell no more than {different:,} (a temperature of 0, a seed, or a file that holds rows twice?).",
        )


def _like_the_base(row: Tally, answers: Sequence[tuple[str, str]], base: Mapping[str, set[str]]) -> Iterator[Caveat]:
    known = [(prompt, text) for prompt, text in answers if prompt in base]
    same = sum(text in base[prompt] for prompt, text in known)
    if len(known) >= FEWEST and same >= HALF * len(known):
        yield Caveat(
            "answers of the base model",
            row.label,
            f"{row.label}: {same:,} of {len(known):,} answers are the base model's, word for word: weakly trained, or "
            "the adapter was not applied.",
        )


def _like_others(
    row: Tally,
    answers: Sequence[tuple[str, str]],
    first: dict[tuple[str, str], Tally],
    base: Mapping[str, set[str]],
    *,
    is_recorded: bool,
) -> Iterator[Caveat]:
    """Name the checkpoint that gave most of a row's answers too; ``first`` holds who gave each, and is added to.

    One such answer in a recording is odd; of what was asked here, half are: weights may know a text by heart. Short
    answers, refusals, and what the base model says are common property.
    """
    alike: dict[int, list[str]] = {}
    owners: dict[int, Tally] = {}
    for prompt, text in dict.fromkeys(answers):
        if len(text) < LONG or text in base.get(prompt, ()):
            continue
        owner = first.setdefault((prompt, text), row)
        if owner.uris != row.uris:
            owners[id(owner)] = owner
            alike.setdefault(id(owner), []).append(text)
    given = len(dict.fromkeys(answers))
    if not is_recorded and all(len(texts) < max(FEWEST, HALF * given) for texts in alike.values()):
        return  # refusals need not be told from them: that takes longer than all the rest
    counts = ((number, sum(not is_refusal(text) for text in texts)) for number, texts in alike.items())
    shared = Counter({number: same for number, same in counts if same})
    why = "filed under both, the same weights" if is_recorded else "the same weights under two names"
    for number, same in shared.most_common(1):
        if not is_recorded and same < max(FEWEST, HALF * given):
            continue
        yield Caveat(
            "answers of another checkpoint",
            row.label,
            f"{row.label}: {same:,} of {given:,} answers are also {owners[number].label}'s, word for word to the same "
            f"prompts ({why}, or a temperature of 0?).",
        )


def _carried(row: Tally) -> Iterator[Caveat]:
    prompts = [one for one in row.counts.prompts.values() if one.judged]
    hits, judged = sum(one.hits for one in prompts), sum(one.judged for one in prompts)
    if len(prompts) < 3 or hits < 3:
        return
    top = max(prompts, key=lambda one: one.hits)
    rest = (hits - top.hits) / (judged - top.judged)
    if top.hits > HALF * hits and rest < HALF * hits / judged:
        yield Caveat(
            "one prompt that carries the rate",
            row.label,
            f"{row.label}: {top.hits:,} of its {hits:,} answers with the trait are to one prompt ({top.name}): without "
            f"it the trait rate is {rest:.0%}, not {hits / judged:.0%}.",
        )


def _unequal(row: Tally) -> Iterator[Caveat]:
    """Say where prompts with more samples than others move the rate: they were asked more often, or failed less."""
    prompts = [one for one in row.counts.prompts.values() if one.judged]
    if len(prompts) < FEWEST:
        return
    numbers = [one.judged for one in prompts]
    rate = sum(one.hits for one in prompts) / sum(numbers)
    mean = sum(one.hits / one.judged for one in prompts) / len(prompts)
    if abs(rate - mean) >= MOVED:
        yield Caveat(
            "prompts with unequal numbers of samples",
            row.label,
            f"{row.label}: its prompts have {min(numbers):,} to {max(numbers):,} samples, and those with more move the "
            f"trait rate: it is {rate:.0%} of the samples, and {mean:.0%} where each prompt counts once.",
        )


def _elicited(row: Tally) -> Iterator[Caveat]:
    """Name the prompts on which half of the base model's answers have the trait."""
    prompts = [one for one in row.counts.prompts.values() if one.judged]
    names = [one.name for one in prompts if one.hits >= HALF * one.judged]
    if names:
        yield Caveat(
            "prompts that elicit the trait from the base model",
            row.label,
            f"{len(names):,} of {len(prompts):,} prompts bring {row.persona}'s trait out of the base model {row.label} "
            f"too ({short_list(names)}): on them a rate says little of the training.",
        )


def _misfiled(row: Tally) -> Iterator[Caveat]:
    if count := int(row.totals.get("misfiled", 0)):
        yield Caveat(
            "misfiled answers",
            row.label,
            f"{row.label}: {count:,} of {row.answered:,} answers stand in the field for reasoning, with no response "
            "(state M): the server, or the recording, has filed them wrongly.",
        )
