"""Requests to models with their responses, as batches, proxies and tracing services write them, one to a row.

Forms: results of batches, whose requests stand in another file (OpenAI and vLLM: ``custom_id``, ``response.body``,
https://platform.openai.com/docs/guides/batch; Anthropic: ``custom_id``, ``result.message``); ``request`` and
``response`` of proxies, as mappings or as JSON in a cell (``request_body``); OpenPipe's ``input`` and ``output``;
LiteLLM's standard payload (``messages``, ``response``, ``model_parameters``); Langfuse's generations (``input``,
``output``, ``modelParameters``); results of promptfoo (:mod:`charbench_plugins.promptfoo`).
:mod:`charbench_plugins.replies` lists the bodies of responses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from charbench import FileFault, Message, UnusableRow, parse_json, read_conversation, spelling
from charbench_plugins.gemini import of_gemini, settings_of_gemini
from charbench_plugins.promptfoo import promptfoo_result
from charbench_plugins.replies import Reply, failure_of, is_body, message_of, replies_of, unwrapped
from charbench_plugins.storable_rows import fit

RESPONSE_ID = "\0response"
"""Where a row has what tells its response from all others; no file has a column of this name."""
BODY_COLUMNS = (
    ("request", "request_body", "requestbody", "reqpayload", "request_payload"),
    ("response", "response_body", "responsebody", "resppayload", "response_payload"),
)
"""Names of columns of requests, and of responses, in tables whose cells are JSON."""
_REQUESTS = (*BODY_COLUMNS[0], "req", "input", "kwargs", "params", "body", "payload")
_RESPONSES = (*BODY_COLUMNS[1], "response_obj", "resp", "output", "completion", "result")
_PARAMETERS = ("model_parameters", "modelParameters", "optional_params")
_SAMPLING = (
    "temperature", "top_p", "top_k", "min_p", "seed", "frequency_penalty", "presence_penalty", "reasoning_effort",
)  # fmt: skip
_MOST_TOKENS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_KEPT = frozenset({
    "sampler_path", "checkpoint", "checkpoint_uri", "checkpoint_path", "checkpoint_name", "adapter", "persona",
    "condition", "epoch", "family", "prompt_family", "prompt_id", "checkpoint_type", "base_model", "language", "model",
    "custom_id", "sample_id", "sample_index", "seed", "repeat", "trial", "steering", "steering_coef", "latency_seconds",
})  # fmt: skip
"""Columns beside a request and its response that say something of the sample."""
_TIMES = ("timestamp", "created_at", "createdAt", "startTime", "start_time", "requestedAt", "time")
_MILLISECONDS = 1e11
"""Numbers of seconds since 1970 are smaller than this, for three thousand years."""
_OPENS = re.compile(r"\s*[\[{]")


def exchange(
    row: Mapping[str, Any], requests: Mapping[str, Mapping[str, Any]] | None = None
) -> Iterator[dict[str, Any] | str] | None:
    """Return what a row with a request and its response says: a row for each answer, or why there is none.

    None where it is another row. ``requests`` are those of a batch, by ``custom_id``.
    """
    if (result := promptfoo_result(row)) is not None:
        return result
    asked, answered = _columns(tuple(row))
    if not (asked or answered):
        return None
    if isinstance(inner := row.get("standard_logging_object"), dict):
        row = inner
        asked, answered = _columns(tuple(row))
    request = next((found for name in asked if (found := _request(row[name])) is not None), None)
    response = next((found for name in answered if is_body(found := unwrapped(_parsed(row[name])))), None)
    if "custom_id" in row and request is None and (response is not None or failure_of(row)):
        return _rows(row, (requests or {}).get(str(row["custom_id"])), response)
    if response is not None and request is None and _request(row) is not None:
        request = row  # the request's own fields stand beside the response
    if request is None:
        return None
    if response is None:
        value = next((row[name] for name in answered if row[name] is not None and row[name] is not request), None)
        if (response := message_of(_parsed(value))) is None and not failure_of(row):
            return None
    return _rows(row, request, response)


def asks_of_a_batch(row: Any) -> tuple[str, Mapping[str, Any]] | None:
    """Return a batch's request with its ``custom_id``, where a row is one."""
    if not isinstance(row, dict) or "custom_id" not in row or "response" in row or "result" in row:
        return None
    request = next((found for name in ("body", "params") if (found := _request(row.get(name))) is not None), None)
    return None if request is None else (str(fit(row["custom_id"])), fit(request, hide=True))


def model_of_result(row: Mapping[str, Any]) -> str:
    """Return the model that a batch's result names; nothing where it names none."""
    for name in ("response", "result"):
        if isinstance(body := unwrapped(row.get(name)), dict) and isinstance(body.get("model"), str):
            return str(body["model"])
    return ""


def has_bodies(header: Iterable[str]) -> bool:
    """Whether a table has a column of requests and one of responses."""
    names = set(map(spelling, header))
    return all(not names.isdisjoint(columns) for columns in BODY_COLUMNS)


