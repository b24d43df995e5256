"""From an endpoint's JSON to completions, in all the shapes that servers send."""

from __future__ import annotations

from typing import Any

from charbench import Completion, GenerationConfig, SamplingError, ThinkingMode, Usage

_REASONING_FIELDS = ("reasoning_content", "reasoning")


def parse_answer(answer: Any, prefill: str, config: GenerationConfig) -> list[Completion]:
    """Return one completion for each choice; raises :class:`SamplingError` where there are no choices."""
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list):
        raise SamplingError("the answer holds no list of choices", kind="bad_response", retryable=True)
    usages = _shares(answer.get("usage"), len(choices))
    return [_completion(choice, usage, prefill, config) for choice, usage in zip(choices, usages, strict=True)]


def _completion(choice: Any, usage: Usage, prefill: str, config: GenerationConfig) -> Completion:
    if not isinstance(choice, dict):
        raise SamplingError("a choice is no mapping", kind="bad_response", retryable=True)
    message = choice.get("message")
    if isinstance(message, dict):
        text = _text(message.get("content"))
        reasoning = next((_text(message[name]) for name in _REASONING_FIELDS if message.get(name)), None)
        if text is None and reasoning is None:
            text = _text(message.get("refusal")) or ""
    else:
        text, reasoning = _text(choice.get("text")) or "", None
    return Completion(
        text=_without(prefill, text),
        reasoning=reasoning,
        prefill=prefill,
        thinking_off=config.thinking in (ThinkingMode.OFF, ThinkingMode.CLOSED),
        finish_reason=_word(choice.get("finish_reason")),
        usage=usage,
        max_tokens=config.max_tokens,
    )


def _without(prefill: str, text: str | None) -> str | None:
    """Take the prefill off the text where the server repeats it."""
    if text is None or not prefill:
        return text
    return text.removeprefix(prefill)


def _text(content: Any) -> str | None:
    """Return content as text: some servers send a list of parts."""
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text", "") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    raise SamplingError(f"the content is {type(content).__name__}", kind="bad_response", retryable=True)


def _shares(usage: Any, choices: int) -> list[Usage]:
    """Share the tokens of one request out over its choices: the prompt counts once, with the first."""
    if not isinstance(usage, dict) or not choices:
        return [Usage()] * choices
    details = usage.get("completion_tokens_details")
    reasoning = _whole(details.get("reasoning_tokens")) if isinstance(details, dict) else None
    prompt, completion = _whole(usage.get("prompt_tokens")), _whole(usage.get("completion_tokens"))
    return [
        Usage(
            prompt if index == 0 or prompt is None else 0,
            _share(completion, choices, index),
            _share(reasoning, choices, index),
        )
        for index in range(choices)
    ]


def _share(total: int | None, parts: int, index: int) -> int | None:
    return None if total is None else total // parts + (index < total % parts)


def _whole(value: Any) -> int | None:
    """Return a count as servers mean it: a whole number that is not negative, and not absurd."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
