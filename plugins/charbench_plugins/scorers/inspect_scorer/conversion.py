"""From a sample to what Inspect's scorers read, and from their scores to values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    Content,
    ContentReasoning,
    ContentText,
    ModelName,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.scorer import Target
from inspect_ai.solver import TaskState

from charbench import ConfigError, Persona, Sample

_STOPS = {"stop": "stop", "length": "max_tokens", "content_filter": "content_filter", "tool_calls": "tool_calls"}
_LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
"""What words of Inspect's are worth, as its own ``value_to_float`` has it."""
_LONGEST = 500


def task_state(sample: Sample, persona: Persona, target: str | Sequence[str]) -> TaskState:
    """Return the state of Inspect that a sample is: its turns, the answer with its thinking, and the target."""
    asked = _messages(sample)
    content: list[Content] = [ContentReasoning(reasoning=sample.thinking)] if sample.thinking.strip() else []
    answer = ChatMessageAssistant(content=[*content, ContentText(text=sample.response)], source="generate")
    stop: Any = _STOPS.get(sample.finish_reason or "", "unknown")
    used = sample.usage
    prompt_tokens, completion_tokens = used.prompt_tokens or 0, used.completion_tokens or 0
    usage = ModelUsage(
        input_tokens=prompt_tokens,
        output_tokens=completion_tokens,
        total_tokens=prompt_tokens + completion_tokens,
        reasoning_tokens=used.reasoning_tokens,
    )
    single = len(asked) == 1 and isinstance(asked[0], ChatMessageUser)
    return TaskState(
        model=ModelName(f"charbench/{sample.checkpoint}"),
        sample_id=sample.prompt.id,
        epoch=sample.epoch + 1,
        input=sample.prompt.text if single else asked,
        messages=[*asked, answer],
        target=Target(target),
        output=ModelOutput(
            model=sample.checkpoint,
            choices=[ChatCompletionChoice(message=answer, stop_reason=stop)],
            usage=usage,
            time=sample.latency,
        ),
        completed=True,
        metadata={**sample.extra, "persona": persona.name, "condition": sample.condition},
        sample_uuid=sample.key,
    )


def _messages(sample: Sample) -> list[ChatMessage]:
    roles = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
    return [roles[turn.role](content=turn.content) for turn in sample.prompt.messages]


def value_of(score: Any, key: str, who: str) -> tuple[float | None, str]:
    """Return a score's value as a number, None where it is none, and what explains it."""
    if score is None:
        return None, "Inspect's scorer gave no score"
    explanation = str(score.explanation or score.reason or "")[:_LONGEST]
    value = _chosen(score.value, key, who)
    if isinstance(value, str):
        word = _LETTERS.get(value, _LETTERS.get(value.lower()))
        if word is not None:
            return word, explanation
        try:
            value = float(value)
        except ValueError:
            return None, f"Inspect's value {value[:40]!r} is no number"
    if value is None or not math.isfinite(value):
        return None, explanation or "Inspect's scorer could not score it"
    return float(value), explanation


def _chosen(value: Any, key: str, who: str) -> Any:
    """Return the one value that counts, of a scorer that gives several."""
    if isinstance(value, str | int | float) or value is None:
        return value
    held: Mapping[str, Any] = (
        {str(name): one for name, one in value.items()}
        if isinstance(value, Mapping)
        else {str(number): one for number, one in enumerate(value)}
    )
    if not key and len(held) == 1:
        return next(iter(held.values()))
    if key in held:
        return held[key]
    option = who.replace(" ", ".", 1)
    found = f"it has no value {key!r}" if key else "it gives several values"
    raise ConfigError(f"{who}: {found}; choose one of {', '.join(held) or 'none'} with -o {option}.key=NAME")
