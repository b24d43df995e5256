"""What one sample of an Inspect log says: the conversation, the answer with its reasoning, or an error."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from charbench import (
    Completion,
    Conversation,
    Failure,
    Message,
    Prompt,
    Provenance,
    RecordedSample,
    UnusableRow,
    Usage,
    read_conversation,
    redact,
)

_PROVIDERS = frozenset({
    "hf", "vllm", "sglang", "ollama", "llama-cpp-python", "openai", "azureai", "together", "openrouter", "mockllm",
})  # fmt: skip
_ATTACHED = "attachment://"
_LONGEST = 500
_STOPS = {
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}


def model_of(header: Mapping[str, Any]) -> str:
    """Return the name by which a log's model is served, without the provider that Inspect puts before it."""
    evaluated = header.get("eval")
    name = str(evaluated.get("model") or "") if isinstance(evaluated, dict) else ""
    provider, _, rest = name.partition("/")
    if provider == "openai-api":  # openai-api/NAME/MODEL
        return rest.partition("/")[2] or name
    return rest if provider in _PROVIDERS and rest else name


def temperature_of(header: Mapping[str, Any]) -> float | None:
    """Return the temperature that a log was made at; None where it does not say."""
    plan = header.get("plan")
    for config in (
        _evaluated(header).get("model_generate_config"),
        plan.get("config") if isinstance(plan, dict) else None,
    ):
        said = config.get("temperature") if isinstance(config, dict) else None
        if isinstance(said, (int, float)):
            return float(said)
    return None


def read_sample(sample: Mapping[str, Any], uri: str, header: Mapping[str, Any]) -> RecordedSample:
    """Return a sample of the checkpoint at ``uri``. Raises :class:`charbench.UnusableRow` saying why it is none."""
    sample = with_attachments(sample, sample.get("attachments"))
    error = _error(sample)
    said = _conversation(sample, answered=error is None)
    epoch = sample.get("epoch")
    number = epoch - 1 if isinstance(epoch, int) and epoch > 0 else 0
    texts = (
        *(part for turn in said.before for part in (turn.role, turn.content)),
        said.answer,
        said.thinking,
        error or "",
    )
    own = sample.get("uuid") or _evaluated(header).get("run_id") or ""
    name = str(sample.get("id") or "")[:_LONGEST]
    return RecordedSample(
        checkpoint=uri,
        prompt=_prompt(said.before, name),
        completion=_completion(sample, said, error, header),
        identity=identity(uri, own, name, number, *texts),
        epoch=number,
    )


def _evaluated(header: Mapping[str, Any]) -> Mapping[str, Any]:
    evaluated = header.get("eval")
    return evaluated if isinstance(evaluated, dict) else {}


def identity(*parts: Any) -> str:
    """Return a hash of what makes a recording itself."""
    joined = "\0".join(str(part) for part in parts)
    return hashlib.blake2b(joined.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _prompt(turns: tuple[Message, ...], name: str) -> Prompt:
    asked = next((turn.content for turn in reversed(turns) if turn.role == "user"), "")
    if not asked.strip():
        raise UnusableRow("nobody asks anything in it")
    return Prompt(Prompt.from_text(asked, name).id, turns)


def _conversation(sample: Mapping[str, Any], *, answered: bool) -> Conversation:
    """Return what was asked and answered: by the whole conversation, else by the input and the output."""
    turns = sample.get("messages")
    if answered and isinstance(turns, list) and turns:
        return read_conversation(turns)
    asked = sample.get("input")
    asked = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    answer: Any = {"role": "assistant", "content": ""}
    if answered:
        choices = _output(sample).get("choices")
        first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        answer = first.get("message") or answer
    if not isinstance(asked, list):
        raise UnusableRow("it has no input")
    return read_conversation([*asked, answer], "input")


def _output(sample: Mapping[str, Any]) -> Mapping[str, Any]:
    output = sample.get("output")
    return output if isinstance(output, dict) else {}


def _error(sample: Mapping[str, Any]) -> str | None:
    """Return why there is no answer; None if there is one."""
    error = sample.get("error")
    if isinstance(error, dict):
        return redact(str(error.get("message") or "error"))[:_LONGEST]
    output = _output(sample)
    if output.get("error"):
        return redact(str(output["error"]))[:_LONGEST]
    return None if output.get("choices") else "no output"


def _completion(
    sample: Mapping[str, Any], said: Conversation, error: str | None, header: Mapping[str, Any]
) -> Completion:
    output = _output(sample)
    choices = output.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    stop = first.get("stop_reason")
    usage = output.get("usage")
    used: Mapping[str, Any] = usage if isinstance(usage, dict) else {}
    evaluated = _evaluated(header)
    config = evaluated.get("model_generate_config")
    return Completion(
        response=said.answer,
        thinking=said.thinking,
        finish_reason=_STOPS.get(stop, stop)[:40] if isinstance(stop, str) else None,
        usage=Usage(*(whole(used.get(name)) for name in ("input_tokens", "output_tokens", "reasoning_tokens"))),
        max_tokens=whole(config.get("max_tokens")) if isinstance(config, dict) else None,
        latency=seconds(output.get("time")),
        failure=Failure("recorded", error) if error is not None else None,
        sampled_at=moment(sample.get("started_at") or evaluated.get("created")),
        extra=_extra(evaluated.get("task"), sample.get("target")),
        provenance=Provenance(server_model=str(output["model"])[:_LONGEST]) if output.get("model") else None,
    )


def _extra(task: Any, target: Any) -> dict[str, Any]:
    """Return the columns that are kept besides: the task, and the target (or several), for scorers that need one."""
    several = [one for one in target if isinstance(one, str) and one] if isinstance(target, list) else []
    kept = target if isinstance(target, str) else several
    named = {"inspect_task": str(task)[:_LONGEST]} if task else {}
    return named | ({"target": kept} if kept else {})


def whole(value: Any) -> int | None:
    """Return a count; None for anything that is none."""
    return value if type(value) is int and 0 <= value < 2**31 else None


def seconds(value: Any) -> float | None:
    """Return a duration in seconds; None for anything that is none."""
    return float(value) if isinstance(value, (int, float)) and 0 <= value < 1e9 else None


def moment(value: Any) -> datetime | None:
    """Return a time in UTC, without a zone; None for anything that is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.astimezone(UTC).replace(tzinfo=None) if found and found.tzinfo else found


def with_attachments(value: Any, attached: Any) -> Any:
    """Return a sample with the texts that Inspect keeps apart put in where they belong."""
    if not isinstance(attached, dict) or not attached:
        return value
    if isinstance(value, str) and value.startswith(_ATTACHED):
        return attached.get(value.removeprefix(_ATTACHED), value)
    if isinstance(value, list):
        return [with_attachments(item, attached) for item in value]
    if isinstance(value, dict):
        return {
            name: item if name == "attachments" else with_attachments(item, attached) for name, item in value.items()
        }
    return value
