"""Sends requests with the openai client, one try each: the engine tries again, and nobody else.

The answer is taken as it came and parsed once: building the client's own response models would cost more
than the request itself.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from charbench import Endpoint, RefusedError, SamplingError, redact

_RETRYABLE = frozenset({408, 409, 425, 429})
_REFUSED = {
    401: "the endpoint does not accept the key",
    402: "the account has no credit left",
    403: "the key may not use this model",
    404: "the endpoint does not know this model",
}
_LONGEST_MESSAGE = 300
_NO_KEY: Any = {"idempotency_key": ""}
"""No idempotency key: making one costs a system call, and the endpoints that we know do not read it."""


class Client:
    """A connection pool to one endpoint; opened at the first request, in the event loop that uses it."""

    def __init__(self, endpoint: Endpoint) -> None:
        import openai  # noqa: F401  seconds on a slow disk: they are not to count as the first request's

        self._endpoint = endpoint
        self._openai: Any = None

    def _open(self) -> Any:
        from openai import AsyncOpenAI, DefaultAioHttpClient

        if self._openai is None:
            authorization = self._endpoint.authorization
            self._openai = AsyncOpenAI(
                base_url=self._endpoint.base_url,
                api_key=self._endpoint.api_key or "none",
                default_headers={"Authorization": authorization} if authorization else None,
                max_retries=0,
                timeout=None,  # the engine keeps the deadline
                http_client=DefaultAioHttpClient(),
            )
        return self._openai

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """Return the answer's JSON; raises :class:`SamplingError` for everything that is none."""
        import openai
        from httpx2 import Response

        url = f"{self._endpoint.base_url}{path}"
        content = json.dumps(body).encode()
        try:
            response = await self._open().post(url, cast_to=Response, content=content, options=_NO_KEY)
        except openai.APIStatusError as error:
            raise _status_error(error, self._endpoint.withheld) from None
        except openai.APIConnectionError as error:  # "timeouts" too: the client keeps no time, so they are none
            reason = redact(str(error.__cause__ or error))[:_LONGEST_MESSAGE]
            where = self._endpoint.base_url
            raise SamplingError(f"no connection to {where}: {reason}", kind="connection", retryable=True) from None
        try:
            answer = json.loads(response.content)
        except ValueError as error:
            raise SamplingError(f"the answer is not JSON: {error}", kind="bad_response", retryable=True) from None
        if isinstance(answer, dict) and answer.get("error") and not answer.get("choices"):
            raise SamplingError(f"the endpoint says: {_message(answer)}", kind="server", retryable=True)
        return answer

    async def aclose(self) -> None:
        """Close the pool; the next request opens another."""
        if self._openai is not None:
            client, self._openai = self._openai, None
            await client.close()


def _status_error(error: Any, withheld: str) -> SamplingError:
    status = int(error.status_code)
    said = _message(error.body)
    if status in _REFUSED:
        why = f"; none was sent: {withheld}" if withheld and status in (401, 403) else ""
        return RefusedError(f"{_REFUSED[status]} ({status}: {said}){why}", kind=f"http_{status}")
    kind = "rate_limit" if status == 429 else "server" if status >= 500 else f"http_{status}"
    return SamplingError(
        f"the endpoint answered {status}: {said}",
        kind=kind,
        retryable=status in _RETRYABLE or status >= 500,
        retry_after=_retry_after(error.response.headers.get("retry-after")),
    )


def _message(body: Any) -> str:
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]
    if isinstance(body, dict):
        body = body.get("message") or body.get("error") or body.get("detail") or body
    return " ".join(redact(str(body or "nothing more")).split())[:_LONGEST_MESSAGE]


def _retry_after(value: str | None) -> float | None:
    """Return seconds from a Retry-After header: a number, or a date; None where it says neither."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
