"""Between Inspect's messages and charbench's prompts and samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

from charbench.components.sampler import SampleRequest
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.end_reasons import EndReason, end_reason
from charbench.domain.prompt import Message, Prompt
from charbench.domain.sample import Completion, Failure, Sample, Usage
from charbench.errors import DataError
from charbench.sampling.samples import make_sample

_ENDS = {"max_tokens": "length", "model_length": "length"}
_STOPS = {
    EndReason.STOP: "stop",
    EndReason.LENGTH: "max_tokens",
    EndReason.FILTERED: "content_filter",
    EndReason.TOOL_CALL: "tool_calls",
}


def prompt_of(messages: Sequence[ChatMessage], name: str = "", *, tools: bool = False) -> Prompt:
    """Return the prompt that these messages are; thinking of earlier turns is left out.

    Raises :class:`DataError` for what charbench cannot ask: results of tools, pictures, nothing by the user.
    """
    if tools:
        raise DataError("the task has tools, and charbench asks in text alone")
    turns = tuple(Message(message.role, _text_of(message)) for message in messages)
    if not any(turn.role == "user" for turn in turns):
        raise DataError("no message is the user's, and charbench asks nothing else")
    said = "\n\n".join(turn.content for turn in turns if turn.role == "user")
    return Prompt(Prompt.from_text(said, name).id, turns)


def _text_of(message: ChatMessage) -> str:
    if message.role not in ("system", "user", "assistant") or getattr(message, "tool_calls", None):
        raise DataError("the conversation calls tools, which charbench does not")
    if isinstance(message.content, str):
        return message.content
    other = [part.type for part in message.content if part.type not in ("text", "reasoning")]
    if other:
        raise DataError(f"a message holds {other[0]}, and charbench asks in text alone")
    return "\n".join(part.text for part in message.content if part.type == "text")


def sample_of(state: TaskState) -> Sample:
    """Return the sample that an evaluated state is: its last answer, with reasoning parts as thinking."""
    output = state.output
    answer = output.message if output is not None and output.choices else None
    messages = list(state.messages)
    if messages and messages[-1].role == "assistant":
        answer = answer or messages[-1]
        messages = messages[:-1]
    asked = messages or ([] if isinstance(state.input, str) else list(state.input))
    prompt = prompt_of(asked, str(state.sample_id)) if asked else Prompt.from_text(state.input, str(state.sample_id))
    request = SampleRequest(checkpoint=Checkpoint(uri=str(state.model)), prompt=prompt, epoch=max(0, state.epoch - 1))
    return make_sample("inspect", prompt.key, request, _completion(answer, output))


def _completion(answer: ChatMessage | None, output: Any) -> Completion:
    if answer is None or getattr(output, "error", None):
        return Completion(failure=Failure("no_output", str(getattr(output, "error", None) or "no output")))
    usage = output.usage if output is not None else None
    choice = output.choices[0] if output is not None and output.choices else None
    stop = choice.stop_reason if choice is not None else None
    return Completion(
        text=_joined(answer, "text"),
        reasoning=_joined(answer, "reasoning") or None,
        finish_reason=_ENDS.get(stop, stop) if stop and stop != "unknown" else None,
        usage=Usage(usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) if usage else Usage(),
        latency=output.time if output is not None else None,
    )


def _joined(message: ChatMessage, kind: str) -> str:
    """Return the text of an answer's parts of a kind; of redacted reasoning, its summary."""
    if isinstance(message.content, str):
        return message.content if kind == "text" else ""
    parts: Iterable[Any] = (part for part in message.content if part.type == kind)
    if kind == "text":
        return "\n".join(part.text for part in parts)
    return "\n".join((part.summary or "") if part.redacted else part.reasoning for part in parts).strip()


def output_of(sample: Sample) -> ModelOutput:
    """Return an answered sample as the output of a model."""
    content: list[Content] = [ContentReasoning(reasoning=sample.thinking)] if sample.thinking.strip() else []
    content.append(ContentText(text=sample.response))
    name = sample.checkpoint
    message = ChatMessageAssistant(content=content, model=name, source="generate")
    reason = end_reason(sample.finish_reason)
    stop: Any = _STOPS.get(reason, "unknown") if reason is not None else "unknown"
    return ModelOutput(
        model=name,
        choices=[ChatCompletionChoice(message=message, stop_reason=stop)],
        usage=_usage(sample.usage),
        time=sample.latency,
        metadata={"charbench": {"uri": sample.checkpoint, "sampler": sample.sampler, "state": sample.state.value}},
    )


def state_of(sample: Sample, target: str | Sequence[str], metadata: Mapping[str, Any]) -> TaskState:
    """Return the state of an evaluation that a sample is, as :func:`charbench.inspect_state` describes it."""
    roles = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
    asked: list[ChatMessage] = [roles[turn.role](content=turn.content) for turn in sample.prompt.messages]
    output = output_of(sample)
    single = len(asked) == 1 and asked[0].role == "user"
    return TaskState(
        model=ModelName(f"charbench/{sample.checkpoint}"),
        sample_id=sample.prompt.id,
        epoch=sample.epoch + 1,
        input=sample.prompt.text if single else asked,
        messages=[*asked, output.message],
        target=Target(target),
        output=output,
        completed=True,
        metadata=dict(metadata),
        sample_uuid=sample.key,
    )


def _usage(usage: Usage) -> ModelUsage | None:
    if usage.prompt_tokens is None and usage.completion_tokens is None:
        return None
    asked, answered = usage.prompt_tokens or 0, usage.completion_tokens or 0
    return ModelUsage(
        input_tokens=asked,
        output_tokens=answered,
        total_tokens=asked + answered,
        reasoning_tokens=usage.reasoning_tokens,
    )
