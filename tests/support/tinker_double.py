"""A double of Tinker's service, in place of ``tinker.ServiceClient``: what goes in and out are the SDK's own types.

For what no server on a desk can do (TTL, metadata, refusals at a chosen moment) and for counting. Whether charbench
and a real server understand each other is tested against a real one, in ``tests/peers``.

Its weights are a history: which rows each optimizer step has seen. So a test can say what final weights were made
of, whatever crashed in between. The more steps, the likelier each token.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tinker import types

BASE_MODEL = "tiny/Qwen3-nano"
Fault = Callable[[str, int], None]
"""Called before each call with its name and how many there were before; raises what the call is to raise."""


@dataclass(frozen=True, slots=True)
class Step:
    """One optimizer step: the requests whose gradients it took, each a tuple of rows, and Adam's parameters."""

    requests: tuple[tuple[tuple[int, ...], ...], ...]
    adam: types.AdamParams

    @property
    def rows(self) -> list[tuple[int, ...]]:
        """Return the tokens of each row, of all requests together."""
        return [row for request in self.requests for row in request]


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights by their history; ``optimizer_steps`` is what the optimizer remembers."""

    history: tuple[Step, ...] = ()
    optimizer_steps: int = 0


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved under a path, and with which words."""

    weights: Weights
    ttl_seconds: int | None
    user_metadata: dict[str, str] | None


class Later:
    """A future of the SDK's: what it stands for is there ``seconds`` after it was asked for."""

    def __init__(self, make: Callable[[], Any], seconds: float = 0.0) -> None:
        self._make, self._ready = make, time.monotonic() + seconds

    def result(self, timeout: float | None = None) -> Any:
        if (left := self._ready - time.monotonic()) > 0:
            time.sleep(left)
        return self._make()


