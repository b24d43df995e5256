"""The doctor's look at Tinker: the key, the way there, what it can do, the clock."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from charbench.cli.doctor import Finding

DEFAULT_URL = "https://tinker.thinkingmachines.dev/services/tinker-prod"
SECONDS = 5.0
"""Seconds that the whole look may take."""
MOST_SKEW = 60.0


def look_at_tinker() -> Iterator[Finding]:
    """Ask Tinker's health endpoint once, with a deadline; nothing is asked without a key."""
    key = os.environ.get("TINKER_API_KEY", "").strip()
    if not key:
        yield Finding("TINKER_API_KEY", "note", "not set", "only needed to train and sample on Tinker")
        return
    if not key.startswith("tml-") or len(key) < 8:
        yield Finding("TINKER_API_KEY", "bad", "set, but no Tinker key", "it must start with tml-")
        return
    yield Finding("TINKER_API_KEY", "ok", "set, and of the right form")
    url = os.environ.get("TINKER_BASE_URL") or DEFAULT_URL
    host = urlsplit(url).hostname or url
    try:
        status, date = _ask(f"{url.rstrip('/')}/api/v1/healthz", key)
    except (OSError, ssl.SSLError, HTTPException, socket.gaierror) as error:
        yield Finding("Tinker", "bad", f"{host} cannot be reached: {error}", "check the network and TINKER_BASE_URL")
        return
    if status in (401, 403):
        yield Finding("Tinker", "bad", f"{host} does not accept the key ({status})", "make a new key in the console")
    elif status >= 500:
        yield Finding("Tinker", "bad", f"{host} answers {status}", "try again later")
    else:
        yield Finding("Tinker", "ok", f"{host} answers {status}")
    if date is not None:
        skew = abs((datetime.now(UTC) - date).total_seconds())
        state, advice = ("ok", "") if skew < MOST_SKEW else ("bad", "set the clock: keys and expiry depend on it")
        yield Finding("clock", state, f"{skew:.0f} s from Tinker's", advice)


def _ask(url: str, key: str) -> tuple[int, datetime | None]:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    started = time.monotonic()
    connection = kind(parts.netloc, timeout=SECONDS)
    try:
        connection.request("GET", parts.path, headers={"X-API-Key": key})
        response = connection.getresponse()
        date = response.headers.get("Date")
        if time.monotonic() - started > 2 * SECONDS:
            raise TimeoutError("too slow")
        return response.status, parsedate_to_datetime(date) if date else None
    finally:
        connection.close()
