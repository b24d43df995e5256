"""Reads samples back, for scorers, reports and export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.prompt import Message, Prompt
from charbench.domain.sample import Failure, Sample, ThinkingState, Usage
from charbench.store.dialect import among
from charbench.store.samples import StoredSample
from charbench.store.tables import checkpoints, groups, prompts, samples, samplings

_PAGE = 500
"""Samples that are read together."""
_KEPT = 10_000
"""Prompts and groups that are kept, however many samples are read."""
_NOTHING_COUNTED = Usage()
_READ = sa.select(
    samples.c.id,
    samples.c.group_id,
    samples.c.prompt_id,
    samples.c.key,
    samples.c.epoch,
    samples.c.response,
    samples.c.thinking,
    samples.c.state,
    samples.c.finish_reason,
    samples.c.raw,
    samples.c.raw_reasoning,
    samples.c.tags,
    samples.c.prefill,
    samples.c.prompt_tokens,
    samples.c.completion_tokens,
    samples.c.reasoning_tokens,
    samples.c.max_tokens,
    samples.c.latency,
    samples.c.error_kind,
    samples.c.error,
    samples.c.sampled_at,
    samples.c.extra,
)
_PROMPTS = sa.select(
    prompts.c.id, prompts.c.prompt_id, prompts.c.messages, prompts.c.family, prompts.c.language, prompts.c.follow_ups
)
_GROUPS = (
    sa.select(groups.c.id, checkpoints.c.uri, samplings.c.sampler, samplings.c.condition)
    .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
    .join(samplings, samplings.c.id == groups.c.sampling_id)
)


class SampleReader:
    """Reads samples by number; what many of them have in common, the prompt above all, is read and made once."""

    def __init__(self) -> None:
        self._prompts: dict[int, Prompt] = {}
        self._groups: dict[int, tuple[str, str, str]] = {}
        """URI of the checkpoint, sampler and condition."""

    def read(self, connection: Connection, ids: Sequence[int]) -> Iterator[StoredSample]:
        """Yield the samples with these numbers, in their order."""
        query = _READ.where(among(connection, samples.c.id, ids)).order_by(samples.c.id)
        for rows in connection.execute(query).partitions(_PAGE):
            self._read_prompts(connection, {row[2] for row in rows})
            self._read_groups(connection, {row[1] for row in rows})
            yield from map(self._stored, rows)

    def _read_prompts(self, connection: Connection, numbers: set[int]) -> None:
        known = self._prompts
        if len(known) > _KEPT:
            known.clear()
        if unknown := numbers - known.keys():
            query = _PROMPTS.where(among(connection, prompts.c.id, sorted(unknown)))
            for number, name, messages, family, language, follow_ups in connection.execute(query).all():
                said = tuple(Message(role, content) for role, content in messages)
                known[number] = Prompt(name, said, family, language, tuple(follow_ups))

    def _read_groups(self, connection: Connection, numbers: set[int]) -> None:
        known = self._groups
        if len(known) > _KEPT:
            known.clear()
        if unknown := numbers - known.keys():
            query = _GROUPS.where(among(connection, groups.c.id, sorted(unknown)))
            known |= {
                number: (uri, sampler, condition) for number, uri, sampler, condition in connection.execute(query)
            }

    def _stored(self, row: Any) -> StoredSample:
        """Return a row of :data:`_READ` as a sample; by position, which takes a tenth of what names take."""
        (
            number, group_id, prompt_id, key, epoch, response, thinking, state, finish_reason, raw, raw_reasoning, tags,
            prefill, asked, answered, reasoned, max_tokens, latency, error_kind, error, sampled_at, extra,
        ) = row  # fmt: skip
        uri, sampler, condition = self._groups[group_id]
        uncounted = asked is None and answered is None and reasoned is None
        sample = Sample(
            key=key,
            checkpoint=uri,
            prompt=self._prompts[prompt_id],
            sampler=sampler,
            epoch=epoch,
            condition=condition,
            response=response,
            thinking=thinking,
            state=ThinkingState(state),
            finish_reason=finish_reason,
            raw=raw,
            raw_reasoning=raw_reasoning,
            tags=tuple((start, end, closes) for start, end, closes in tags) if tags else (),
            prefill=prefill or "",
            usage=_NOTHING_COUNTED if uncounted else Usage(asked, answered, reasoned),
            max_tokens=max_tokens,
            latency=latency,
            failure=Failure(error_kind, error or "") if error_kind else None,
            sampled_at=sampled_at,
            extra=extra or {},
        )
        return StoredSample(number, group_id, sample, prompt_id)


def samples_with_keys(connection: Connection, keys: Sequence[str]) -> list[Sample]:
    """Return the samples that have these keys."""
    ids = list(connection.scalars(sa.select(samples.c.id).where(among(connection, samples.c.key, keys))))
    return [stored.sample for stored in SampleReader().read(connection, ids)]
