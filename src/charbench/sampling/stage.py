"""The sample stage: asks samplers for what is wanted and not there yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sqlalchemy.engine import Connection

from charbench.components.calling import resolve
from charbench.components.containment import Broken, guarded
from charbench.components.lifecycle import Lifecycle
from charbench.components.sampler import Sampler, SampleRequest
from charbench.components.source_digest import source_digest
from charbench.concurrency.interrupt import StopSignal
from charbench.concurrency.progress import Figures, Progress
from charbench.domain.checkpoint import Checkpoint, Kind
from charbench.domain.sample import DEFAULT_CONDITION, Completion, ThinkingState, Usage
from charbench.sampling.ask import Asker, AskResult, sample_with_follow_ups
from charbench.sampling.cost import Spending
from charbench.sampling.question_queue import QuestionQueue
from charbench.sampling.requests import Keyed, by_question
from charbench.sampling.samples import make_sample
from charbench.sampling.tally import SampleTally
from charbench.store.asked import NO_PERSONA, note_asked, note_asked_again
from charbench.store.claims import claim, release
from charbench.store.code_versions import adopt_samples
from charbench.store.database import Database
from charbench.store.dialect import chunks
from charbench.store.digest_map import DigestMap
from charbench.store.group_commit import Commits
from charbench.store.reattribution import reopen_cut_replies, split_again, uris_of_groups
from charbench.store.samples import (
    STAGE,
    NewSample,
    SampleWriter,
    SamplingSettings,
    failed_samples,
    present_samples,
)
from charbench.store.served_models import APART, stored_samples
from charbench.store.writer import Writer

_TEMPLATE_OPENS = (
    "other replies close a block of thinking that they never opened, so the chat template opens it: {count:,} replies "
    "that the token limit cut without any tag are thinking, and no responses"
)
_SPLIT_AGAIN = (
    "thinking and response of {count:,} stored replies are split by the delimiters now in the option "
    "thinking_tags, and scored again"
)
BATCH = 500
AHEAD_FROM = 16
"""From so many requests in flight on, the next one is sent while the last answer is being written.

