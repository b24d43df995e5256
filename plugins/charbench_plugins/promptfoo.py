"""Results of promptfoo (``promptfoo eval -o results.json`` or ``.jsonl``): what was asked and answered in each.

A result is an ``EvaluateResult`` of https://github.com/promptfoo/promptfoo/blob/main/src/types/index.ts: ``prompt.raw``
is the prompt with its variables filled in, a text or a list of turns as JSON; ``provider`` has ``label`` and ``id``;
``response`` has ``output``, or ``error``. The ``error`` beside them is that of a failed assertion as well, which is no
failure of the sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from charbench import FileFault, UnusableRow, parse_json, read_conversation
from charbench_plugins.replies import is_body, replies_of, unwrapped

_ERROR = 2
"""The ``failureReason`` of a result that has no answer; 1 is an assertion's."""
_THINKING = "Thinking: "
"""What promptfoo writes before reasoning that it puts into the output."""
_SAMPLING = ("temperature", "top_p", "max_tokens", "reasoning_effort")
_TOKENS = (("prompt", "prompt_tokens"), ("completion", "completion_tokens"))
_THOUSAND = 1000


def promptfoo_result(row: Mapping[str, Any]) -> Iterator[dict[str, Any] | str] | None:
    """Return what a result says under the usual names, or why it cannot be used; None where a row is no result."""
    prompt, provider = row.get("prompt"), row.get("provider")
    if not (isinstance(prompt, dict) and isinstance(prompt.get("raw"), str) and "success" in row):
        return None
    if not isinstance(provider, (dict, str)) or not ("response" in row or "error" in row):
        return None
    return _rows(row, prompt["raw"], provider if isinstance(provider, dict) else {"id": provider})


def _rows(row: Mapping[str, Any], asked: str, provider: Mapping[str, Any]) -> Iterator[dict[str, Any] | str]:
    given = row.get("response")
    response = given if isinstance(given, dict) else {"output": given}
    if _rewritten(row) or _rewritten(response):
        yield "a strategy of promptfoo's red team has asked something else than its prompt says"
        return
    name = provider.get("label") or provider.get("id")
    if not isinstance(name, str):
        yield "its provider has neither a label nor an id"
        return
    failure = response.get("error") or (row.get("error") if row.get("failureReason") == _ERROR else None)
    try:
        told = {"model": name, "prompt": _prompt(asked), **_beside(row, provider, response)}
        said = {"response": "", "error": str(failure)} if failure else _answer(response)
    except UnusableRow as error:
        yield str(error)
        return
    yield {**told, **said}


def _rewritten(said: Mapping[str, Any]) -> bool:
    known = said.get("metadata")
    return isinstance(known, dict) and bool(known.get("redteamFinalPrompt"))


def _prompt(asked: str) -> Any:
    """Return what was asked: a text, or turns where the text is a list of them. Raises :class:`UnusableRow`."""
    turns = _parsed(asked)
    if isinstance(turns, list) and turns and all(isinstance(turn, dict) and "role" in turn for turn in turns):
        return read_conversation([*turns, {"role": "assistant", "content": ""}], "prompt").before
    return asked


def _answer(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer, from the server's own reply where that is kept. Raises :class:`UnusableRow`."""
    reason = response.get("finishReason")
    if is_body(body := unwrapped(_parsed(response.get("raw")))) and len(replies := list(replies_of(body))) == 1:
        (reply,) = replies
        found = {"response": reply.text, "thinking": reply.thinking, "finish_reason": reply.finish_reason or reason}
        return {name: value for name, value in found.items() if value is not None}
    output = response.get("output")
    if not isinstance(output, str):
        raise UnusableRow("its output is no text")
    if output.startswith(_THINKING):
        raise UnusableRow(
            f"its output begins with {_THINKING!r}, and where the answer begins cannot be told: showThinking: false in "
            "the provider's configuration leaves the thinking out"
        )
    return {"response": output, **({"finish_reason": reason} if isinstance(reason, str) else {})}


def _beside(row: Mapping[str, Any], provider: Mapping[str, Any], response: Mapping[str, Any]) -> dict[str, Any]:
    """Return how it was sampled, as far as the provider's configuration says, and what it took."""
    number = row.get("id")
    config = provider.get("config")
    said = config if isinstance(config, dict) else {}
    found = {name: said[name] for name in _SAMPLING if isinstance(said.get(name), (str, int, float))}
    found |= {"sample_id": number} if isinstance(number, (str, int)) else {}
    used = response.get("tokenUsage")
    if isinstance(used, dict) and not response.get("cached"):
        found |= {name: used[theirs] for theirs, name in _TOKENS if isinstance(used.get(theirs), int)}
    if isinstance(milliseconds := row.get("latencyMs"), (int, float)) and not response.get("cached"):
        found["latency_seconds"] = milliseconds / _THOUSAND
    return found


def _parsed(value: Any) -> Any:
    if not (isinstance(value, str) and value.lstrip().startswith(("[", "{"))):
        return value
    try:
        return parse_json(value)
    except FileFault:
        return value
