"""Which markers stand in each text, from the evidence that scorers leave; for comparisons by marker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.sample import Channel
from charbench.store.by_prompt import SeriesOf
from charbench.store.dialect import among
from charbench.store.evidence import spans_of
from charbench.store.tables import prompts, samples, scored, scores


@dataclass(frozen=True, slots=True)
class MarkedText:
    """One channel of one sample: its words (what stands between white space) and how often each marker counts."""

    group: int
    prompt: str
    words: int
    counts: Counter[str]


def marked_texts(connection: Connection, groups: Sequence[int], of: SeriesOf, channel: Channel) -> Iterator[MarkedText]:
    """Yield the groups' texts of a channel that hold words and have a value of this metric, failed samples left out.

    Markers are the metric's spans that have a tier; of them the first count, as many as the value says (see
    :class:`charbench.domain.score.Score`). A text has as many words as markers at least: an emoji may stand
    within a word.
    """
    number = of.response if channel is Channel.RESPONSE else of.thinking
    if number is None:
        return
    text = samples.c.response if channel is Channel.RESPONSE else samples.c.thinking
    query = (
        sa.select(samples.c.group_id, prompts.c.key, text, scores.c.value, scored.c.evidence)
        .join(prompts, prompts.c.id == samples.c.prompt_id)
        .join(scored, sa.and_(scored.c.sample_id == samples.c.id, scored.c.scoring_id == of.scoring))
        .join(scores, sa.and_(scores.c.scored_id == scored.c.id, scores.c.series_id == number))
        .where(among(connection, samples.c.group_id, groups), samples.c.error_kind.is_(None))
        .where(scores.c.value.is_not(None))
        .order_by(samples.c.id)
    )
    for group, prompt, content, value, evidence in connection.execute(query):
        words = len(content.split())
        if words:
            spans = spans_of(evidence, of.metric, channel)[: round(value)]
            counts = Counter(span.marker for span in spans if span.tier)
            yield MarkedText(group, prompt, max(words, counts.total()), counts)
