"""Samples in the store: adding them with their totals, and reading them back for scoring and export."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.keys import digest
from charbench.domain.prompt import Prompt
from charbench.domain.sample import Failure, Provenance, Sample, ThinkingState
from charbench.store.claims import release
from charbench.store.code_versions import note_code
from charbench.store.dialect import among, get_or_add, insert
from charbench.store.prompt_totals import AnswersByPrompt
from charbench.store.runs import utc_now
from charbench.store.served import count_provenances
from charbench.store.tables import (
    GROUP_TOTALS,
    attempts,
    checkpoints,
    groups,
    prompts,
    provenances,
    removed_samples,
    samples,
    samplings,
)
from charbench.text.redaction import hide_keys, redact_all

STAGE = "sample"
_OF_THEIR_OWN = (ThinkingState.FILTERED.value, ThinkingState.TOOL_CALL.value)
"""States of samples that are in no rate and have not failed either."""
PromptKey = tuple[str, str, str]
"""What makes a row of the table of prompts: what is asked, and the names it goes by."""


@dataclass(frozen=True)
class SamplingSettings:
    """What samples of one group have in common besides the checkpoint."""

    sampler: str
    protocol: int
    params: dict[str, Any]
    condition: str
    code: str | None = None
    """A digest of the sampler's source files; None: its version alone tells what it is. It is in no key."""

    @cached_property
    def key(self) -> str:
        """The settings' key."""
        return digest(self.sampler, self.protocol, self.params, self.condition)


@dataclass(frozen=True, slots=True)
class NewSample:
    """A sample to add, the settings it was taken with, and the tries that failed before it."""

    sample: Sample
    settings: SamplingSettings
    failed_tries: tuple[Failure, ...] = ()
    source_file: str | None = None
    """Where it was recorded, and what the row said; None: it was not, or its source does not say."""
    row_digest: str | None = None

    @property
    def attempt(self) -> int:
        """Number of the try that this sample is, from 1."""
        return len(self.failed_tries) + 1


@dataclass(frozen=True, slots=True)
class StoredSample:
    """A sample read back, with its numbers in the store."""

    id: int
    group_id: int
    sample: Sample
    prompt_id: int


