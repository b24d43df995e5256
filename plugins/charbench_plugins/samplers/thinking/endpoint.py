"""Which endpoint to ask, and with which key."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from charbench import ConfigError, keep_secret

TINKER = "https://tinker.thinkingmachines.dev/services/tinker-prod/oai/api/v1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible endpoint. The key is never part of what is shown."""

    base_url: str
    api_key: str = field(repr=False)


def find_endpoint(base_url: str | None, api_key_env: str | None, who: str = "sampler thinking") -> Endpoint:
    """Return the endpoint: the option, else ``OPENAI_BASE_URL``, else Tinker's where there is a Tinker key.

    A Tinker key goes to Tinker only, unless ``api_key_env`` names it. Raises :class:`ConfigError` where no
    endpoint is named, or a key is missing or of the wrong form; ``who`` is the component that asks.
    """
    given = base_url or os.environ.get("OPENAI_BASE_URL")
    if not given and not os.environ.get("TINKER_API_KEY"):
        raise ConfigError(
            f"{who}: no endpoint; set TINKER_API_KEY for Tinker's, or name one with "
            f"-o {who.replace(' ', '.')}.base_url=http://HOST:PORT/v1 (or OPENAI_BASE_URL)"
        )
    url = (given or TINKER).rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"{who}: base_url is {url!r}; it must start with http:// or https://")
    return Endpoint(url, keep_secret(_key(url, api_key_env, who)))


def is_tinker(url: str) -> bool:
    """Whether a URL is Tinker's own host, over TLS: nobody else is sent a Tinker key."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and parts.hostname == urlsplit(TINKER).hostname and parts.port in (None, 443)
    except ValueError:
        return False


def _key(url: str, api_key_env: str | None, who: str) -> str:
    if api_key_env:
        key = os.environ.get(api_key_env, "")
        if not key:
            raise ConfigError(f"{who}: environment variable {api_key_env} (api_key_env) is not set")
        return key
    if not is_tinker(url):
        return os.environ.get("OPENAI_API_KEY") or "none"
    key = os.environ.get("TINKER_API_KEY", "")
    if not key.startswith("tml-"):
        found = "is not set" if not key else "does not start with tml-"
        raise ConfigError(f"{who}: TINKER_API_KEY {found}; it is needed for {url}")
    return key
