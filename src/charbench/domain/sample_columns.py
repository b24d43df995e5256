"""The columns in which samples are exported, and read again as recordings."""

from __future__ import annotations

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