class SampleWriter:
    """Adds samples for one run; remembers the numbers of prompts and groups it has met."""

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id
        self._prompts: dict[PromptKey, int] = {}
        self._groups: dict[tuple[str, str], int] = {}
        self._provenances: dict[Provenance, int] = {}

    def add(self, connection: Connection, new: Sequence[NewSample]) -> int:
        """Add samples, their totals and failed tries, and let go of their claims; return how many were new.

        A sample that is there already is left alone, unless it had failed: then the new try replaces it. Rows that
        other writers may add or change too are taken in one order, so that two writers cannot deadlock.
        """
        keys = sorted(item.sample.key for item in new)
        totals: dict[int, dict[str, Any]] = {}
        forget_failures(connection, keys, totals)
        self._number_prompts(connection, [item.sample.prompt for item in new])
        self._number_groups(connection, new)
        self._number_provenances(connection, new)
        rows = {item.sample.key: self._row(item) for item in new}
        statement = insert(connection, samples).on_conflict_do_nothing().returning(samples.c.key)
        added = set(connection.scalars(statement, list(rows.values())))  # claimed: no other writer adds these
        failures = []
        answers = AnswersByPrompt()
        for item in new:
            if item.sample.key in added:
                row = rows[item.sample.key]
                count_sample(totals, row["group_id"], item.sample, +1)
                count_answer(answers, row["group_id"], row["prompt_id"], item.sample)
                tries = (*item.failed_tries, *((item.sample.failure,) if item.sample.failure else ()))
                for number, failure in enumerate(tries, 1):
                    failures.append(attempt_row(STAGE, item.sample.key, self.run_id, number, failure))
        add_group_totals(connection, totals)
        count_provenances(connection, [row for key, row in rows.items() if key in added], +1)
        answers.add(connection)
        if failures:
            connection.execute(sa.insert(attempts), failures)
        release(connection, STAGE, self.run_id, keys)
        return len(added)

    @property
    def group_ids(self) -> list[int]:
        """Numbers of the groups that this writer has added samples to."""
        return sorted(self._groups.values())

    def _row(self, new: NewSample) -> dict[str, Any]:
        sample = new.sample
        return {
            "key": sample.key,
            "group_id": self._groups[sample.checkpoint, new.settings.key],
            "prompt_id": self._prompts[_prompt_key(sample.prompt)],
            "epoch": sample.epoch,
            "state": sample.state.value,
            "finish_reason": sample.finish_reason,
            "prompt_tokens": sample.usage.prompt_tokens,
            "completion_tokens": sample.usage.completion_tokens,
            "reasoning_tokens": sample.usage.reasoning_tokens,
            "max_tokens": sample.max_tokens,
            "latency": sample.latency,
            "error_kind": sample.failure.kind if sample.failure else None,
            "error": sample.failure.message if sample.failure else None,
            "attempt": new.attempt,
            "sampled_at": sample.sampled_at,
            "run_id": self.run_id,
            "extra": dict(sample.extra) or None,
            "prefill": sample.prefill,
            "response": sample.response,
            "thinking": sample.thinking,
            "raw": sample.raw,
            "raw_reasoning": sample.raw_reasoning,
            "tags": [list(tag) for tag in sample.tags] or None,
            "source_file": new.source_file,
            "row_digest": new.row_digest,
            "provenance_id": self._provenances.get(sample.provenance) if sample.provenance else None,
        }

    def _number_provenances(self, connection: Connection, new: Sequence[NewSample]) -> None:
        """Look up the numbers of what served samples, and add what is new to the store."""
        served = {item.sample.provenance for item in new if item.sample.provenance} - set(self._provenances)
        for provenance in sorted(served, key=str):
            values = asdict(provenance)
            key = {"key": digest(*values.values())}
            self._provenances[provenance] = get_or_add(connection, provenances, key, values)

    def _number_prompts(self, connection: Connection, asked: Sequence[Prompt]) -> None:
        """Look up the numbers of prompts that are new to this writer, and add those that are new to the store."""
        fresh = {_prompt_key(prompt): prompt for prompt in asked if _prompt_key(prompt) not in self._prompts}
        if not fresh:
            return
        self._look_up(connection, fresh)
        rows = [
            {
                "key": prompt.key,
                "prompt_id": prompt.id,
                "family": prompt.family,
                "language": prompt.language,
                "messages": [[m.role, hide_keys(m.content)] for m in prompt.messages],
                "follow_ups": [hide_keys(text) for text in prompt.follow_ups],
            }
            for key, prompt in sorted(fresh.items())
            if key not in self._prompts
        ]
        if rows:
            connection.execute(insert(connection, prompts).on_conflict_do_nothing(), rows)
            self._look_up(connection, fresh)

    def _look_up(self, connection: Connection, fresh: dict[PromptKey, Prompt]) -> None:
        query = sa.select(prompts.c.key, prompts.c.prompt_id, prompts.c.family, prompts.c.id)
        keys = [prompt.key for prompt in fresh.values()]
        for key, name, family, number in connection.execute(query.where(among(connection, prompts.c.key, keys))):
            self._prompts[key, name, family] = number

    def _number_groups(self, connection: Connection, new: Sequence[NewSample]) -> None:
        """Look up the numbers of groups that are new to this writer, and add those that are new to the store."""
        fresh = {(item.sample.checkpoint, item.settings.key): item.settings for item in new}
        fresh = {key: settings for key, settings in fresh.items() if key not in self._groups}
        by_key = {settings.key: settings for settings in fresh.values()}
        numbers = {key: self._sampling(connection, by_key[key]) for key in sorted(by_key)}
        for uri, key in sorted(fresh):
            checkpoint = connection.scalar(sa.select(checkpoints.c.id).where(checkpoints.c.uri == uri))
            assert checkpoint is not None, f"checkpoint {uri} is sampled but not in the store"
            where = {"checkpoint_id": checkpoint, "sampling_id": numbers[key]}
            self._groups[uri, key] = get_or_add(connection, groups, where, dict.fromkeys(GROUP_TOTALS, 0))

    def _sampling(self, connection: Connection, settings: SamplingSettings) -> int:
        rest = {name: getattr(settings, name) for name in ("sampler", "protocol", "condition")}
        rest |= {"params": redact_all(settings.params), "last_run_id": self.run_id}
        number = get_or_add(connection, samplings, {"key": settings.key}, rest)
        connection.execute(sa.update(samplings).where(samplings.c.id == number).values(last_run_id=self.run_id))
        note_code(connection, samplings, number, settings.code)
        return number


def forget_failures(connection: Connection, keys: Sequence[str], totals: dict[int, dict[str, Any]]) -> None:
    """Delete those of these samples that have failed, and take them from ``totals``, which are yet to be added."""
    failed = among(connection, samples.c.key, keys) & samples.c.error_kind.is_not(None)
    columns = (samples.c.group_id, samples.c.latency, samples.c.state, samples.c.provenance_id)
    found = connection.execute(sa.select(*columns).where(failed)).mappings().all()
    for row in found:
        _count_failed(totals, row["group_id"], -1, row["latency"], row["state"])
    if found:
        count_provenances(connection, found, -1)
        connection.execute(sa.delete(samples).where(failed))


