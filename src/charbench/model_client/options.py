"""The options of a component that asks models through a :class:`charbench.ModelClient`."""

from __future__ import annotations

from charbench.components.base import added, operational
from charbench.components.limits import LimitsConfig

MAX_REPLY_BYTES = 8_000_000


class ModelClientConfig(LimitsConfig):
    """Where requests go, what their parameters are called, and how the endpoint is treated.

    Derive the ``Config`` of a sampler or a judge from this, and its :class:`charbench.ModelClient` goes by it.
    """

    base_url: str | None = operational(
        None,
        description="the endpoint; default: OPENAI_BASE_URL, or a plugin's whose key is set (TINKER_API_KEY)",
    )
    endpoint: str | None = operational(
        None, description="the endpoint by its name in 'endpoints', or by its URL; in place of base_url"
    )
    api_key_env: str | None = operational(None, description="name of the environment variable with the key")
    parameters: dict[str, str | None] = added(
        {}, description="request parameters to rename (max_tokens: max_completion_tokens) or leave out (seed: null)"
    )
    max_reply_bytes: int = operational(
        MAX_REPLY_BYTES, ge=1_000, le=2**31, description="maximum size of a reply in bytes, after decompression"
    )
