"""Opens the SDK's clients: the key is checked for its form first, and telemetry is off."""

from __future__ import annotations

import os
import time
from typing import Any

from charbench import with_quoted_userinfo
from charbench_plugins.tinker_sdk import reach
from charbench_plugins.tinker_sdk.calls import call
from charbench_plugins.tinker_sdk.failures import out_of_reach
from charbench_plugins.tinker_sdk.key import api_key

PROJECT = "id of the Tinker project that it is part of; default: TINKER_PROJECT_ID's"
"""What the option ``project_id`` is."""
OPEN_SECONDS = 12.0
"""Seconds that connecting may take."""
OPEN_PATIENCE = 4.0
"""Seconds of trouble after which connecting is given up; importing the SDK takes some more."""
_BREATH = 0.5
"""Seconds between two looks for the host: one lost packet is no dead host."""


def _base_url() -> str | None:
    """Return where the SDK is to look, None for where it looks by itself."""
    url = os.environ.get("TINKER_BASE_URL")
    return with_quoted_userinfo(url) if url else None


def _find_host() -> None:
    """Raise if the host is not there: told before the SDK, whose import takes seconds, tries for five minutes."""
    if reach.look():
        time.sleep(_BREATH)
        if reason := reach.look():
            raise out_of_reach("connecting to Tinker", reason)


def open_service(project: str | None = None, **metadata: str) -> Any:
    """Return a ``ServiceClient`` that has opened its session; raises within seconds if there is no way to one.

    ``project`` is the id of the project that the session is part of, None for ``TINKER_PROJECT_ID``'s, if there is one;
    ``metadata`` is kept with the session.
    """
    key = api_key()
    _find_host()
    os.environ.setdefault("TINKER_TELEMETRY", "0")
    import tinker

    def connect() -> Any:
        service = tinker.ServiceClient(
            api_key=key, base_url=_base_url(), user_metadata=metadata or None, project_id=project
        )
        getattr(service, "holder", None)  # opens the session, which is else opened on first use, past our deadline
        return service

    return call("connecting to Tinker", connect, seconds=OPEN_SECONDS, patience=OPEN_PATIENCE)


def open_rest() -> Any:
    """Return a client for listing runs and checkpoints, in the way that this SDK's version has it."""
    key = api_key()
    _find_host()
    os.environ.setdefault("TINKER_TELEMETRY", "0")
    import tinker

    if (rest := getattr(tinker, "RestClient", None)) is None:  # before 0.38 the service makes it
        return call("connecting to Tinker", open_service().create_rest_client, seconds=OPEN_SECONDS)
    arguments: dict[str, Any] = {"api_key": key}
    if url := _base_url():
        arguments["base_url"] = url
    return call("connecting to Tinker", rest, seconds=OPEN_SECONDS, patience=OPEN_PATIENCE, **arguments)
