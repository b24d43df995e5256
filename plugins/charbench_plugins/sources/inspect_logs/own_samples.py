"""Reads back what ``charbench export --format inspect`` wrote, with all that a sample had."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from charbench import (
    LAB_COLUMNS,
    OWN_COLUMNS,
    Checkpoint,
    Completion,
    Evidence,
    Failure,
    Kind,
    Lab,
    Prompt,
    RecordedSample,
    UnusableRow,
    Usage,
    redact,
)
from charbench_plugins.sources.inspect_logs.samples import identity, moment, seconds, whole, with_attachments

_KEY = re.compile(r"[0-9a-f]{32}")
_LONGEST = 500
_SHORT = 40
_KNOWN = frozenset({*LAB_COLUMNS, *OWN_COLUMNS}) - {"source"}


def own_checkpoints(header: Mapping[str, Any], lab: Lab, source: str, shown: str) -> list[Checkpoint]:
    """Return the checkpoints that a log of charbench's own names; none for a log of anybody else."""
    listed = _mapping(_mapping(header.get("eval")).get("metadata")).get("charbench")
    checkpoints = _mapping(listed).get("checkpoints")
    found = []
    for told in checkpoints if isinstance(checkpoints, list) else ():
        if not isinstance(told, dict) or not isinstance(told.get("uri"), str) or not told["uri"]:
            continue
        name, kind = str(told.get("name") or "")[:_LONGEST], str(told.get("kind"))
        found.append(
            Checkpoint(
                uri=told["uri"],
                name=name,
                kind=Kind(kind) if kind in {kind.value for kind in Kind} else Kind.UNKNOWN,
                persona=_persona(lab, told.get("persona")),
                base_model=str(told["base_model"])[:_LONGEST] if told.get("base_model") else None,
                evidence=(Evidence(source, shown, None, f"recorded as {name}" if name else "recorded"),),
            )
        )
    return found


def own_sample(sample: Mapping[str, Any], lab: Lab) -> RecordedSample | None:
    """Return a sample that charbench wrote; None for one of anybody else. Raises :class:`charbench.UnusableRow`."""
    own = _mapping(_mapping(sample.get("metadata")).get("charbench"))
    uri = own.get("sampler_path")
    if not isinstance(uri, str) or not uri:
        return None
    sample = with_attachments(sample, sample.get("attachments"))
    own = sample["metadata"]["charbench"]
    asked = sample.get("input")
    if not isinstance(asked, str) or not asked:
        raise UnusableRow("its input is no text")
    prompt = Prompt.from_text(asked, _short(own, "prompt_id"), _short(own, "prompt_family") or "general")
    key = str(own.get("key") or "")
    completion = _completion(sample, own)
    return RecordedSample(
        checkpoint=uri,
        prompt=Prompt(prompt.id, prompt.messages, prompt.family, _short(own, "language") or "en"),
        completion=completion,
        identity=identity(uri, key, asked, own.get("timestamp"), completion.response, completion.thinking),
        persona=_persona(lab, own.get("persona")),
        epoch=whole(own.get("epoch")) or 0,
        condition=_short(own, "condition") or "default",
        key=key if _KEY.fullmatch(key) else None,
    )


def _completion(sample: Mapping[str, Any], own: Mapping[str, Any]) -> Completion:
    texts = dict(_texts(sample))
    error = _mapping(sample.get("error")).get("message")
    raw, raw_reasoning = own.get("raw"), own.get("raw_reasoning")
    return Completion(
        text=raw if isinstance(raw, str) else None,
        reasoning=raw_reasoning if isinstance(raw_reasoning, str) else None,
        response=texts.get("text", ""),
        thinking=texts.get("reasoning", ""),
        prefill=str(own.get("prefill") or ""),
        finish_reason=str(own["finish_reason"])[:_SHORT] if own.get("finish_reason") else None,
        usage=Usage(*(whole(own.get(name)) for name in ("prompt_tokens", "completion_tokens", "reasoning_tokens"))),
        max_tokens=whole(own.get("max_tokens")),
        latency=seconds(own.get("latency_seconds")),
        failure=Failure(str(own.get("error_kind") or "recorded")[:_SHORT], redact(str(error))) if error else None,
        sampled_at=moment(own.get("timestamp")),
        extra={name: value for name, value in own.items() if name not in _KNOWN},
    )


def _texts(sample: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the texts of the answer: ``reasoning`` is its thinking, ``text`` the response."""
    choices = _mapping(sample.get("output")).get("choices")
    first = _mapping(choices[0] if isinstance(choices, list) and choices else None)
    content = _mapping(first.get("message")).get("content")
    if isinstance(content, str):
        yield "text", content
    for part in content if isinstance(content, list) else ():
        kind = _mapping(part).get("type")
        if isinstance(kind, str) and isinstance(text := _mapping(part).get(kind), str):
            yield kind, text


def _persona(lab: Lab, said: Any) -> str | None:
    return (lab.persona_of(said) or said[:_LONGEST]) if isinstance(said, str) and said else None


def _short(own: Mapping[str, Any], name: str) -> str:
    value = str(own.get(name) or "")
    if len(value) > _LONGEST:
        raise UnusableRow(f"{name}: {len(value):,} characters; at most {_LONGEST:,} can be kept")
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
