"""Why a reply ended: one vocabulary for the words that servers use, in any case."""

from __future__ import annotations

from enum import StrEnum


class EndReason(StrEnum):
    """Why a reply ended."""

    STOP = "stop"
    """The model ended it, or a stop text did."""
    LENGTH = "length"
    """A token limit cut it off."""
    FILTERED = "filtered"
    """A content filter ended it."""
    TOOL_CALL = "tool_call"
    """The model called a tool in place of an answer."""
    ERROR = "error"
    """The server gave it up: such a reply is a failure."""
    OTHER = "other"
    """A word that is in no list."""


_WORDS = {
    EndReason.STOP: "stop eos end_turn stop_sequence complete completed eos_token finish finished end done",
    EndReason.LENGTH: "length max_tokens model_length max_output_tokens max_length max_completion_tokens token_limit",
    EndReason.FILTERED: "content_filter content_filtered safety recitation blocklist prohibited_content spii sensitive "
    "refusal guardrail_intervened content_policy_violation responsibleaipolicyviolation data_inspection_failed",
    EndReason.TOOL_CALL: "tool_calls tool_call function_call tool_use",
    EndReason.ERROR: "error abort aborted cancelled canceled failed network_error timeout insufficient_system_resource",
}
"""From OpenAI, Azure, Anthropic, Google, Mistral, vLLM, SGLang, llama.cpp, TGI, OpenRouter, Tinker and DashScope."""
_REASON_OF = {word: reason for reason, words in _WORDS.items() for word in words.split()}


def end_reason(word: str | None) -> EndReason | None:
    """Return what a server's finish reason means; None where it gave none."""
    if word is None:
        return None
    known = _REASON_OF.get(word)
    if known is None:
        known = _REASON_OF.get(word.strip().lower().rpartition(".")[2].removeprefix("finish_reason_").replace("-", "_"))
    return known or EndReason.OTHER
