"""What ``charbench doctor`` checks of Tinker: the key, whether it can be reached, its models, the clock."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from charbench import CheckResult, ConfigError, Endpoint, SamplingError, endpoint_at, in_background, redact
from charbench_plugins.tinker_sdk.key import VARIABLE, credential, required
from charbench_plugins.tinker_sdk.reach import DEFAULT_URL

SECONDS = 3.0
"""Seconds that each of the two looks may take, whatever the network does meanwhile."""
MOST_SKEW = 60.0
_ADVICE = {
    401: "make a new key in Tinker's console",
    402: "the account has no credit left: add credit",
    403: "the key has no permission for this: make another one in Tinker's console",
}


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What a server said."""

    status: int
    body: bytes
    date: datetime | None

    @property
    def content(self) -> dict[str, Any]:
        """The body's JSON object, empty if it is none."""
        try:
            content = json.loads(self.body)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}


def look_at_tinker() -> Iterator[CheckResult]:
    """Ask Tinker for its health and what it can do, each with a deadline; nothing is asked without a key."""
    try:
        found = credential()
    except ConfigError as error:
        where, _, fault = str(error).partition(": ")
        yield CheckResult(where.partition(" ")[0], "bad", "set, but no Tinker key", fault)
        return
    if found is None:
        yield CheckResult(VARIABLE, "note", "not set", "only needed to train and sample on Tinker")
        return
    try:
        key = found.token(SECONDS)
    except ConfigError as error:
        yield CheckResult(found.source, "bad", str(error).removeprefix(f"{found.source}: "))
        return
    yield CheckResult(found.source, "ok", "set, and of the right form")
    endpoint = _endpoint()
    host = urlsplit(endpoint.base_url).hostname or endpoint.base_url
    health = _in_time(lambda: _ask(endpoint, "healthz"))
    if isinstance(health, str):
        yield CheckResult(
            "Tinker", "bad", f"{host} cannot be reached: {health}", "check the network and TINKER_BASE_URL"
        )
        return
    yield from _reached(host, health)
    if health.status < 500:
        yield _able(_in_time(lambda: _capabilities(endpoint, key)))
    if health.date is not None:
        skew = abs((datetime.now(UTC) - health.date).total_seconds())
        state, advice = ("ok", "") if skew < MOST_SKEW else ("bad", "set the clock: keys and expiry depend on it")
        yield CheckResult("clock", state, f"{skew:.0f} s from Tinker's", advice)


def supported_models() -> list[str]:
    """Ask Tinker which base models it serves with this key; sorted.

    Raises :class:`ConfigError` without a key of the right form, :class:`SamplingError` where there is no answer or the
    key is refused.
    """
    endpoint, key = _endpoint(), required().token()
    given = _in_time(lambda: _capabilities(endpoint, key))
    if isinstance(given, str):
        raise SamplingError(f"Tinker does not answer: {given}", kind="connection", retryable=True)
    if given.status != 200:
        advice = _ADVICE.get(given.status, "try again later")
        raise SamplingError(f"Tinker answers {given.status}: {advice}", kind=f"http_{given.status}")
    models = given.content.get("supported_models")
    found = (one.get("model_name") if isinstance(one, dict) else one for one in models or ())
    return sorted(str(name) for name in found if name)


def _endpoint() -> Endpoint:
    return endpoint_at(os.environ.get("TINKER_BASE_URL") or DEFAULT_URL, "TINKER_BASE_URL")


def _reached(host: str, health: HttpReply) -> Iterator[CheckResult]:
    if health.status >= 500:
        yield CheckResult("Tinker", "bad", f"{host} answers {health.status}", "try again later")
    elif health.status == 404:
        yield CheckResult("Tinker", "bad", f"{host} is no Tinker server (404)", "check TINKER_BASE_URL")
    else:
        yield CheckResult("Tinker", "ok", f"{host} answers {health.status}")


def _able(given: HttpReply | str) -> CheckResult:
    """Return what the server says it can do with this key."""
    what = "supported models"
    if isinstance(given, str):
        return CheckResult(what, "bad", f"no answer: {given}", "try again later")
    if given.status in _ADVICE:
        return CheckResult(what, "bad", f"the key is refused ({given.status})", _ADVICE[given.status])
    if given.status != 200:
        return CheckResult(what, "bad", f"the server answers {given.status}", "try again later")
    models = given.content.get("supported_models")
    if not isinstance(models, list) or not models:
        return CheckResult(what, "note", "the server names none")
    return CheckResult(what, "ok", f"{len(models):,}")


def _capabilities(endpoint: Endpoint, key: str) -> HttpReply:
    """Ask what the server can do: with the key, or with the token that it is exchanged for."""
    what = "get_server_capabilities"
    answer = _ask(endpoint, what, key)
    if answer.status != 401:
        return answer
    token = _ask(endpoint, "auth/token", key, b"{}").content.get("jwt")
    return _ask(endpoint, what, token) if isinstance(token, str) else answer


def _ask(endpoint: Endpoint, what: str, key: str | None = None, content: bytes | None = None) -> HttpReply:
    """Ask one thing; an error status is an answer, too."""
    headers = {"Content-Type": "application/json", **({"X-API-Key": key} if key else {})}
    if endpoint.authorization:
        headers["Authorization"] = endpoint.authorization
    url = f"{endpoint.base_url}/api/v1/{what}"
    request = urllib.request.Request(url, data=content, headers=headers)  # noqa: S310  the user's own base URL
    try:
        response = urllib.request.urlopen(request, timeout=SECONDS)  # noqa: S310
    except urllib.error.HTTPError as error:
        response = error
    with response:
        date = response.headers.get("Date")
        return HttpReply(response.status, response.read(1_000_000), parsedate_to_datetime(date) if date else None)


def _in_time(ask: Callable[[], HttpReply]) -> HttpReply | str:
    """Return the answer, or why there is none; a thread that hangs, be it in looking up a name, is left behind."""
    try:
        return in_background(ask, "doctor").result(SECONDS)
    except TimeoutError:
        return f"no answer within {SECONDS:g} s"
    except (OSError, HTTPException, ValueError) as error:
        return redact(str(getattr(error, "reason", None) or error) or type(error).__name__)
