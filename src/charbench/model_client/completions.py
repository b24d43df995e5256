"""From an endpoint's JSON to completions, in all the shapes that servers send."""

from __future__ import annotations

from typing import Any

from charbench.components.generation import GenerationConfig, ThinkingMode
from charbench.domain.sample import Completion, Usage
from charbench.errors import SamplingError
from charbench.text.redaction import redact

_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
_REASONING_PARTS = ("reasoning_details", "thinking_blocks")
_PART_FIELDS = ("text", "thinking", "reasoning", "summary", "refusal")


def parse_answer(answer: Any, prefill: str, config: GenerationConfig) -> list[Completion]:
    """Return one completion for each choice; raises :class:`SamplingError` where there are no choices."""
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list):
        raise SamplingError("the answer holds no list of choices", kind="bad_response", retryable=True)
    if all(isinstance(one, dict) and isinstance(one.get("index"), int) for one in choices):
        choices = sorted(choices, key=lambda one: one["index"])  # a server may send them as they are done
    usages = _shares(answer.get("usage"), len(choices))
    return [_completion(choice, usage, prefill, config) for choice, usage in zip(choices, usages, strict=True)]


def filtered_answers(count: Any, prefill: str, config: GenerationConfig) -> list[Completion]:
    """Return the empty completions of a request for ``count`` answers that a content filter stopped."""
    choice = {"message": {"content": ""}, "finish_reason": "content_filter"}
    return [_completion(choice, Usage(), prefill, config)] * (_whole(count) or 1)


def usage_of(answer: Any) -> Usage:
    """Return the tokens of one request, all its choices together; None where the server does not count them."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    return _shares(usage, 1)[0]


def _completion(choice: Any, usage: Usage, prefill: str, config: GenerationConfig) -> Completion:
    if not isinstance(choice, dict):
        raise SamplingError("a choice is no mapping", kind="bad_response", retryable=True)
    if choice.get("error"):
        raise SamplingError(f"the server ended the reply: {_error(choice['error'])}", kind="server", retryable=True)
    message = choice.get("message")
    if isinstance(message, dict):
        text, thought = _channels(message.get("content"))
        fields = [_text(message.get(name)) for name in _REASONING_FIELDS]
        parts = [_parts(message.get(name)) for name in _REASONING_PARTS]
        reasoning = _reasoning(thought, *fields, *parts)
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


def _error(error: Any) -> str:
    said = error.get("message") or error.get("code") if isinstance(error, dict) else error
    return " ".join(redact(str(said)).split())[:300]


def _without(prefill: str, text: str | None) -> str | None:
    """Take the prefill off the text where the server repeats it."""
    if text is None or not prefill:
        return text
    return text.removeprefix(prefill)


def _channels(content: Any) -> tuple[str | None, str | None]:
    """Return text and reasoning of a message's content: some servers send parts, and mark the thinking ones.

    Mistral sends ``{type: thinking, thinking: [{type: text, text: ...}]}``, Anthropic ``{type: thinking, thinking:
    ...}``, others a part of a type that names reasoning.
    """
    if not isinstance(content, list):
        return _text(content), None
    thinking = [part for part in content if _thinks(part)]
    spoken = [part for part in content if not _thinks(part)]
    return (_text(spoken) if spoken or not thinking else None), (_text(thinking) if thinking else None)


def _thinks(part: Any) -> bool:
    kind = part.get("type") if isinstance(part, dict) else None
    return isinstance(kind, str) and ("thinking" in kind or "reasoning" in kind)


def _parts(content: Any) -> str | None:
    """Return the text of a list of reasoning parts; summaries and encrypted ones have none of their own."""
    return _text(content) if isinstance(content, list) else None


def _reasoning(*texts: str | None) -> str | None:
    """Return the reasoning of all places where a server puts it; what stands in two of them is taken once."""
    once: dict[str, str] = {}
    for text in filter(None, texts):
        once.setdefault(" ".join(text.split()), text)
    return "\n\n".join(once.values()) or None


def _text(content: Any) -> str | None:
    """Return content as text; parts are joined, as they stand."""
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_text_of_part(part) or "" for part in content)
    raise SamplingError(f"the content is {type(content).__name__}", kind="bad_response", retryable=True)


def _text_of_part(part: Any) -> str | None:
    if not isinstance(part, dict):
        return part if isinstance(part, str) else None
    return next((_text(part[name]) for name in _PART_FIELDS if isinstance(part.get(name), str | list)), None)


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
