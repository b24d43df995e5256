"""Which endpoint to send requests to, and with which key."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from charbench.components.endpoint import Endpoint, endpoint_at
from charbench.components.trust import TRUSTING, Trust
from charbench.errors import ConfigError

TINKER = "https://tinker.thinkingmachines.dev/services/tinker-prod/oai/api/v1"


def find_endpoint(base_url: str | None, api_key_env: str | None, who: str, trust: Trust = TRUSTING) -> Endpoint:
    """Return the endpoint: the option, else ``OPENAI_BASE_URL``, else Tinker's where there is a Tinker key.

    A Tinker key goes to Tinker only, unless ``api_key_env`` names it; to a host that only a file names goes none.
    Raises :class:`ConfigError` where no endpoint is named, a key is missing or of the wrong form, or the host may
    not have it; ``who`` is the component that asks.
    """
    given = base_url or os.environ.get("OPENAI_BASE_URL")
    if not given and not os.environ.get("TINKER_API_KEY"):
        raise ConfigError(
            f"{who}: no endpoint; set TINKER_API_KEY for Tinker's, or name one with "
            f"-o {who.replace(' ', '.')}.base_url=http://HOST:PORT/v1 (or OPENAI_BASE_URL)"
        )
    url = (given or TINKER).rstrip("/")
    tinkers = is_tinker(url) and not api_key_env and "@" not in url
    if tinkers:
        key = os.environ.get("TINKER_API_KEY", "")
        if not key.startswith("tml-"):
            found = "is not set" if not key else "does not start with tml-"
            raise ConfigError(f"{who}: TINKER_API_KEY {found}; it is needed for {url}")
    default = "TINKER_API_KEY" if tinkers else "OPENAI_API_KEY"
    return endpoint_at(url, who, api_key_env=api_key_env, default_env=default, trust=trust)


def is_tinker(url: str) -> bool:
    """Whether a URL is Tinker's own host, over TLS: nobody else is sent a Tinker key."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and parts.hostname == urlsplit(TINKER).hostname and parts.port in (None, 443)
    except ValueError:
        return False
