"""Opens the SDK's clients: the key is checked for its form first, and telemetry is off."""

from __future__ import annotations

import os
import re
from typing import Any

from charbench import ConfigError
from charbench_plugins.tinker_sdk.calls import call

_KEY = re.compile(r"tml-\S{4,}")
OPEN_SECONDS = 12.0
"""Seconds that connecting may take: a dead host is told soon."""
OPEN_PATIENCE = 4.0
"""Seconds of trouble after which connecting is given up; importing the SDK takes some more."""


def api_key() -> str:
    """Return the key; raises :class:`ConfigError` where it is missing or is no Tinker key. Never shown."""
    key = os.environ.get("TINKER_API_KEY", "").strip()
    if not key:
        raise ConfigError("TINKER_API_KEY is not set; make a key in Tinker's console and export it")
    if not _KEY.fullmatch(key):
        raise ConfigError("TINKER_API_KEY is no Tinker key: it must start with tml-")
    return key


def open_service(**metadata: str) -> Any:
    """Return a ``ServiceClient`` that has opened its session; raises within twelve seconds if there is none.

    ``metadata`` is kept with the session.
    """
    key = api_key()
    os.environ.setdefault("TINKER_TELEMETRY", "0")
    import tinker

    def connect() -> Any:
        service = tinker.ServiceClient(
            api_key=key, base_url=os.environ.get("TINKER_BASE_URL") or None, user_metadata=metadata or None
        )
        getattr(service, "holder", None)  # opens the session, which is else opened on first use, past our deadline
        return service

    return call("connecting to Tinker", connect, seconds=OPEN_SECONDS, patience=OPEN_PATIENCE)


def open_rest() -> Any:
    """Return a client for listing runs and checkpoints, in the way that this SDK's version has it."""
    key = api_key()
    os.environ.setdefault("TINKER_TELEMETRY", "0")
    import tinker

    if (rest := getattr(tinker, "RestClient", None)) is None:  # before 0.38 the service makes it
        return call("connecting to Tinker", open_service().create_rest_client, seconds=OPEN_SECONDS)
    arguments = {"api_key": key, **({"base_url": url} if (url := os.environ.get("TINKER_BASE_URL")) else {})}
    return call("connecting to Tinker", rest, seconds=OPEN_SECONDS, patience=OPEN_PATIENCE, **arguments)