Else all wait for the same transaction, are sent together, and come back together, and meanwhile nobody is asked.
With fewer, what is asked and not stored is never more than may be in flight.
"""
WAIT_SECONDS = 0.5
"""Between looks at what another run is sampling."""


@dataclass(slots=True)
class SampleStage:
    """One sampler at work for one run."""

    database: Database
    writer: Writer
    run_id: int
    sampler: Sampler
    lifecycle: Lifecycle
    stop: StopSignal
    retry: Sequence[str] = ()
    """Kinds of failure that are tried again when a sample failed in an earlier run."""
    spending: Spending = field(default_factory=Spending)
    batch: int = BATCH
    """Requests that are planned and claimed together."""
    rescue: Callable[[Sequence[NewSample]], None] | None = None
    """Keeps samples that the store does not take."""
    tally: SampleTally = field(default_factory=SampleTally)
    recorded_rows: dict[str, DigestMap] = field(default_factory=dict)
    """By file and key: a digest of what the recorded row says, the first of several."""
    recorded_also: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """By file and key: digests of further rows of that key that say something else."""
    _asked: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """By the sampling's key and persona: the prompts that this run asks for."""
    _asked_noted: bool = True
    _asked_whole: bool = True
    _asks: bool = False
    """Whether anything was this run's to sample."""
    _rows: SampleWriter = field(init=False)
    _kept_apart: dict[str, str | None] = field(default_factory=dict)
    """By URI: what keeps a checkpoint's samples apart from those of another endpoint."""
    _elsewhere: bool = False
    _broken: bool = False
    _failed_keys: set[str] = field(default_factory=set)
    _planned_uris: set[str] = field(default_factory=set)
    _settings_of: dict[str, SamplingSettings] = field(default_factory=dict)
    """The settings of what this run is to sample, and has not handed to the store yet, by key."""
    _last_settings: tuple[str, SamplingSettings] | None = None
    """Those of the last request, spelled out: the next one's are seldom others, and to hash them takes as long."""
    _code: str | None = field(init=False)
    """A digest of the sampler's source files, where it is a plugin's."""
    _adopted: set[str] = field(default_factory=set)
    """Keys of the samplings whose earlier samples count as made by this code, where nobody knows better."""

    def __post_init__(self) -> None:
        self._rows = SampleWriter(self.run_id)
        self._code = source_digest(type(self.sampler))

    def run(self, requests: Iterable[SampleRequest], progress: Progress) -> SampleTally:
        """Sample what is not there; wait for what another run is at, and take over what it drops."""
        asker = Asker(self.sampler, resolve(self.sampler, self.sampler.limits()), self._stopping, self._answered)
        endpoint = asker if self.sampler.batch_size == 1 else None
        progress.watch(lambda: Figures(self.tally.failed, endpoint.in_flight if endpoint else None))
        while True:
            self._elsewhere = False
            self.tally.wanted = 0
            self.tally.faults.left.clear()
            planned = self._planned(requests, progress)
            if self.sampler.batch_size > 1:
                todo = (one for groups in planned for group in groups for one in group if not self._stopping())
                self._run_batches(todo, progress)
            else:
                self.lifecycle.run(self._run_endpoint(planned, asker, progress))
            self.writer.flush()
            self._reopen()
            self._split_again()
            if not self._elsewhere or self._stopping():
                return self.tally
            time.sleep(WAIT_SECONDS)

    def _reopen(self) -> None:
        """Make thinking of replies that were cut inside a block which the chat template opened."""
        if getattr(self.sampler.config, "template_opens", None) is not None or not self.tally.taken:
            return
        self.writer.put(self._reopen_in)
        self.writer.flush()

    def _reopen_in(self, connection: Connection) -> None:
        changed = reopen_cut_replies(connection, self._rows.group_ids)
        for uri, count in uris_of_groups(connection, changed).items():
            self.tally.remarks[uri, _TEMPLATE_OPENS.format(count=count)] += 1

    def _split_again(self) -> None:
        """Tell stored replies apart by the further delimiters of the sampler's option, where these are new."""
        if (tags := getattr(self.sampler.config, "thinking_tags", None)) is None or not self._planned_uris:
            return
        self.writer.put(partial(self._split_again_in, tags=tags))
        self.writer.flush()

    def _split_again_in(self, connection: Connection, tags: Sequence[str]) -> None:
        changed = split_again(connection, self.run_id, self.sampler.name, sorted(self._planned_uris), tags)
        for uri, count in uris_of_groups(connection, changed).items():
            self.tally.remarks[uri, _SPLIT_AGAIN.format(count=count)] += 1

    def _stopping(self) -> bool:
        return self.stop.requested or self.spending.is_over or self._broken or self.writer.fault is not None

    def _planned(self, requests: Iterable[SampleRequest], progress: Progress) -> Iterator[list[Sequence[Keyed]]]:
        """Yield what is this run's to sample, claimed batch by batch."""
        for batch in chunks(requests, self.batch):
            self.tally.wanted += len(batch)
            self._planned_uris.update(request.checkpoint.uri for request in batch)
            keyed = {resolve(self.sampler, self.sampler.key(request)): request for request in batch}
            settings = {key: self._settings(request) for key, request in keyed.items()}
            self._note_asked(keyed, settings)
            self._note_rows(keyed)
            self._adopt({one.key for one in settings.values()})
            # One that is in flight is claimed already, by this run: the same recorded row in a copy of its file.
            asked = [key for key in keyed if key not in self._settings_of]
            claimed = claim(self.database, STAGE, self.run_id, asked, self._present)
            self._elsewhere |= claimed.elsewhere > 0
            self._note_left(keyed, set(claimed.mine))
            self._asks |= bool(claimed.mine)
            self._write_asked(whole=len(batch) < self.batch)
            progress.skip(len(batch) - len(claimed.mine) - claimed.elsewhere)
            mine = [(key, keyed[key]) for key in claimed.mine if key not in self._failed_keys]
            self._settings_of.update((key, settings[key]) for key, _ in mine)
            if self._stopping():
                return
            yield list(by_question(mine, self.sampler.epochs_at_once))
        self._write_asked(whole=True)

    def _present(self, connection: Connection, keys: Sequence[str]) -> set[str]:
        return present_samples(connection, keys, self.retry)

    def _note_left(self, keyed: Mapping[str, SampleRequest], mine: set[str]) -> None:
        """Count the samples that failed in an earlier run and are not this run's to try again.

        What is recorded as failed is what the recording says, and no failure of ours.
        """
        keys = [key for key, request in keyed.items() if key not in mine and not self._recorded(request)]
        keys = [key for key in keys if key not in self._failed_keys]
        if keys:
            with self.database.read() as connection:
                found = failed_samples(connection, keys)
            self.tally.faults.left.update((kind, message) for _, kind, message in found if kind not in self.retry)

    def _note_asked(self, keyed: Mapping[str, SampleRequest], settings: Mapping[str, SamplingSettings]) -> None:
        """Remember which prompts are asked of which persona's checkpoints; recordings are not asked for."""
        for key, request in keyed.items():
            if request.condition != DEFAULT_CONDITION or self._recorded(request):
                continue
            checkpoint = request.checkpoint
            persona = NO_PERSONA if checkpoint.kind is Kind.BASE else checkpoint.persona or NO_PERSONA
            mine = self._asked.setdefault(settings[key].key, {}).setdefault(persona, set())
            self._asked_noted &= request.prompt.key in mine
            mine.add(request.prompt.key)

    def _adopt(self, samplings: set[str]) -> None:
        """Take samples that were made by nobody knows which version of the sampler's code for this one's."""
        if self._code is not None and (fresh := samplings - self._adopted):
            self._adopted |= fresh
            self.writer.put(partial(adopt_samples, keys=fresh, code=self._code))

    def _note_rows(self, keyed: Mapping[str, SampleRequest]) -> None:
        """Remember what recorded rows say, by file."""
        for key, request in keyed.items():
            row = request.recorded
            if row is not None and row.source_file and row.row_digest:
                rows = self.recorded_rows.setdefault(row.source_file, DigestMap())
                if rows.setdefault(key, row.row_digest) != row.row_digest:
                    self.recorded_also.setdefault(row.source_file, {}).setdefault(key, set()).add(row.row_digest)

    def _write_asked(self, *, whole: bool) -> None:
        """Note with the run what it asks for, once it has something to sample and whenever there is more.

        ``whole``: there is no more. A run that is stopped before then has asked for a part of what it was to ask.
        """
        if not self._asks:
            if whole and self._asked:
                again = {sampling: {**by_persona} for sampling, by_persona in self._asked.items()}
                self.writer.put(partial(note_asked_again, run_id=self.run_id, asked=again))
            return
        if self._asked_noted and (not whole or self._asked_whole):
            return
        self._asked_noted, self._asked_whole = True, whole
        for sampling, by_persona in self._asked.items():
            frozen = {persona: sorted(keys) for persona, keys in by_persona.items()}
            self.writer.put(partial(note_asked, run_id=self.run_id, sampling=sampling, by_persona=frozen, whole=whole))

    def _settings(self, request: SampleRequest) -> SamplingSettings:
        params = resolve(self.sampler, self.sampler.params(request))
        if (apart := self._apart(request.checkpoint)) and APART not in params:
            params = {**params, APART: apart}
        said, last = f"{request.condition} {params!r}", self._last_settings
        if last is None or last[0] != said:
            made = SamplingSettings(self.sampler.name, self.sampler.version, params, request.condition, self._code)
            last = self._last_settings = said, made
        return last[1]

    def _apart(self, checkpoint: Checkpoint) -> str | None:
        """Return what keeps a served model's samples apart from those that another endpoint gave before."""
        if checkpoint.uri not in self._kept_apart:
            endpoint = self.sampler.endpoint_of(checkpoint)
            apart = None
            if endpoint is not None:
                with self.database.read() as connection:
                    apart = stored_samples(connection, self.sampler, checkpoint, endpoint).apart(endpoint)
            self._kept_apart[checkpoint.uri] = apart
        return self._kept_apart[checkpoint.uri]

    # A model in this process: many at once, one batch after the other.

    def _run_batches(self, todo: Iterator[Keyed], progress: Progress) -> None:
        for part in chunks(todo, self.sampler.batch_size):
            outcomes = self._ask_batch([request for _, request in part])
            new = []
            for (key, request), outcome in zip(part, outcomes, strict=True):
                if isinstance(outcome, Completion):
                    self._paid(request.checkpoint, outcome.usage)
                    if not self._recorded(request):
                        self.spending.count(outcome.usage, requests=0)
                new.append(self._new(key, request, AskResult(outcome)))
            rescue = None if self.rescue is None else partial(self.rescue, new)
            self.writer.put(partial(self.write, new=new), rescue)
            progress.advance(len(part))

    def _ask_batch(self, requests: Sequence[SampleRequest]) -> Sequence[Completion | Broken]:
        started = time.monotonic()
        outcome = guarded(lambda: sample_with_follow_ups(self.sampler, requests))
        if isinstance(outcome, Broken):
            return [outcome] * len(requests)
        latency = (time.monotonic() - started) / max(1, len(requests))
        return [c if c.latency is not None or self._recorded(r) else replace(c, latency=latency)
                for c, r in zip(outcome, requests, strict=True)]  # fmt: skip

    @staticmethod
    def _recorded(request: SampleRequest) -> bool:
        return request.recorded is not None

    # An endpoint: as many requests in flight as it may have.

    async def _run_endpoint(self, planned: Iterator[list[Sequence[Keyed]]], asker: Asker, progress: Progress) -> None:
        in_flight = asker.limits.concurrency
        ahead = in_flight if in_flight >= AHEAD_FROM else 0
        commits = Commits(self.writer, self.write, self.rescue, adders=in_flight, ahead=ahead)
        todo = QuestionQueue(
            planned, asker.enter, workers=in_flight, one_by_one=asker.limits.checkpoint_delay > 0,
            ahead=min(in_flight, self.batch // 4), most_held=self.batch, stopping=self._stopping,
        )  # fmt: skip
        asker.begin(todo.freed)
        workers = (self._worker(todo, asker, commits, progress) for _ in range(in_flight))
        # What is in flight is waited for, whatever becomes of one worker: it is paid for.
        ended = [*await asyncio.gather(*workers, return_exceptions=True)]
        ended += await asyncio.gather(commits.flush(), todo.end(), return_exceptions=True)
        if broken := next((one for one in ended if one is not None), None):
            raise broken
        self.tally.faults.given_up = {uri: b.reason for uri, b in asker.breakers.items() if b.reason}

    async def _worker(self, todo: QuestionQueue, asker: Asker, commits: Commits[NewSample], progress: Progress) -> None:
        try:
            await self._work(todo, asker, commits, progress)
        except BaseException:
            self._broken = True  # the others end with what they have in flight
            raise
        finally:
            todo.hand_out()  # those who wait see that the run stops

    async def _work(self, todo: QuestionQueue, asker: Asker, commits: Commits[NewSample], progress: Progress) -> None:
        """Ask one question after the other: the next when the last is in the store, or soon will be.

        So a killed process loses no more than what was in flight, and the answers that were being written.
        """
        take = partial(self._take, asker, commits, progress)
        while (group := await todo.next()) is not None and not self._stopping():
            if len(group) == 1:
                await take(*group[0], has_place=True)
                continue
            given: list[AskResult | None] = [*await asker.ask_together([request for _, request in group])]
            given += [None] * (len(group) - len(given))
            await asyncio.gather(
                *(take(key, request, first) for (key, request), first in zip(group, given, strict=True))
            )

    async def _take(
        self,
        asker: Asker,
        commits: Commits[NewSample],
        progress: Progress,
        key: str,
        request: SampleRequest,
        first: AskResult | None = None,
        *,
        has_place: bool = False,
    ) -> None:
        """Take one sample, from its first answer on if that is there, and hand it to the store."""
        answer = await asker.ask(request, first, has_place=has_place)
        if answer.outcome is not None:
            await commits.add(self._new(key, request, answer))
            progress.advance(1)
        elif asker.breaker(request.checkpoint.uri).reason:
            self.tally.skipped += 1
            self.tally.faults.skipped[request.checkpoint.uri] += 1
            self.writer.put(partial(release, stage=STAGE, run_id=self.run_id, items=[key]))

    def _new(self, key: str, request: SampleRequest, answer: AskResult) -> NewSample:
        assert answer.outcome is not None
        if isinstance(answer.outcome, Broken):
            self.tally.trace = self.tally.trace or answer.outcome.trace
        tags = getattr(self.sampler.config, "thinking_tags", ())
        sample = make_sample(self.sampler.name, key, request, answer.outcome, tags)
        if isinstance(answer.outcome, Completion):
            self.tally.remark(sample, answer.outcome.remarks)
        if sample.state is ThinkingState.ERROR and sample.failure is not None and not self._recorded(request):
            self.tally.failed += 1
            self._failed_keys.add(sample.key)
            self.tally.faults.failed[sample.failure.message, sample.checkpoint] += 1
        row = request.recorded
        return NewSample(
            sample, self._settings_of[key], answer.failed_tries,
            row.source_file if row else None, row.row_digest if row else None,
        )  # fmt: skip

    def _answered(self, checkpoint: Checkpoint, usage: Usage) -> None:
        """Count a request and its tokens."""
        self.spending.count(usage)
        self._paid(checkpoint, usage)

    def _paid(self, checkpoint: Checkpoint, usage: Usage) -> None:
        """Count the tokens of a sample."""
        self.tally.prompt_tokens += usage.prompt_tokens or 0
        self.tally.completion_tokens += usage.completion_tokens or 0
        if self.sampler.costs_money:
            self.tally.cost += self.spending.add(checkpoint, usage)

    def write(self, connection: Connection, new: Sequence[NewSample]) -> None:
        """Add samples to the store, in the writer's thread."""
        added = self._rows.add(connection, new)
        for one in new:  # their claims are let go of: not earlier, or this run could claim them anew
            self._settings_of.pop(one.sample.key, None)
        failed = sum(one.sample.key in self._failed_keys for one in new) if self._failed_keys else 0
        self.tally.taken += max(0, added - failed)
