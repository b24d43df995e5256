"""Prompts with follow-ups, for samplers that answer many requests at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from charbench.components.calling import items
from charbench.components.sampler import Sampler, SampleRequest
from charbench.domain.prompt import Message, Prompt
from charbench.domain.sample import Completion
from charbench.domain.thinking import attribute


def next_turn(request: SampleRequest, said: Completion) -> SampleRequest:
    """Return the request that goes on after an answer: the answer's response, and the first follow-up."""
    prompt = request.prompt
    told = Message("assistant", attribute(said).response)
    messages = (*prompt.messages, told, Message("user", prompt.follow_ups[0]))
    return replace(request, prompt=Prompt(prompt.id, messages, prompt.family, prompt.language, prompt.follow_ups[1:]))


def in_one(before: Completion, last: Completion) -> Completion:
    """Return the last answer of a conversation, with the tokens and the seconds of all of it."""
    known = [seconds for seconds in (before.latency, last.latency) if seconds is not None]
    return replace(last, usage=before.usage + last.usage, latency=sum(known) if known else None)


def sample_with_follow_ups(sampler: Sampler, requests: Sequence[SampleRequest]) -> list[Completion]:
    """Answer a batch; a prompt with follow-ups is asked turn after turn, and its last answer is the sample."""
    answers = list(items(sampler, sampler.sample_batch(requests)))
    if wrong := next((one for one in answers if not isinstance(one, Completion)), None):
        raise TypeError(f"{sampler.name}.sample_batch() gave {type(wrong).__name__}, not a Completion")
    if len(answers) != len(requests):
        raise TypeError(f"{sampler.name}.sample_batch() gave {len(answers)} for {len(requests)} requests")
    open_ones = [
        index
        for index, request in enumerate(requests)
        if request.prompt.follow_ups and request.recorded is None and answers[index].failure is None
    ]
    if open_ones:
        later = [next_turn(requests[index], answers[index]) for index in open_ones]
        for index, answer in zip(open_ones, sample_with_follow_ups(sampler, later), strict=True):
            answers[index] = in_one(answers[index], answer)
    return answers
