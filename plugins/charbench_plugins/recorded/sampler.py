"""Plays recorded samples back: each recording is sampled once, as itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from charbench import Completion, DelimitersConfig, Sampler, SampleRequest, SamplingError, SamplingPlan


class RecordedSampler(Sampler):
    """Replays recorded samples; sends no requests."""

    name = "recorded"
    is_default = True
    batch_size = 500
    costs_money = False

    class Config(DelimitersConfig):
        """How thinking is delimited in responses that hold it."""

    def requests(self, plan: SamplingPlan) -> Iterable[SampleRequest]:
        """Yield one request for each recording of the selected checkpoints."""
        checkpoints = {checkpoint.uri: checkpoint for checkpoint in plan.checkpoints}
        for recording in plan.recordings():
            if (checkpoint := checkpoints.get(recording.checkpoint)) is not None:
                yield SampleRequest(
                    checkpoint=checkpoint,
                    prompt=recording.prompt,
                    epoch=recording.epoch,
                    condition=recording.condition,
                    recorded=recording,
                    key=recording.key,
                )

    def params(self, request: SampleRequest) -> dict[str, Any]:
        """Return nothing: what decided a recording is not known."""
        return {}

    def sample(self, request: SampleRequest) -> Completion:
        """Return the recording."""
        if request.recorded is None:
            raise SamplingError("no recording for this prompt", kind="not_recorded")
        return request.recorded.completion

    def sample_batch(self, requests: Sequence[SampleRequest]) -> Sequence[Completion]:
        """Return the recordings."""
        return [self.sample(request) for request in requests]