def _prompt_key(prompt: Prompt) -> PromptKey:
    return prompt.key, prompt.id, prompt.family


def present_samples(connection: Connection, keys: Sequence[str], again: Sequence[str] = ()) -> set[str]:
    """Return which keys the store has, without those that failed with a kind in ``again``."""
    query = sa.select(samples.c.key).where(among(connection, samples.c.key, keys))
    if again:
        gone = sa.exists().where(removed_samples.c.sample_id == samples.c.id)
        query = query.where(sa.or_(samples.c.error_kind.is_(None), samples.c.error_kind.not_in(again), gone))
    return set(connection.scalars(query))


def failed_samples(connection: Connection, keys: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return key, kind of failure and message of those of these samples that failed.

    Replies that were filtered or called a tool did not.
    """
    query = sa.select(samples.c.key, samples.c.error_kind, samples.c.error)
    failed = samples.c.state == ThinkingState.ERROR.value
    query = query.where(among(connection, samples.c.key, keys), samples.c.error_kind.is_not(None), failed)
    return [(row.key, row.error_kind, row.error or "") for row in connection.execute(query)]


def attempt_row(stage: str, item: str, run_id: int, number: int, failure: Failure) -> dict[str, Any]:
    """Return the row of a try that failed."""
    return {
        "stage": stage,
        "item": item,
        "run_id": run_id,
        "number": number,
        "at": utc_now(),
        "error_kind": failure.kind,
        "error": failure.message,
    }


def count_sample(totals: dict[int, dict[str, Any]], group_id: int, sample: Sample, sign: int) -> None:
    """Add a sample to the totals of its group, or with ``sign`` -1 take it from them."""
    if sample.failure:
        _count_failed(totals, group_id, sign, sample.latency, sample.state.value)
        return
    row = _count_row(totals, group_id, sign, sample.latency, failed=False)
    row["responses"] += sign * bool(sample.response.strip())
    row["response_chars"] += sign * len(sample.response)
    row["thinking_chars"] += sign * len(sample.thinking)
    row["prompt_tokens"] += sign * (sample.usage.prompt_tokens or 0)
    row["completion_tokens"] += sign * (sample.usage.completion_tokens or 0)
    row[sample.state.value] += sign


def count_answer(answers: AnswersByPrompt, group_id: int, prompt_id: int, sample: Sample) -> None:
    """Count a sample among those of its prompt (the prompt's number in the store), unless it failed."""
    if sample.failure is None:
        answers.count(group_id, prompt_id, answered=1, responses=int(bool(sample.response.strip())))


def _count_failed(
    totals: dict[int, dict[str, Any]], group_id: int, sign: int, latency: float | None, state: str
) -> None:
    """Count a sample that is in no rate; those with a state of their own (filtered, a tool call) by that, too."""
    row = _count_row(totals, group_id, sign, latency)
    if state in _OF_THEIR_OWN:
        row[state] += sign


def _count_row(
    totals: dict[int, dict[str, Any]], group_id: int, sign: int, latency: float | None, *, failed: bool = True
) -> dict[str, Any]:
    row = totals.setdefault(group_id, {"id": group_id, **dict.fromkeys(GROUP_TOTALS, 0)})
    row["samples"] += sign
    row["errors"] += sign * failed
    if latency is not None and not failed:
        row["latency_total"] += sign * latency
        row["latency_count"] += sign
    return row


def add_group_totals(connection: Connection, totals: dict[int, dict[str, Any]]) -> None:
    """Add to the groups' running totals, in the order of their numbers so that two writers cannot deadlock."""
    rows = [
        {"group": group, **{f"add_{name}": row[name] for name in GROUP_TOTALS}} for group, row in sorted(totals.items())
    ]
    if rows:
        connection.execute(_ADD_TOTALS, rows)


_ADD_TOTALS = (
    sa.update(groups)
    .where(groups.c.id == sa.bindparam("group"))
    .values({name: groups.c[name] + sa.bindparam(f"add_{name}") for name in GROUP_TOTALS})
)


def group_sizes(connection: Connection) -> dict[int, int]:
    """Return the number of samples of every group, counted from the samples themselves."""
    query = sa.select(samples.c.group_id, sa.func.count()).group_by(samples.c.group_id)
    counts: defaultdict[int, int] = defaultdict(int)
    counts.update((row[0], row[1]) for row in connection.execute(query))
    return counts
