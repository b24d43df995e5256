"""From a raw completion to channels and a thinking state: one place, for every sampler."""

from __future__ import annotations

from dataclasses import dataclass

from charbench.domain.sample import Completion, ThinkingState


@dataclass(frozen=True, slots=True)
class Attribution:
    """What stands where, and how that was told."""

    response: str
    thinking: str
    state: ThinkingState


def attribute(completion: Completion) -> Attribution:
    """Tell thinking and response apart.

    A completion whose channels somebody else has split (a recording) keeps them; its state follows from
    which of them hold text, and from the finish reason where there is one.
    """
    response, thinking = completion.response or "", completion.thinking or ""
    if completion.failure is not None:
        return Attribution(response, thinking, ThinkingState.ERROR)
    if response.strip():
        state = ThinkingState.CLOSED if thinking.strip() else ThinkingState.NONE
    elif thinking.strip():
        by_reason = {"stop": ThinkingState.UNCLOSED_STOP, "length": ThinkingState.UNCLOSED_LENGTH}
        state = by_reason.get(completion.finish_reason or "", ThinkingState.UNCLOSED_UNKNOWN)
    else:
        state = ThinkingState.NONE
    return Attribution(response, thinking, state)
