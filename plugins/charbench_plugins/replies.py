"""Bodies of models' responses: the answers that they hold, or the error.

The forms: chat completions and completions (``choices``), OpenAI's responses (``output``), Anthropic's messages
(``content``), Gemini's (``candidates``), and a message alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from charbench import UnusableRow, read_conversation
from charbench_plugins.gemini import candidate_text

_LONGEST = 300
_DEEPEST = 3
_FAILED = frozenset({"failure", "failed", "error", "errored", "expired", "canceled", "cancelled"})
_FIRST_ERROR = 400


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    text: str
    thinking: str | None = None
    finish_reason: str | None = None


def unwrapped(value: Any) -> Any:
    """Return a response's body, without what a client or a batch has wrapped around it."""
    for _ in range(_DEEPEST):
        if not isinstance(value, dict) or is_body(value):
            return value
        inner = next((value[name] for name in ("body", "message", "data") if isinstance(value.get(name), dict)), None)
        if inner is None:
            return value
        value = inner
    return value


def is_body(value: Any) -> bool:
    """Whether a value is a response's body, with answers in it."""
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("choices"), list) or isinstance(value.get("candidates"), list):
        return True
    if isinstance(value.get("content"), list) and ("stop_reason" in value or value.get("type") == "message"):
        return True
    return isinstance(value.get("output"), list) and ("object" in value or "status" in value)


def message_of(value: Any) -> Any:
    """Return a value where it is an answer without a body around it, a text or a message; else None."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(turn, dict) and "role" in turn for turn in value):
        value = value[-1]
    return value if isinstance(value, dict) and "content" in value and "choices" not in value else None


def replies_of(body: Any) -> Iterator[Reply]:
    """Yield the answers of a body, or of what stands in its place. Raises :class:`UnusableRow`."""
    if isinstance(body, str):
        yield Reply(body)
    elif not isinstance(body, dict):
        return
    elif isinstance(body.get("choices"), list):
        for choice in body["choices"]:
            if not isinstance(choice, dict):
                raise UnusableRow("a choice of its response is no mapping")
            reason = choice.get("finish_reason")
            if isinstance(message := choice.get("message"), dict):
                yield _reply(message, reason)
            elif isinstance(choice.get("text"), str):
                yield Reply(choice["text"], None, _slug(reason))
            else:
                raise UnusableRow("a choice of its response holds no message: pieces of a stream are not put together")
    elif isinstance(body.get("candidates"), list):
        for one in body["candidates"]:
            if not isinstance(one, dict):
                raise UnusableRow("a candidate of its response is no mapping")
            yield Reply(*candidate_text(one), _slug(one.get("finishReason") or one.get("finish_reason")))
    elif isinstance(body.get("output"), list):
        yield _of_items(body)
    elif "content" in body:
        yield _reply(body, body.get("stop_reason") or body.get("finish_reason"))


def failure_of(row: Mapping[str, Any]) -> str | None:
    """Return why a request has failed, as its row or its response says; None where nothing says so."""
    response = row.get("response")
    for said in (row.get("error"), row.get("error_str"), _error_in(response), _error_in(row.get("result"))):
        if found := _in_words(said):
            status = response.get("status_code") if isinstance(response, dict) else None
            return f"HTTP {status}: {found}" if isinstance(status, int) and status >= _FIRST_ERROR else found
    if isinstance(response, dict) and isinstance(code := response.get("status_code"), int) and code >= _FIRST_ERROR:
        return f"HTTP {code}"
    if row.get("level") == "ERROR":
        return _in_words(row.get("statusMessage")) or "error"
    result = row.get("result")
    kind = result.get("type") if isinstance(result, dict) else row.get("status")
    return kind if isinstance(kind, str) and kind.lower() in _FAILED else None


def _error_in(value: Any) -> Any:
    """Return the error that a response says, itself or its body."""
    for _ in range(_DEEPEST):
        if not isinstance(value, dict):
            return None
        if value.get("error"):
            return value["error"]
        value = value.get("body")
    return None


def _in_words(error: Any) -> str:
    """Return an error, which may be a text or a mapping with one, as a line; nothing where there is none."""
    for _ in range(_DEEPEST):
        if not isinstance(error, dict):
            break
        kind = error.get("code") or error.get("type")
        error = error.get("error") or error.get("message") or kind
    text = " ".join(error.split()) if isinstance(error, str) else str(error) if error else ""
    return "" if text.lower() in ("none", "null", "nan", "false", "[]") else text[:_LONGEST]


def _reply(message: Mapping[str, Any], reason: Any) -> Reply:
    """Return a message's text and thinking; a call of a tool has no text, and its reason says what it is."""
    content = message.get("content")
    if content in (None, []):
        content = message.get("refusal") if isinstance(message.get("refusal"), str) else ""
    if isinstance(content, list):
        content = [part for part in content if not _is_call(part)] or ""
    named = ("reasoning_content", "reasoning", "thinking")
    fields = {name: message[name] for name in named if isinstance(message.get(name), str)}
    said = read_conversation([{"role": "assistant", "content": content, **fields}], "response")
    called = message.get("tool_calls") or message.get("function_call")
    return Reply(said.answer, said.thinking or None, _slug(reason) or ("tool_calls" if called else None))


def _is_call(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in ("tool_use", "redacted_thinking", "server_tool_use")


def _of_items(body: Mapping[str, Any]) -> Reply:
    """Return the answer of OpenAI's responses: text in messages, thinking in items of reasoning."""
    texts: list[str] = []
    thoughts: list[str] = []
    for item in body["output"]:
        if not isinstance(item, dict):
            raise UnusableRow("an item of its response is no mapping")
        into = thoughts if item.get("type") == "reasoning" else texts
        for name in ("content", "summary"):
            given = item.get(name)
            parts = given if isinstance(given, list) else []
            into += [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    why = body.get("incomplete_details")
    reason = why.get("reason") if isinstance(why, dict) else None
    return Reply("".join(texts), "\n".join(thoughts) or None, _slug(reason or _ENDS.get(str(body.get("status")))))


_ENDS = {"completed": "stop", "incomplete": "length", "failed": "error", "cancelled": "abort"}


def _slug(reason: Any) -> str | None:
    return reason if isinstance(reason, str) and reason else None
