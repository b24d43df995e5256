"""Sends requests with the openai client, one try each: a :class:`charbench.RetryPolicy` tries again, and nobody else.

The answer is taken as it came and parsed once: building the client's own response models would cost more
than the request itself.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from charbench.components.endpoint import Endpoint
from charbench.components.replies import malformed_reply, reading_reply
from charbench.deferred_package import deferred
from charbench.domain.end_reasons import EndReason, end_reason
from charbench.errors import RefusedError, SamplingError
from charbench.model_client.late_certificates import certificates_when_needed
from charbench.model_client.renewed_key import RenewedKey
from charbench.text.redaction import redact

_RETRYABLE = frozenset({408, 409, 425, 429})
_REFUSED = {
    401: "the endpoint does not accept the key",
    402: "the account has no credit left",
    403: "the key has no permission for this model",
    404: "the endpoint has no such model",
}
_LONGEST_MESSAGE = 300
FILTERED = "filtered"
"""Kind of failure of a request, or of its answer, that a content filter stopped."""
_ABOUT_THIS_MACHINE = ("Lang", "Package-Version", "OS", "Arch", "Runtime", "Runtime-Version", "Async")
"""What the client's headers ``X-Stainless-...`` tell its maker of us; each costs 10 µs a request."""


def load_client() -> None:
    """Import the openai client, without the models of the replies of all its service's APIs (0.15 s, 14 MB).

    Certificates are read where a connection needs them (0.05 s).
    """
    with certificates_when_needed(), deferred("openai.types", "openai.types.responses"):
        import openai  # noqa: F401


class HttpClient:
    """A connection pool to one endpoint; opened at the first request, in the event loop that uses it."""

    def __init__(self, endpoint: Endpoint, max_reply_bytes: int) -> None:
        load_client()  # seconds on a slow disk: they are not to count as the first request's
        self._endpoint, self._max_reply_bytes = endpoint, max_reply_bytes
        self._where = redact(endpoint.base_url)
        self._openai: Any = None
        self._renewed = RenewedKey(endpoint.renewed_by) if endpoint.renewed_by else None

    def _open(self) -> Any:
        if self._openai is None:
            from openai import Omit

            from charbench.model_client.prepared_requests import PreparedClient

            authorization = self._endpoint.authorization
            headers: Any = {f"X-Stainless-{name}": Omit() for name in _ABOUT_THIS_MACHINE}
            if authorization:
                headers["Authorization"] = authorization
            self._openai = PreparedClient(
                self._where,
                self._max_reply_bytes,
                base_url=self._endpoint.base_url,
                api_key=self._endpoint.api_key or "none",
                default_headers=headers,
                max_retries=0,
                timeout=None,  # the engine keeps the deadline
            )
        return self._openai

    async def get(self, path: str) -> Any:
        """Return the JSON at a path; raises :class:`SamplingError` as :meth:`post` does."""
        return await self._answer(path, None)

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """Return the answer's JSON; raises :class:`SamplingError` for everything that is none."""
        return await self._answer(path, json.dumps(body).encode())

    async def _answer(self, path: str, content: bytes | None) -> Any:
        """Post ``content``, or get where it is None; once more where its key was refused and is renewed."""
        renewed = self._renewed
        if renewed is None:
            return await self._send(path, content)
        sent = await renewed.current()
        try:
            return await self._send(path, content, sent)
        except RefusedError as error:
            if error.kind != "http_401" or not await renewed.replaces(sent):
                raise
        return await self._send(path, content, await renewed.current())

    async def _send(self, path: str, content: bytes | None, key: str | None = None) -> Any:
        import openai

        url = f"{self._endpoint.base_url}{path}"
        client = self._open()
        if key is not None:
            client.use_key(key)
        try:
            response = await client.ask(url, content)
        except openai.APIStatusError as error:
            raise _status_error(error, self._endpoint.withheld) from None
        except openai.APIConnectionError as error:  # "timeouts" too: the client keeps no time, so they are none
            reason = redact(str(error.__cause__ or error))[:_LONGEST_MESSAGE]
            text = f"no connection to {self._where}: {reason}"
            raise SamplingError(text, kind="connection", retryable=True) from None
        except openai.OpenAIError as error:
            raise malformed_reply(self._where, error) from error
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            raise malformed_reply(self._where, "it is a stream of events, and none was asked for")
        with reading_reply(self._where):
            answer = json.loads(response.content)
        if isinstance(answer, dict) and not answer.get("choices"):
            self._check_for_error(answer)
        return answer

    def _check_for_error(self, answer: dict[str, Any]) -> None:
        """Raise what an answer with the status 200 reports in its body; the code there counts as the status.

        Besides ``error`` there is MiniMax's ``base_resp``, whose codes are its own.
        """
        own = answer.get("base_resp")
        if answer.get("error"):
            error = answer["error"]
            if _is_filtered(answer):
                raise _filtered(answer)
            status = _status(error.get("code") if isinstance(error, dict) else None)
            if status is not None:
                raise _fault(status, _message(answer), self._endpoint.withheld, None)
            raise SamplingError(f"the endpoint reports: {_message(answer)}", kind="server", retryable=True)
        if isinstance(own, dict) and own.get("status_code"):
            said = _message({"message": own.get("status_msg") or f"code {own['status_code']}"})
            raise SamplingError(f"the endpoint reports: {said}", kind="server", retryable=True)

    async def aclose(self) -> None:
        """Close the pool; the next request opens another."""
        if self._openai is not None:
            client, self._openai = self._openai, None
            await client.close()


