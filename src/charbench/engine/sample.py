"""The sample stage: asks samplers for what is wanted and not there yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.engine import Connection

from charbench.boundary import Broken, guarded, guarded_async
from charbench.components.sampler import Sampler, SampleRequest
from charbench.domain.sample import Completion, Failure, Sample, ThinkingState
from charbench.engine.interrupt import StopSignal
from charbench.engine.progress import Progress
from charbench.engine.writer import Writer
from charbench.redaction import redact
from charbench.store.claims import claim
from charbench.store.database import Database
from charbench.store.dialect import chunks
from charbench.store.runs import utc_now
from charbench.store.samples import (
    STAGE,
    NewSample,
    SampleWriter,
    SamplingSettings,
    present_samples,
    touch_samplings,
)
from charbench.thinking import attribute

BATCH = 500
"""Requests that are planned, claimed and written together."""
WAIT_SECONDS = 0.5
"""Between looks at what another run is sampling."""


@dataclass(slots=True)
class SampleTally:
    """What the stage did: counts, and the first faults for the user to read."""

    wanted: int = 0
    added: int = 0
    failed: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    trace: str = ""


@dataclass(slots=True)
class SampleStage:
    """One sampler at work for one run."""

    database: Database
    writer: Writer
    run_id: int
    sampler: Sampler
    stop: StopSignal
    retry: Sequence[str] = ()
    """Kinds of failure that are tried again when a sample failed in an earlier run."""
    tally: SampleTally = field(default_factory=SampleTally)
    wanted_settings: set[str] = field(default_factory=set)

    def run(self, requests: Iterable[SampleRequest], progress: Progress) -> SampleTally:
        """Sample what is not there; wait for what another run is at, and take over what it drops."""
        rows = SampleWriter(self.run_id)
        again = True
        source = requests
        while again and not self.stop.requested:
            again = False
            self.tally.wanted = 0
            for batch in chunks(source, BATCH):
                if self.stop.requested:
                    break
                self.tally.wanted += len(batch)
                again |= self._batch(batch, rows, progress)
            if again:
                self.writer.flush()
                time.sleep(WAIT_SECONDS)
        self.writer.flush()
        return self.tally

    def _batch(self, batch: Sequence[SampleRequest], rows: SampleWriter, progress: Progress) -> bool:
        """Sample one batch; return whether another run is at some of it."""
        keyed = {self.sampler.key(request): request for request in batch}
        claimed = claim(
            self.database, STAGE, self.run_id, list(keyed),
            lambda connection, keys: present_samples(connection, keys, self.retry),
        )  # fmt: skip
        wanted = [(key, keyed[key]) for key in claimed.mine]
        self._want({request.condition: self._settings(request) for request in batch})
        for part in chunks(wanted, max(self.sampler.batch_size, 1) if self.sampler.batch_size > 1 else BATCH):
            new = self._ask(part)
            self.tally.failed += sum(
                self._is_failure(item, request) for item, (_, request) in zip(new, part, strict=True)
            )
            self.writer.put(lambda connection, new=new: self._write(connection, rows, new))  # type: ignore[misc]
        progress.advance(len(batch) - claimed.elsewhere)
        return claimed.elsewhere > 0

    def _want(self, settings: dict[str, SamplingSettings]) -> None:
        """Note that this run wants samples of these settings, once for each."""
        fresh = [one for one in settings.values() if one.key not in self.wanted_settings]
        self.wanted_settings.update(one.key for one in fresh)
        if fresh:
            self.writer.put(lambda connection: touch_samplings(connection, fresh, self.run_id))

    def _write(self, connection: Connection, rows: SampleWriter, new: Sequence[NewSample]) -> None:
        self.tally.added += rows.add(connection, new)

    def _is_failure(self, item: NewSample, request: SampleRequest) -> bool:
        """Whether this try failed here and now; a recorded failure is data that was there before."""
        failure = item.sample.failure
        if failure is None or (request.recorded is not None and request.recorded.completion.failure is not None):
            return False
        self.tally.faults[failure.message] = self.tally.faults.get(failure.message, 0) + 1
        return True

    def _settings(self, request: SampleRequest) -> SamplingSettings:
        return SamplingSettings(
            self.sampler.name, self.sampler.protocol, self.sampler.params(request), request.condition
        )

    def _ask(self, part: Sequence[tuple[str, SampleRequest]]) -> list[NewSample]:
        requests = [request for _, request in part]
        outcomes = self._ask_batch(requests) if self.sampler.batch_size > 1 else asyncio.run(self._ask_each(requests))
        return [
            NewSample(self._sample(key, request, outcome), self._settings(request))
            for (key, request), outcome in zip(part, outcomes, strict=True)
        ]

    def _ask_batch(self, requests: Sequence[SampleRequest]) -> list[Completion | Broken]:
        started = time.monotonic()
        outcome = guarded(lambda: list(self.sampler.sample_batch(requests)))
        if isinstance(outcome, Broken):
            return [outcome] * len(requests)
        if len(outcome) != len(requests):
            error = TypeError(f"{self.sampler.name}.sample_batch() gave {len(outcome)} for {len(requests)} requests")
            return [Broken(error, "")] * len(requests)
        latency = (time.monotonic() - started) / max(1, len(requests))
        return [c if c.latency is not None or c.failure else replace(c, latency=latency) for c in outcome]

    async def _ask_each(self, requests: Sequence[SampleRequest]) -> list[Completion | Broken]:
        return [await guarded_async(self._ask_one, request) for request in requests]

    async def _ask_one(self, request: SampleRequest) -> Completion:
        started = time.monotonic()
        given = self.sampler.sample(request)
        completion = given if isinstance(given, Completion) else await given
        if completion.latency is None:
            completion = replace(completion, latency=time.monotonic() - started)
        return completion

    def _sample(self, key: str, request: SampleRequest, outcome: Completion | Broken) -> Sample:
        if isinstance(outcome, Broken):
            self.tally.trace = self.tally.trace or outcome.trace
            outcome = Completion(failure=outcome.failure, sampled_at=utc_now())
        told = attribute(outcome)
        failure = outcome.failure
        return Sample(
            key=key,
            checkpoint=request.checkpoint.uri,
            prompt=request.prompt,
            sampler=self.sampler.name,
            epoch=request.epoch,
            condition=request.condition,
            response=told.response,
            thinking=told.thinking,
            state=ThinkingState.ERROR if failure else told.state,
            finish_reason=outcome.finish_reason,
            raw=outcome.text,
            prefill=outcome.prefill,
            usage=outcome.usage,
            max_tokens=outcome.max_tokens,
            latency=outcome.latency,
            failure=Failure(failure.kind, redact(failure.message)) if failure else None,
            sampled_at=outcome.sampled_at or (None if request.recorded else utc_now()),
            extra=outcome.extra,
        )
