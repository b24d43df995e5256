"""The columns in which samples are exported, and read again as recordings."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

LAB_COLUMNS = (
    "timestamp", "checkpoint_name", "persona", "checkpoint_type", "base_model", "sampler_path", "source",
    "prompt_id", "prompt", "response", "thinking", "latency_seconds", "error", "response_length",
    "thinking_length",
)  # fmt: skip
"""The lab's own columns, in its order; ``latency_seconds`` in seconds, lengths in characters."""
OWN_COLUMNS = (
    "key", "epoch", "condition", "prompt_family", "language", "state", "finish_reason", "prompt_tokens",
    "completion_tokens", "reasoning_tokens", "max_tokens", "prefill", "raw", "raw_reasoning",
    "error_kind", "sampler",
)  # fmt: skip
"""What charbench adds after them."""


class ColumnKind(StrEnum):
    """What a column of a tidy table holds; any value may be None."""

    CATEGORY = "category"
    """A text that many rows share."""
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    """A :class:`datetime.datetime` in UTC, without a zone."""


SAMPLE_KINDS: Mapping[str, ColumnKind] = {
    **dict.fromkeys((*LAB_COLUMNS, *OWN_COLUMNS), ColumnKind.CATEGORY),
    **dict.fromkeys(("key", "response", "thinking", "raw", "raw_reasoning", "error"), ColumnKind.TEXT),
    **dict.fromkeys(
        ("response_length", "thinking_length", "epoch", "prompt_tokens", "completion_tokens", "reasoning_tokens",
         "max_tokens"),
        ColumnKind.INTEGER,
    ),
    "latency_seconds": ColumnKind.NUMBER,
    "timestamp": ColumnKind.TIME,
}  # fmt: skip
"""What each of them holds."""
