"""Samplers: how a checkpoint is sampled."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from charbench.components.base import Component, ComponentKind
from charbench.components.calling import resolve, takes
from charbench.components.endpoint import Endpoint
from charbench.components.limits import Limits
from charbench.components.perturbation import Perturbation, variants_of
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.dataset import RecordedSample
from charbench.domain.keys import digest
from charbench.domain.prompt import Prompt
from charbench.domain.sample import DEFAULT_CONDITION, Completion


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRequest:
    """One request: a prompt for a checkpoint, for the ``epoch``-th time.

    ``recorded`` is set where the answer is known already; ``key`` where the sample's key is.
    """

    checkpoint: Checkpoint
    prompt: Prompt
    epoch: int = 0
    condition: str = DEFAULT_CONDITION
    recorded: RecordedSample | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """What a run wants sampled.

    ``checkpoints`` are those selected that can be sampled; ``prompts_for`` holds each one's prompts by its
    URI; ``recordings`` yields the recorded samples of the run's sources, anew at each call.
    """

    checkpoints: Sequence[Checkpoint]
    prompts_for: dict[str, Sequence[Prompt]]
    epochs: int = 1
    recorded: Iterable[RecordedSample] = field(default_factory=tuple)
    perturbations: Sequence[Perturbation] = ()

    def there(self) -> Iterator[Checkpoint]:
        """Yield the checkpoints that can be asked; of those that are gone there may be recordings yet."""
        return (checkpoint for checkpoint in self.checkpoints if not checkpoint.missing_since)

    def questions(self, uri: str) -> Iterator[tuple[str, Prompt]]:
        """Yield (condition, prompt) for a checkpoint: its prompts, then each perturbation's variants of them."""
        prompts = self.prompts_for.get(uri, ())
        for prompt in prompts:
            yield DEFAULT_CONDITION, prompt
        for perturbation in self.perturbations:
            for prompt in prompts:
                for name, variant in variants_of(perturbation, prompt):
                    yield f"{perturbation.name}:{name}", variant

    def recordings(self) -> Iterator[RecordedSample]:
        """Yield the recorded samples of the selected checkpoints."""
        return iter(self.recorded)


def sample_key(
    identity: str,
    prompt: str,
    params: Mapping[str, Any],
    condition: str,
    sampler: str,
    version: int,
    epoch: int,
    recording: str | None = None,
) -> str:
    """Return a sample's key: a hash of all that decides its content (``prompt`` is the prompt's key)."""
    return digest(identity, prompt, params, condition, sampler, version, epoch, recording)


class Sampler(Component):
    """Samples a checkpoint and returns the completion as the server gave it; never parses thinking."""

    kind: ClassVar[ComponentKind] = ComponentKind.SAMPLER
    version: ClassVar[int] = 1
    """Increase this when the same request would now be sent differently: it is then sampled again.

    Where only a plugin's files have changed, its samples stay, and reports say so.
    """
    batch_size: ClassVar[int] = 1
    """How many requests :meth:`sample_batch` takes at once; above 1 for models in this process, and for batch APIs."""
    costs_money: ClassVar[bool] = True
    """Whether answers are paid for: ``--max-cost`` and the dry run count them. False for recordings and own models."""

    @property
    def epochs_at_once(self) -> int:
        """How many epochs of one question :meth:`sample_epochs` takes at once; 1: there is no such request."""
        return 1

    def accepts(self, checkpoint: Checkpoint) -> bool:
        """Return whether this sampler can sample ``checkpoint`` (decided by its URI, without a request).

        A sampler that does not override this accepts whatever can be sampled, and is used only where it is named.
        """
        return checkpoint.sampleable

    def limits(self) -> Limits:
        """Return how the engine is to treat the endpoint: by the options of :class:`EndpointConfig`, if any."""
        return Limits.of(self.config)

    def requests(self, plan: SamplingPlan) -> Iterable[SampleRequest]:
        """Yield what to sample: each checkpoint with each of its prompts, ``epochs`` times.

        Override where something else decides, as recordings do.
        """
        together = self.epochs_at_once
        for checkpoint in plan.there():
            if not takes(self, checkpoint):
                continue
            for begin in range(0, plan.epochs, together):
                epochs = range(begin, min(begin + together, plan.epochs))
                for condition, prompt in plan.questions(checkpoint.uri):
                    for epoch in epochs:
                        yield SampleRequest(checkpoint=checkpoint, prompt=prompt, epoch=epoch, condition=condition)

    def sample(self, request: SampleRequest) -> Completion | Awaitable[Completion]:
        """Ask once. Raise :class:`charbench.SamplingError` when there is no answer."""
        raise NotImplementedError

    def sample_epochs(
        self, requests: Sequence[SampleRequest]
    ) -> Sequence[Completion] | Awaitable[Sequence[Completion]]:
        """Send one request for several epochs of one prompt; called only where ``epochs_at_once`` is above 1.

        A server may give fewer answers (the rest is then asked one by one) or more (they are paid for, and not
        kept), but not none. Faults are raised as in :meth:`sample`.
        """
        raise NotImplementedError

    def sample_batch(self, requests: Sequence[SampleRequest]) -> Sequence[Completion] | Awaitable[Sequence[Completion]]:
        """Sample many requests at once, in the order given; called only where ``batch_size`` is above 1."""
        raise NotImplementedError

    def identity(self, checkpoint: Checkpoint) -> str:
        """Return what makes the checkpoint itself: its URI, or endpoint and model for served ones."""
        return checkpoint.uri

    def endpoint_of(self, checkpoint: Checkpoint) -> Endpoint | None:
        """Return the endpoint that is part of this checkpoint's identity (``ModelClient.endpoint``); None: none is.

        Override it together with :meth:`identity_at` where the checkpoint is a model that a server calls by a name: a
        run then stops before it asks another server than before, and results are kept when the server is renamed.
        """
        return None

    def identity_at(self, checkpoint: Checkpoint, endpoint: str) -> str:
        """Return the identity that the checkpoint has, or had, at an endpoint of this name or URL."""
        return checkpoint.uri

    def params(self, request: SampleRequest) -> dict[str, Any]:
        """Return what, besides prompt and checkpoint, decides the answer: it enters the sample's key.

        The default is every option of the sampler that is not operational.
        """
        return resolve(self, self.content_config())

    def key(self, request: SampleRequest) -> str:
        """Return the sample's key: two requests with one key are one sample, asked once."""
        if request.key:
            return request.key
        recording = request.recorded.identity if request.recorded else None
        identity, params = resolve(self, self.identity(request.checkpoint)), resolve(self, self.params(request))
        return sample_key(
            identity, request.prompt.key, params, request.condition, self.name, self.version, request.epoch, recording
        )
