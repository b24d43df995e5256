"""From an endpoint's JSON to what a judge reads; a reply that is no answer is a failure."""

from __future__ import annotations

from typing import Any

from charbench.components.generation import GenerationConfig
from charbench.components.replies import malformed_reply, reading_reply
from charbench.domain.end_reasons import EndReason, end_reason
from charbench.domain.sample import Completion
from charbench.errors import SamplingError
from charbench.model_client.cache import ModelAnswer
from charbench.model_client.completions import parse_answer
from charbench.model_client.http_client import FILTERED
from charbench.text.redaction import redact

MOST_TOKENS = 20
"""Likeliest first tokens that are kept."""
CUT = "cut"
"""Kind of failure of an answer that the token limit ended."""
_LONGEST_REFUSAL = 200
_GENERATION = GenerationConfig()


def read_model_answer(said: Any, where: str, *, limit_is_meant: bool) -> ModelAnswer:
    """Return the answer of the endpoint ``where``; raises :class:`SamplingError` where the model did not finish it."""
    with reading_reply(where):
        choice = _choice(said, where)
        message = choice["message"]
        ended = end_reason(choice.get("finish_reason"))
        if ended is EndReason.ERROR:
            raise malformed_reply(where, f"the model's reply ended with an error ({choice.get('error')})")
        given = _completion(said, where)
        content = (given.text or "") if message.get("content") else ""
        refusal = message.get("refusal") or ""
        if not isinstance(refusal, str):
            raise TypeError("its refusal is no text")
        thinks = bool(given.reasoning and not content)
        top = None if thinks else _top(choice.get("logprobs"))  # they would be those of the reasoning
    answer = ModelAnswer(content, top, shortened(refusal), ended is EndReason.LENGTH)
    fault = _fault(answer, ended, where, limit_is_meant=limit_is_meant, thinks=thinks)
    if fault is not None:
        raise fault
    return answer


def _choice(said: Any, where: str) -> Any:
    """Return the first choice; a server may send several, and in any order."""
    choices = said["choices"]
    if not choices:
        raise malformed_reply(where, "the answer holds no choices")
    return min(choices, key=lambda one: one["index"]) if all("index" in one for one in choices) else choices[0]


def _completion(said: Any, where: str) -> Completion:
    """Return text and reasoning in all forms in which servers send them."""
    try:
        return parse_answer(said, "", _GENERATION)[0]
    except SamplingError as error:
        raise malformed_reply(where, error) from error


def _fault(
    answer: ModelAnswer, ended: EndReason | None, where: str, *, limit_is_meant: bool, thinks: bool
) -> SamplingError | None:
    if ended is EndReason.FILTERED and not answer.refusal:
        return SamplingError(f"a content filter ended the answer from {where}", kind=FILTERED)
    if ended is EndReason.LENGTH:
        told = f"the answer from {where} was cut by its token limit (option max_tokens), reasoning included"
        return None if limit_is_meant else SamplingError(told, kind=CUT)
    if answer.is_empty:
        told = "the model calls a tool" if ended is EndReason.TOOL_CALL else "all of it is reasoning" if thinks else ""
        return malformed_reply(where, f"the answer is empty{told and f': {told}'}")
    return None


def shortened(refusal: str) -> str:
    """Return the words of a refusal on one line, without secrets and cut."""
    return redact(" ".join(refusal.split()))[:_LONGEST_REFUSAL]


def _top(logprobs: Any) -> tuple[tuple[str, float], ...] | None:
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not tokens or not tokens[0].get("top_logprobs"):
        return None
    entries = tokens[0]["top_logprobs"][:MOST_TOKENS]
    return tuple((str(entry["token"]), float(entry["logprob"])) for entry in entries)
