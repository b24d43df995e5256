"""Turns the SDK's errors into ours, each with a line that says what to do."""

from __future__ import annotations

from typing import Any

from charbench import RefusedError, SamplingError, redact

_LONGEST = 300
_ADVICE = {
    401: "Tinker does not accept the key; check TINKER_API_KEY",
    402: "the account has no credit left; add some, and run the same command again",
    403: "the key may not do this; check whose checkpoint it is",
    404: "Tinker does not know it; it may have expired or been deleted",
    409: "something of that name exists already",
    422: "Tinker cannot do this with what it was given",
    429: "Tinker asks to slow down; run the same command again later, or lower the concurrency",
}
_REFUSED = frozenset({401, 402, 403, 404})
_RETRYABLE = frozenset({408, 425, 429})
_KINDS = {402: "quota", 429: "rate_limit"}


def translate(what: str, error: BaseException) -> BaseException:
    """Return our error for one of the SDK's; an error that is none of the SDK's as it is."""
    import tinker

    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _of_status(what, status, error)
    if isinstance(error, tinker.APITimeoutError):
        return SamplingError(f"{what}: Tinker did not answer in time", kind="timeout", retryable=True)
    if isinstance(error, tinker.APIConnectionError):
        reason = f"{what}: Tinker cannot be reached ({_said(error)}); check the network and TINKER_BASE_URL"
        return SamplingError(reason, kind="connection", retryable=True)
    if isinstance(error, tinker.RequestFailedError):
        return SamplingError(f"{what}: Tinker failed: {_said(error)}", kind="server", retryable=True)
    if isinstance(error, tinker.TinkerError):
        return SamplingError(f"{what}: {_said(error)}", kind="tinker")
    return error


def _of_status(what: str, status: int, error: BaseException) -> SamplingError:
    advice = _ADVICE.get(status) or ("Tinker is in trouble; try again later" if status >= 500 else "")
    text = f"{what}: {advice} ({status}: {_said(error)})" if advice else f"{what}: {status}: {_said(error)}"
    kind = _KINDS.get(status) or ("server" if status >= 500 else f"http_{status}")
    if status in _REFUSED:
        return RefusedError(text, kind=kind)
    return SamplingError(text, kind=kind, retryable=status in _RETRYABLE or status >= 500)


def _said(error: BaseException) -> str:
    body: Any = getattr(error, "body", None)
    if isinstance(body, dict):
        body = body.get("detail") or body.get("message") or body.get("error")
    return " ".join(redact(str(body or error or type(error).__name__)).split())[:_LONGEST]
