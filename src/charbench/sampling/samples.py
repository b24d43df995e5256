"""From a completion to a sample: channels told apart, texts that the store takes, failures as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from charbench.components.containment import Broken
from charbench.components.sampler import SampleRequest
from charbench.domain.end_reasons import EndReason, end_reason
from charbench.domain.sample import Completion, Failure, Sample, ThinkingState
from charbench.domain.thinking import attribute
from charbench.store.runs import utc_now
from charbench.text.redaction import hide_keys, holds_key, map_text, redact, storable

LONGEST_WORD = 40
"""Characters of a finish reason or of a failure's kind that the store keeps."""


NO_ANSWER = {
    ThinkingState.FILTERED: Failure("filtered", "a content filter ended the reply"),
    ThinkingState.TOOL_CALL: Failure("tool_call", "the model called a tool in place of an answer"),
}
"""Replies that say nothing of the character: they are in no rate, and no failure of the run either."""


def make_sample(
    sampler: str,
    key: str,
    request: SampleRequest,
    outcome: Completion | Broken,
    thinking_tags: Sequence[str] = (),
) -> Sample:
    """Tell the channels apart, and keep what the server gave; a failure becomes data.

    ``thinking_tags`` are delimiters besides those that are known.
    """
    given = Completion(failure=outcome.failure, sampled_at=utc_now()) if isinstance(outcome, Broken) else outcome
    if not _can_be_stored(given):
        given = storable(given)
    if _holds_a_key(given) and not request.recorded:
        given = map_text(given, hide_keys)
    told = attribute(given, thinking_tags)
    failure = given.failure or NO_ANSWER.get(told.state) or _given_up(given)
    return Sample(
        key=key,
        checkpoint=request.checkpoint.uri,
        prompt=request.prompt,
        sampler=sampler,
        epoch=request.epoch,
        condition=request.condition,
        response=told.response,
        thinking=told.thinking,
        state=ThinkingState.ERROR if failure and told.state not in NO_ANSWER else told.state,
        finish_reason=given.finish_reason[:LONGEST_WORD] if given.finish_reason else None,
        raw=given.text,
        raw_reasoning=given.reasoning,
        tags=tuple((tag.start, tag.end, tag.closes) for tag in told.tags),
        prefill=given.prefill,
        usage=given.usage,
        max_tokens=given.max_tokens,
        latency=given.latency,
        failure=Failure(failure.kind[:LONGEST_WORD], redact(failure.message)) if failure else None,
        sampled_at=given.sampled_at or (None if request.recorded else utc_now()),
        extra=given.extra,
        provenance=given.provenance,
    )


def _given_up(given: Completion) -> Failure | None:
    """Return the failure of a reply that the server itself calls one."""
    if end_reason(given.finish_reason) is not EndReason.ERROR:
        return None
    return Failure("server_error", f"the server ended the reply: {given.finish_reason}")


def _can_be_stored(outcome: Completion) -> bool:
    """Whether no text in it has a NUL or half a surrogate pair; asked of every sample, so it has to be fast."""
    texts: list[Any] = [outcome.text, outcome.reasoning, outcome.response, outcome.thinking, outcome.finish_reason]
    if outcome.failure is not None:
        texts.append(outcome.failure.message)
    if outcome.extra:
        texts += [*outcome.extra, *outcome.extra.values()]
    return all(text is None or (isinstance(text, str) and "\0" not in text and _is_utf8(text)) for text in texts)


def _holds_a_key(outcome: Completion) -> bool:
    """Whether a text may hold an API key that the endpoint repeats."""
    return any(holds_key(text) for text in (outcome.text, outcome.reasoning) if text)


def _is_utf8(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
