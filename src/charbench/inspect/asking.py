"""One checkpoint, asked by the sampler that takes it, in whatever event loop asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import anyio

from charbench.components.base import ComponentKind
from charbench.components.calling import awaited, resolve
from charbench.components.containment import Broken, asked
from charbench.components.sampler import Sampler, SampleRequest
from charbench.concurrency.threads import in_background
from charbench.discovery.register import from_uri, is_uri
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.prompt import Prompt
from charbench.domain.sample import Completion, Sample
from charbench.errors import SamplingError, UnknownNameError, UsageError
from charbench.inspect.session import open_session
from charbench.run.session import Session
from charbench.sampling.ask import Asker
from charbench.sampling.samples import make_sample


class CheckpointModel:
    """A checkpoint of a lab, by its URI or its name in the store, with the options that every request has.

    Raises :class:`charbench.CharbenchError` where there is no such checkpoint, no sampler for it, or no such option.
    """

    def __init__(
        self,
        name: str,
        lab: str = ".",
        store: str | None = None,
        endpoint: str | None = None,
        sampler: str | None = None,
        **options: Any,
    ) -> None:
        self._settings = {"store": store, "endpoint": endpoint, "samplers": [sampler] if sampler else []}
        self._lab, self._options = lab, options
        session = self._open({})
        self.checkpoint = checkpoint_named(session, name)
        (taker,) = session._with(checkpoints=[self.checkpoint.uri]).samplers_for([self.checkpoint])[:1]
        self._sampler_name = taker.name
        self.concurrency = self._made({})[0].limits().concurrency
        self._ready: dict[str, tuple[Sampler, Asker]] = {}
        self._lock = anyio.Lock()
        self._one_by_one = anyio.Lock()

    def _open(self, options: dict[str, Any]) -> Session:
        of_sampler = {f"sampler.{self._sampler_name}": options} if options else {}
        return open_session(self._lab, of_sampler, **self._settings)

    def _made(self, options: dict[str, Any]) -> tuple[Sampler, Session]:
        session = self._open({**self._options, **options})
        made = session.component(ComponentKind.SAMPLER, self._sampler_name)
        assert isinstance(made, Sampler)
        return made, session

    async def ask(self, prompt: Prompt, epoch: int, options: dict[str, Any]) -> Sample:
        """Return the answer to a prompt; raises :class:`charbench.SamplingError` where there is none."""
        async with self._lock:
            sampler, asker = await self._sampler(options)
        request = SampleRequest(checkpoint=self.checkpoint, prompt=prompt, epoch=epoch)
        async with AsyncExitStack() as stack:
            if sampler.batch_size > 1:  # it computes in this process
                await stack.enter_async_context(self._one_by_one)
            outcome = await _answer(sampler, asker, request)
        tags = getattr(sampler.config, "thinking_tags", ())
        sample = make_sample(sampler.name, prompt.key, request, outcome, tags)
        if sample.failure is not None and sample.state.value == "error":
            raise SamplingError(f"{self.checkpoint.uri}: {sample.failure.message}", kind=sample.failure.kind)
        return sample

    async def _sampler(self, options: dict[str, Any]) -> tuple[Sampler, Asker]:
        """Return the sampler with these options, ready."""
        key = repr(sorted(options.items()))
        if key not in self._ready:
            sampler, session = self._made(options)
            await awaited(sampler.prepare(session.config.lab.resolve(), session.config.folder.resolve()))
            limits = resolve(sampler, sampler.limits())
            self._ready[key] = sampler, Asker(sampler, limits, lambda: False, lambda *_: None)
        return self._ready[key]

    async def aclose(self) -> None:
        """Close what was opened."""
        ready, self._ready = self._ready, {}
        for sampler, _ in ready.values():
            await awaited(sampler.aclose())


async def _answer(sampler: Sampler, asker: Asker, request: SampleRequest) -> Completion:
    if sampler.batch_size > 1:
        call: Callable[[], Any] = partial(asked, f"sampler {sampler.name}", sampler.sample_batch, [request])
        given = await asyncio.wrap_future(in_background(call, f"sampler-{sampler.name}"))
        (completion,) = await awaited(given)
        assert isinstance(completion, Completion)
        return completion
    outcome = (await asker.ask(request)).outcome
    if isinstance(outcome, Broken):
        raise outcome.error
    if outcome is None:
        raise SamplingError(f"{request.checkpoint.uri} was not asked: it has failed too often in a row")
    return outcome


def checkpoint_named(session: Session, name: str) -> Checkpoint:
    """Return the checkpoint of this URI, or the only one of this name in the store; raises where there is none."""
    from charbench.store.findings import read_checkpoints

    known: list[Checkpoint] = []
    if session.has_store:
        with session.existing_database(read_only=True).read() as connection:
            known = read_checkpoints(connection)
        session.close()
    found = [checkpoint for checkpoint in known if checkpoint.matches(name) and checkpoint.sampleable]
    if len(found) > 1:
        uris = ", ".join(checkpoint.uri for checkpoint in found[:5])
        raise UsageError(f"checkpoint {name!r} is {len(found)} checkpoints; name one by its URI: {uris}")
    if found:
        return found[0]
    if not is_uri(name):
        raise UnknownNameError("checkpoint", name, [checkpoint.name for checkpoint in known if checkpoint.sampleable])
    made = from_uri(name)
    if not made.sampleable:
        raise UsageError(f"{name} is a training state (weights/) and cannot be sampled; name its sampler weights")
    return made
