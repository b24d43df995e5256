"""Makes a sample of what a sampler gave."""

from __future__ import annotations

from charbench.boundary import Broken
from charbench.components.sampler import SampleRequest
from charbench.domain.sample import Completion, Failure, Sample, ThinkingState
from charbench.redaction import redact
from charbench.store.runs import utc_now
from charbench.thinking import attribute


def make_sample(sampler: str, key: str, request: SampleRequest, outcome: Completion | Broken) -> Sample:
    """Tell the channels apart, and keep what the server gave; a failure becomes data."""
    if isinstance(outcome, Broken):
        outcome = Completion(failure=outcome.failure, sampled_at=utc_now())
    told = attribute(outcome)
    failure = outcome.failure
    return Sample(
        key=key,
        checkpoint=request.checkpoint.uri,
        prompt=request.prompt,
        sampler=sampler,
        epoch=request.epoch,
        condition=request.condition,
        response=told.response,
        thinking=told.thinking,
        state=ThinkingState.ERROR if failure else told.state,
        finish_reason=outcome.finish_reason,
        raw=outcome.text,
        raw_reasoning=outcome.reasoning,
        tags=tuple((tag.start, tag.end, tag.closes) for tag in told.tags),
        prefill=outcome.prefill,
        usage=outcome.usage,
        max_tokens=outcome.max_tokens,
        latency=outcome.latency,
        failure=Failure(failure.kind, redact(failure.message)) if failure else None,
        sampled_at=outcome.sampled_at or (None if request.recorded else utc_now()),
        extra=outcome.extra,
    )
