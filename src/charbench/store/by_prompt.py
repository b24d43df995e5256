"""Samples and scores summed up prompt by prompt, for comparisons; and the texts of a few samples."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.prompt import NO_FAMILY
from charbench.domain.score import Role
from charbench.store.dialect import among
from charbench.store.tables import (
    prompt_samples,
    prompt_scored,
    prompt_totals,
    prompts,
    samples,
    scored,
    scores,
    scorings,
    series,
)

_SPACES = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"  # fmt: skip  # noqa: E501
"""What ``str.strip`` takes for blank: a response of nothing else is none."""


@dataclass(frozen=True, slots=True)
class SeriesOf:
    """Where the scores of one metric for one persona stand: of each scorer the scoring that was chosen.

    ``fingerprint`` tells what it is scored by (markers, a rubric): values of different ones are never compared.
    ``low`` and ``high`` are the least and the greatest possible value, None where there is none.
    ``response`` and ``thinking`` are the numbers of the channels' series, None where nothing is scored there.
    """

    scorer: str
    persona: str
    metric: str
    title: str
    role: str
    threshold: float | None
    higher_is_better: bool
    low: float | None
    high: float | None
    scoring: int
    fingerprint: str
    response: int | None
    thinking: int | None


class PromptTally(NamedTuple):
    """The samples of one group for one prompt, failed ones left out: a row of the store, of which a report reads many.

    ``scored`` samples the scorer has dealt with; ``missing`` of them it could not tell (None, never 0);
    ``valued`` responses have a value, with their ``total`` and ``squares``; ``hits`` reach the threshold.
    ``thinking_valued``, ``thinking_missing`` and ``thinking_hits`` are the same of the thinking; ``both_hits`` reach it
    in both.
    """

    group: int
    prompt: str
    name: str
    family: str
    answered: int
    responses: int
    scored: int
    missing: int
    valued: int
    total: float
    squares: float
    hits: int
    thinking_hits: int
    both_hits: int
    thinking_valued: int
    thinking_missing: int

    def plus(self, other: PromptTally) -> PromptTally:
        """Add samples of the same prompt, asked under another name."""
        sums = (mine + theirs for mine, theirs in zip(self[4:], other[4:], strict=True))
        name, family = min(self.name, other.name), min(self.family, other.family)
        return PromptTally._make((self.group, self.prompt, name, family, *sums))

    def judged(self, *, unseen: bool) -> int:
        """Return of how many samples it is known whether their response has the trait; a response without a value is
        not, whatever the reason. ``unseen``: :func:`nobody_looked` at the group.
        """
        return 0 if unseen else self.answered - (self.responses - self.valued)

    def thought(self, *, unseen: bool) -> int:
        """Return of how many samples it is known whether their thinking has the trait."""
        unscored = 0 if unseen else self.responses - self.valued - self.missing
        return max(self.thinking_valued, self.answered - self.thinking_missing - unscored)


def nobody_looked(tallies: Sequence[PromptTally]) -> bool:
    """Return whether a group, of which these are all prompts, has responses and not one of them a score, not even
    None.
    """
    responses = sum([tally.responses for tally in tallies])
    return 0 < responses == sum([tally.responses - tally.valued - tally.missing for tally in tallies])


@dataclass(frozen=True, slots=True)
class SampleText:
    """One sample as it is shown beside another; ``value`` None: the response has no score."""

    value: float | None
    response: str
    prompt: str


def series_of(connection: Connection, scoring_ids: Collection[int]) -> list[SeriesOf]:
    """Return every metric that these scorings have, by scorer, persona and metric."""
    query = (
        sa.select(series, scorings.c.scorer, scorings.c.persona, scorings.c.fingerprint)
        .join(scorings, scorings.c.id == series.c.scoring_id)
        .where(among(connection, series.c.scoring_id, sorted(scoring_ids)))
        .order_by(scorings.c.scorer, scorings.c.persona, series.c.metric, series.c.id)
    )
    channels: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in connection.execute(query):
        channels.setdefault((row.scorer, row.persona, row.metric), {})[row.channel] = row
    found = []
    for (scorer, persona, metric), rows in channels.items():
        one = next(iter(rows.values()))
        numbers = {channel: row.id for channel, row in rows.items()}
        declared = (one.title, one.role, one.threshold, one.higher_is_better, one.low, one.high)
        places = one.scoring_id, one.fingerprint, numbers.get("response"), numbers.get("thinking")
        found.append(SeriesOf(scorer, persona, metric, *declared, *places))
    return found


def prompt_tallies(connection: Connection, groups: Sequence[int], of: SeriesOf | None) -> list[PromptTally]:
    """Return the groups' samples summed up by prompt; without a series nothing is scored.

    Of a headline, and of none, the running totals are read; another metric is counted from its scores. A prompt that
    one recording gives a family and another none is of that family for all: two sides are never clustered otherwise.
    """
    kept = of is None or of.role == Role.HEADLINE
    query = _from_totals(connection, groups, of) if kept else _from_scores(connection, groups, of)
    families = _families(connection)
    found: list[PromptTally] = []
    for row in connection.execute(query).all():
        tally = PromptTally._make(row)
        if families and (family := families.get(tally.prompt)) is not None:
            tally = tally._replace(family=family)
        if found and (found[-1].group, found[-1].prompt) == (tally.group, tally.prompt):
            found[-1] = found[-1].plus(tally)
        else:
            found.append(tally)
    return found


def _families(connection: Connection) -> dict[str, str]:
    """Return the family of each prompt that stands in the store with several; the first by name where they differ."""
    first, last = sa.func.min(prompts.c.family), sa.func.max(prompts.c.family)
    several = sa.select(prompts.c.key).group_by(prompts.c.key).having(first != last)
    named = prompts.c.key.in_(several) & (prompts.c.family != NO_FAMILY)
    query = sa.select(prompts.c.key, first).where(named).group_by(prompts.c.key)
    return {row[0]: row[1] for row in connection.execute(query)}


def _from_totals(connection: Connection, groups: Sequence[int], of: SeriesOf | None) -> sa.Select[Any]:
    response, thinking = prompt_totals.alias("response"), prompt_totals.alias("thinking")
    mine, dealt_with = prompt_samples, prompt_scored

    def same(table: sa.FromClause) -> sa.ColumnElement[bool]:
        return _is(table.c.group_id, mine.c.group_id) & _is(table.c.prompt_id, mine.c.prompt_id)

    return (
        sa.select(
            mine.c.group_id,
            prompts.c.key,
            prompts.c.prompt_id,
            prompts.c.family,
            mine.c.answered,
            mine.c.responses,
            _or_0(dealt_with.c.samples),
            *(_or_0(response.c[name]) for name in ("missing", "count", "total", "total_squared", "hits")),
            _or_0(thinking.c.hits),
            _or_0(response.c.both_hits),
            _or_0(thinking.c.count),
            _or_0(thinking.c.missing),
        )
        .join(prompts, prompts.c.id == mine.c.prompt_id)
        .outerjoin(dealt_with, same(dealt_with) & (dealt_with.c.scoring_id == (of.scoring if of else -1)))
        .outerjoin(response, same(response) & (response.c.series_id == _or_none(of, "response")))
        .outerjoin(thinking, same(thinking) & (thinking.c.series_id == _or_none(of, "thinking")))
        .where(among(connection, mine.c.group_id, groups), mine.c.answered > 0)
        .order_by(mine.c.group_id, prompts.c.key)
    )


def _from_scores(connection: Connection, groups: Sequence[int], of: SeriesOf | None) -> sa.Select[Any]:
    response, thinking = scores.alias("response"), scores.alias("thinking")
    edge = of.threshold if of and of.threshold is not None else None
    hit = response.c.value >= edge if edge is not None else sa.false()
    thought = thinking.c.value >= edge if edge is not None else sa.false()
    return (
        sa.select(
            samples.c.group_id,
            prompts.c.key,
            sa.func.min(prompts.c.prompt_id),
            sa.func.min(prompts.c.family),
            sa.func.count(),
            number_of(has_response()),
            sa.func.count(scored.c.id),
            number_of(response.c.scored_id.is_not(None) & response.c.value.is_(None)),
            sa.func.count(response.c.value),
            sa.func.coalesce(sa.func.sum(response.c.value), 0.0),
            sa.func.coalesce(sa.func.sum(response.c.value * response.c.value), 0.0),
            number_of(hit),
            number_of(thought),
            number_of(sa.and_(hit, thought)),
            sa.func.count(thinking.c.value),
            number_of(thinking.c.scored_id.is_not(None) & thinking.c.value.is_(None)),
        )
        .join(prompts, prompts.c.id == samples.c.prompt_id)
        .outerjoin(scored, _is(scored.c.sample_id, samples.c.id) & (scored.c.scoring_id == (of.scoring if of else -1)))
        .outerjoin(
            response, _is(response.c.scored_id, scored.c.id) & (response.c.series_id == _or_none(of, "response"))
        )
        .outerjoin(
            thinking, _is(thinking.c.scored_id, scored.c.id) & (thinking.c.series_id == _or_none(of, "thinking"))
        )
        .where(among(connection, samples.c.group_id, groups), samples.c.error_kind.is_(None))
        .group_by(samples.c.group_id, prompts.c.key)
        .order_by(samples.c.group_id, prompts.c.key)
    )


def sample_text(
    connection: Connection, groups: Sequence[int], prompt: str, of: SeriesOf | None, *, highest: bool
) -> SampleText | None:
    """Return the groups' sample of this prompt with the highest (or lowest) score; one without a score is lowest."""
    value = scores.c.value
    query = (
        sa.select(value, samples.c.response, prompts.c.messages)
        .join(prompts, prompts.c.id == samples.c.prompt_id)
        .outerjoin(scored, _is(scored.c.sample_id, samples.c.id) & (scored.c.scoring_id == (of.scoring if of else -1)))
        .outerjoin(scores, _is(scores.c.scored_id, scored.c.id) & (scores.c.series_id == _or_none(of, "response")))
        .where(among(connection, samples.c.group_id, groups), samples.c.error_kind.is_(None), prompts.c.key == prompt)
        .order_by(value.is_(None) if highest else value.is_not(None), value.desc() if highest else value, samples.c.id)
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    asked = "\n\n".join(content for role, content in row.messages if role == "user")
    return SampleText(row.value, row.response, asked)


def some_responses(connection: Connection, group: int, most: int) -> list[tuple[str, str]]:
    """Return the prompt's key and the response of up to ``most`` samples of a group, of those that have one."""
    return [
        (row.key, row.response.strip())
        for row in connection.execute(_SOME_RESPONSES, {"group": group, "most": most}).all()
    ]


_SOME_RESPONSES = (
    sa.select(prompts.c.key, samples.c.response)
    .join(prompts, prompts.c.id == samples.c.prompt_id)
    .where(samples.c.group_id == sa.bindparam("group"), samples.c.error_kind.is_(None), samples.c.response != "")
    .order_by(samples.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)


def _or_none(of: SeriesOf | None, channel: str) -> int:
    number = getattr(of, channel) if of else None
    return -1 if number is None else int(number)


def _is(left: sa.ColumnElement[Any], right: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return left == right


def _or_0(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(column, 0)


def has_response() -> sa.ColumnElement[bool]:
    """Return the condition that a sample has a response that is not blank."""
    return sa.func.ltrim(samples.c.response, _SPACES) != ""


def number_of(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    """Return how many rows a condition holds for."""
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)