def _status_error(error: Any, withheld: str) -> SamplingError:
    if int(error.status_code) < 500 and _is_filtered(error.body):
        return _filtered(error.body)
    retry_after = _retry_after(error.response.headers.get("retry-after"))
    return _fault(int(error.status_code), _message(error.body), withheld, retry_after)


def _is_filtered(body: Any) -> bool:
    """Return whether an error says that a content filter stopped the prompt, and not that the request is wrong.

    Azure and OpenAI say so by the error's code, OpenRouter by what it holds of the text (with the status 403).
    """
    error = _inner(body)
    if not isinstance(error, dict):
        return False
    code, more = error.get("code"), error.get("metadata")
    if isinstance(code, str) and end_reason(code) is EndReason.FILTERED:
        return True
    return isinstance(more, dict) and "flagged_input" in more


def _filtered(body: Any) -> SamplingError:
    return SamplingError(f"a content filter stopped the request: {_message(body)}", kind=FILTERED)


def _inner(body: Any) -> Any:
    return body["error"] if isinstance(body, dict) and isinstance(body.get("error"), dict) else body


def _status(code: Any) -> int | None:
    """Return the HTTP status that a code in a body is, None where it is none."""
    if isinstance(code, str) and code.isascii() and code.isdecimal():
        code = int(code[:4])
    return code if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600 else None


def _fault(status: int, said: str, withheld: str, retry_after: float | None) -> SamplingError:
    if status in _REFUSED:
        why = f"; none was sent: {withheld}" if withheld and status in (401, 403) else ""
        return RefusedError(f"{_REFUSED[status]} ({status}: {said}){why}", kind=f"http_{status}")
    kind = "rate_limit" if status == 429 else "server" if status >= 500 else f"http_{status}"
    return SamplingError(
        f"the endpoint answered {status}: {said}",
        kind=kind,
        retryable=status in _RETRYABLE or status >= 500,
        retry_after=retry_after,
    )


def _message(body: Any) -> str:
    """Return what an error says; that it says it in a form that cannot be read changes nothing of the error."""
    body = _inner(body)
    if isinstance(body, dict):
        body = body.get("message") or body.get("error") or body.get("detail") or body
    try:
        said = str(body or "nothing more")
    except (RecursionError, ValueError):
        said = "what cannot be read"
    return " ".join(redact(said[: 10 * _LONGEST_MESSAGE]).split())[:_LONGEST_MESSAGE]


def _retry_after(value: str | None) -> float | None:
    """Return seconds from a Retry-After header: a number, or a date (RFC 9110, 10.2.3); None where it says neither.

    May be infinite: how long it is waited for is up to the retry policy.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
            seconds = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if math.isnan(seconds) else max(0.0, seconds)
