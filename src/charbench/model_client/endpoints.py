"""Which endpoint to send requests to, and with which key."""

from __future__ import annotations

import os
from collections.abc import Sequence

from charbench.components.endpoint import DefaultEndpoint, Endpoint, endpoint_at
from charbench.components.trust import TRUSTING, Trust
from charbench.errors import ConfigError


def find_endpoint(
    base_url: str | None,
    api_key_env: str | None,
    who: str,
    trust: Trust = TRUSTING,
    defaults: Sequence[DefaultEndpoint] = (),
) -> Endpoint:
    """Return the endpoint: the option, else ``OPENAI_BASE_URL``, else the first of ``defaults`` whose key is set.

    The key of a default endpoint goes to its own host only, unless ``api_key_env`` names it; to a host that only a file
    names goes none. Raises :class:`ConfigError` where no endpoint is named, a key is missing or of the wrong form, or
    the host may not have it; ``who`` is the component that asks.
    """
    url = base_url or os.environ.get("OPENAI_BASE_URL")
    if not url:
        url = next((one.url for one in defaults if os.environ.get(one.api_key_env)), None)
    if not url:
        offers = "".join(f"set {one.api_key_env} for {one.owner}'s, or " for one in defaults)
        option = f"-o {who.replace(' ', '.')}.base_url=http://HOST:PORT/v1"
        raise ConfigError(f"{who}: no endpoint; {offers}name one with {option} (or OPENAI_BASE_URL)")
    url = url.rstrip("/")
    own = None if api_key_env else next((one for one in defaults if one.is_at(url)), None)
    if own is not None:
        own.check_key(who)
    default_env = own.api_key_env if own else "OPENAI_API_KEY"
    return endpoint_at(url, who, api_key_env=api_key_env, default_env=default_env, trust=trust)