@dataclass
class TinkerDouble:
    """The account: what is saved, what was asked, and what goes wrong.

    ``futures``: whether ``create_*`` gives a future of the client (from 0.38 on) or the client itself. ``latency``
    is the time in seconds from a call to its result.
    """

    futures: bool = True
    latency: float = 0.0
    metadata_of_saves: bool = True
    fault: Fault = lambda _name, _count: None
    answer: Callable[[str, list[int]], list[int]] = lambda _path, prompt: prompt[-3:]
    saved: dict[str, Saved] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    sessions: list[dict[str, str]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    projects: list[str | None] = field(default_factory=list)
    run_metadata: list[dict[str, str] | None] = field(default_factory=list)
    prompts: list[tuple[str, list[int], types.SamplingParams]] = field(default_factory=list)
    data: list[types.Datum] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _runs: int = 0

    def service(
        self, *, api_key: str | None, base_url: str | None = None, user_metadata: Any = None, project_id: Any = None
    ) -> DoubleService:
        """Stand in for the class ``tinker.ServiceClient``."""
        assert api_key is None or api_key.startswith(("tml-", "eyJ"))
        self.called("ServiceClient")
        self.keys.append(api_key)
        self.projects.append(project_id)
        self.sessions.append(dict(user_metadata or {}))
        return DoubleService(self)

    def called(self, name: str) -> None:
        """Note a call; raise what it is to raise."""
        with self._lock:
            count = Counter(self.calls)[name]
            self.calls.append(name)
        self.fault(name, count)

    def later(self, make: Callable[[], Any]) -> Later:
        return Later(make, self.latency)

    def client(self, make: Callable[[], Any]) -> Any:
        return Later(make) if self.futures else make()

    def new_run(self) -> str:
        with self._lock:
            self._runs += 1
            return f"{self._runs:08x}-0000-4000-8000-{self._runs:012x}:train:0"

    def add(self, uri: str, weights: Weights | None = None) -> None:
        """Put weights under a path."""
        self.saved[uri] = Saved(weights or Weights(), None, None)

    def weights(self, uri: str) -> Weights:
        return self.saved[uri].weights


class DoubleService:
    """In place of ``tinker.ServiceClient``."""

    def __init__(self, double: TinkerDouble) -> None:
        self._double = double

    def create_training_client_from_state(self, path: str, base_model: Any = None, user_metadata: Any = None) -> Any:
        self._double.called("create_training_client_from_state")
        return self._double.client(lambda: self._load(path, user_metadata, optimizer=False))

    def create_training_client_from_state_with_optimizer(
        self, path: str, base_model: Any = None, user_metadata: Any = None
    ) -> Any:
        self._double.called("create_training_client_from_state_with_optimizer")
        return self._double.client(lambda: self._load(path, user_metadata, optimizer=True))

    def create_sampling_client(self, model_path: str | None = None, base_model: str | None = None) -> Any:
        self._double.called("create_sampling_client")
        return self._double.client(lambda: DoubleSampling(self._double, model_path or str(base_model)))

    def _load(self, path: str, user_metadata: Any, *, optimizer: bool) -> DoubleTraining:
        weights = self._double.saved[path].weights
        self._double.run_metadata.append(user_metadata)
        kind = DoubleTraining if self._double.metadata_of_saves else OldTraining
        return kind(self._double, weights if optimizer else replace(weights, optimizer_steps=0))


class DoubleTraining:
    """In place of ``tinker.TrainingClient``, with the signatures of 0.38."""

    def __init__(self, double: TinkerDouble, weights: Weights) -> None:
        self._double, self._weights, self._run = double, weights, double.new_run()
        self._gradients: list[tuple[tuple[int, ...], ...]] = []
        self._lock = threading.Lock()

    def forward_backward(self, data: list[types.Datum], loss_fn: str, loss_fn_config: Any = None) -> Later:
        assert loss_fn == "cross_entropy"
        self._double.called("forward_backward")
        with self._lock:
            self._double.data.extend(data)
            self._gradients.append(tuple(tuple(datum.model_input.to_ints()) for datum in data))
            logprob = -4.0 / (1 + len(self._weights.history))
        outputs = []
        for datum in data:
            length = datum.model_input.length
            outputs.append({"logprobs": types.TensorData(data=[logprob] * length, dtype="float32", shape=[length])})
        return self._double.later(
            lambda: types.ForwardBackwardOutput(loss_fn_output_type="ArrayRecord", loss_fn_outputs=outputs, metrics={})
        )

    def optim_step(self, optim_params: types.AdamParams | None = None, *, adam_params: Any = None) -> Later:
        assert isinstance(optim_params, types.AdamParams)
        self._double.called("optim_step")
        with self._lock:
            step = Step(tuple(self._gradients), optim_params)
            self._gradients = []
            self._weights = Weights((*self._weights.history, step), self._weights.optimizer_steps + 1)
        return self._double.later(types.OptimStepResponse)

    def save_state(
        self, name: str, ttl_seconds: int | None = None, overwrite: bool = False, user_metadata: Any = None
    ) -> Later:
        self._double.called("save_state")
        path = f"tinker://{self._run}/weights/{name}"
        return self._save(path, types.SaveWeightsResponse, ttl_seconds, user_metadata)

    def save_weights_for_sampler(self, name: str, ttl_seconds: int | None = None, user_metadata: Any = None) -> Later:
        self._double.called("save_weights_for_sampler")
        path = f"tinker://{self._run}/sampler_weights/{name}"
        return self._save(path, types.SaveWeightsForSamplerResponse, ttl_seconds, user_metadata)

    def get_info(self) -> types.GetInfoResponse:
        self._double.called("get_info")
        data = {"model_name": BASE_MODEL, "arch": "qwen3", "tokenizer_id": BASE_MODEL}
        return types.GetInfoResponse.model_validate({"model_data": data, "model_id": self._run})

    def get_tokenizer(self) -> Any:
        self._double.called("get_tokenizer")
        raise OSError("We couldn't connect to the hub to load this file")

    def _save(self, path: str, answer: Any, ttl_seconds: int | None, user_metadata: Any) -> Later:
        assert path not in self._double.saved, "Tinker refuses a name that exists"
        self._double.saved[path] = Saved(self._weights, ttl_seconds, user_metadata)
        return self._double.later(lambda: answer(path=path))


class OldTraining(DoubleTraining):
    """With the signatures of 0.24: single saves take no metadata."""

    def optim_step(self, adam_params: types.AdamParams) -> Later:  # type: ignore[override]
        return super().optim_step(adam_params)

    def save_state(self, name: str, ttl_seconds: int | None = None, overwrite: bool = False) -> Later:  # type: ignore[override]
        return super().save_state(name, ttl_seconds, overwrite)

    def save_weights_for_sampler(self, name: str, ttl_seconds: int | None = None) -> Later:  # type: ignore[override]
        return super().save_weights_for_sampler(name, ttl_seconds)


class DoubleSampling:
    """In place of ``tinker.SamplingClient``."""

    def __init__(self, double: TinkerDouble, path: str) -> None:
        self._double, self._path = double, path

    def sample(self, prompt: types.ModelInput, num_samples: int, sampling_params: types.SamplingParams) -> Later:
        self._double.called("sample")
        ids = prompt.to_ints()
        self._double.prompts.append((self._path, ids, sampling_params))
        return self._double.later(lambda: _sampled([self._double.answer(self._path, ids) for _ in range(num_samples)]))

    def get_tokenizer(self) -> Any:
        raise OSError("We couldn't connect to the hub to load this file")


def _sampled(answers: Sequence[Sequence[int]]) -> types.SampleResponse:
    import numpy as np

    sequences: list[Any] = [
        types.SampledSequence(stop_reason="stop", sequence_id="s", tokens_np=np.array(tokens, dtype=np.int32))
        for tokens in answers
    ]
    return types.SampleResponse(sequences=sequences)
