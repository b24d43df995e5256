"""Requests and responses of Gemini's API (https://ai.google.dev/api/generate-content) in the usual names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_SETTINGS = {"topP": "top_p", "topK": "top_k", "maxOutputTokens": "max_output_tokens"}


def of_gemini(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was asked as messages; parts that are no text are left for the reader of messages to refuse."""
    system = request.get("systemInstruction") or request.get("system_instruction")
    said = [{"role": "system", **system}] if isinstance(system, dict) else []
    turns = [*said, *(turn for turn in request["contents"] if isinstance(turn, dict))]
    return {"messages": [{"role": turn.get("role") or "user", "content": turn.get("parts")} for turn in turns]}


def settings_of_gemini(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a request was sampled; nothing of a request of another API."""
    said = request.get("generationConfig") or request.get("generation_config")
    return {_SETTINGS.get(str(name), str(name)): said[name] for name in said} if isinstance(said, dict) else {}


def candidate_text(candidate: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the text and the thinking of one answer."""
    content = candidate.get("content")
    parts: Sequence[Any] = content.get("parts") or () if isinstance(content, dict) else ()
    texts: dict[bool, list[str]] = {False: [], True: []}
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            texts[bool(part.get("thought"))].append(part["text"])
    return "".join(texts[False]), "".join(texts[True]) or None