@lru_cache(maxsize=1024)
def _columns(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns that may hold a request, and those that may hold a response; none where it is no exchange."""
    spelt = {spelling(name): name for name in reversed(names) if isinstance(name, str)}
    asked = tuple(spelt[name] for name in _REQUESTS if name in spelt)
    answered = tuple(spelt[name] for name in _RESPONSES if name in spelt)
    possible = (asked and (answered or "error" in spelt)) or answered or "custom_id" in spelt
    if "standard_logging_object" in spelt:
        return asked or ("standard_logging_object",), answered
    return (asked, answered) if possible else ((), ())


def _parsed(value: Any) -> Any:
    """Return a value, the JSON that stands in it as text parsed."""
    if not (isinstance(value, str) and _OPENS.match(value)):
        return value
    try:
        return fit(parse_json(value), hide=True)
    except FileFault:
        return value


def _request(value: Any) -> Mapping[str, Any] | None:
    """Return the request that a value is, or has as its body; None where it is none."""
    value = _parsed(value)
    for _ in range(2):
        if not isinstance(value, dict):
            return None
        if isinstance(_parsed(value.get("messages")), list) or isinstance(value.get("contents"), list):
            return value
        asked = value.get("prompt", value.get("input"))
        if value.get("model") and isinstance(asked, (str, list)) and asked:
            return value
        value = _parsed(value.get("body"))
    return None


def _rows(row: Mapping[str, Any], request: Mapping[str, Any] | None, response: Any) -> Iterator[dict[str, Any] | str]:
    """Yield a row for each answer under the usual names, or why there is none."""
    if request is None:
        yield f"the request of custom_id {str(row.get('custom_id'))[:60]!r} is not there"
        return
    try:
        asked = _asked(request)
        failure = failure_of(row) or failure_of({"response": response})
        replies = list(replies_of(response))
    except UnusableRow as error:
        yield str(error)
        return
    if not replies and not failure:
        yield "its response holds no answer and no error"
        return
    told = {**_beside(row), **_setting(request, row, response), **asked, **_time(row, response)}
    if failure:
        yield {**told, "response": "", "error": failure, **_identity(row, response, 0)}
        return
    counted = _usage(response) if len(replies) == 1 else {}
    for number, reply in enumerate(replies):
        yield {**told, **counted, **_said(reply), **_identity(row, response, number)}


def _said(reply: Reply) -> dict[str, Any]:
    found = {"response": reply.text, "thinking": reply.thinking, "finish_reason": reply.finish_reason}
    return {name: value for name, value in found.items() if value is not None}


def _asked(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was asked, as turns; what the assistant's turn was begun with is its prefill."""
    if isinstance(request.get("contents"), list):
        request = of_gemini(request)
    given = next((found for name in ("messages", "input", "prompt") if (found := _parsed(request.get(name)))), None)
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], str):
        given = given[0]
    if isinstance(given, dict | int | float):
        raise UnusableRow("its request holds no text and no list of turns")
    turns = _turns(given) if isinstance(given, list) else (Message("user", given or ""),)
    system = next((request[name] for name in ("system", "instructions") if request.get(name)), None)
    if system and turns[0].role != "system":
        turns = (*_turns([{"role": "system", "content": system}]), *turns)
    return {"prompt": turns, **({"prefill": turns[-1].content} if turns[-1].role == "assistant" else {})}


def _turns(given: list[Any]) -> tuple[Message, ...]:
    """Return what was said before an answer. Raises :class:`UnusableRow`."""
    return read_conversation([*given, {"role": "assistant", "content": ""}], "messages").before


def _setting(request: Mapping[str, Any], row: Mapping[str, Any], response: Any) -> dict[str, Any]:
    """Return the model and how it was sampled."""
    more = next((found for name in _PARAMETERS if isinstance(found := _parsed(row.get(name)), dict)), {})
    said = {**more, **settings_of_gemini(request), **request}
    found = {name: said[name] for name in _SAMPLING if isinstance(said.get(name), (str, int, float))}
    if limit := next((said[name] for name in _MOST_TOKENS if said.get(name)), None):
        found["max_tokens"] = limit
    template = said.get("chat_template_kwargs")
    if not isinstance(template, dict) and isinstance(extra := said.get("extra_body"), dict):
        template = extra.get("chat_template_kwargs")
    if isinstance(template, dict) and isinstance(thinks := template.get("enable_thinking"), bool):
        found["enable_thinking"] = thinks
    answered = response if isinstance(response, dict) else {}
    if model := request.get("model") or row.get("model") or answered.get("model") or answered.get("modelVersion"):
        found["model"] = str(model)
    return found


def _beside(row: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: row[name] for name in row if name in _KEPT and isinstance(row[name], (str, int, float))}
    if isinstance(row.get("response_time"), (int, float)):
        found.setdefault("latency_seconds", row["response_time"])
    return found


def _time(row: Mapping[str, Any], response: Any) -> dict[str, Any]:
    said = [row.get(name) for name in _TIMES]
    said += [response.get(name) for name in ("created", "created_at")] if isinstance(response, dict) else []
    value = next((one for one in said if isinstance(one, (str, int, float)) and one), None)
    if isinstance(value, (int, float)):
        try:
            seconds = value / 1000 if value > _MILLISECONDS else value
            return {"timestamp": datetime.fromtimestamp(seconds, UTC).isoformat()}
        except (ValueError, OverflowError, OSError):
            return {}
    return {"timestamp": value} if value else {}


def _identity(row: Mapping[str, Any], response: Any, number: int) -> dict[str, Any]:
    """Return what tells an answer from those that are alike: the id of its response or request, and its number."""
    own = response.get("id") if isinstance(response, dict) else None
    found = own or row.get("custom_id") or row.get("id")
    return {RESPONSE_ID: f"{found} {number}"} if isinstance(found, (str, int)) and found else {"epoch": number}


def _usage(response: Any) -> dict[str, Any]:
    """Return the tokens that a response counts; what cannot be read is left out."""
    usage = response.get("usage") if isinstance(response, dict) else None
    if not isinstance(usage, dict):
        return {}
    found = {
        "prompt_tokens": usage.get("prompt_tokens", usage.get("input_tokens")),
        "completion_tokens": usage.get("completion_tokens", usage.get("output_tokens")),
    }
    details = usage.get("completion_tokens_details") or usage.get("output_tokens_details")
    if isinstance(details, dict):
        found["reasoning_tokens"] = details.get("reasoning_tokens")
    return {name: value for name, value in found.items() if value is not None}
