"""Turns the SDK's errors into ours, each with a line that says what to do."""

from __future__ import annotations

from typing import Any

from charbench import RefusedError, SamplingError, malformed_reply, redact

_LONGEST = 300
_ADVICE = {
    401: "Tinker does not accept the key; check TINKER_API_KEY, then run the same command again",
    402: "the account has no credit left; add credit, then run the same command again",
    403: "the key has no permission for this; check whose checkpoint it is",
    404: "Tinker cannot find it; it may have expired or been deleted",
    409: "the name already exists",
    422: "Tinker rejects the request",
    429: "Tinker's rate limit is reached; run the same command again later, or lower the concurrency",
}
_REFUSED = frozenset({401, 402, 403, 404})
_RETRYABLE = frozenset({408, 409, 425, 429})


def translate(what: str, error: BaseException) -> BaseException:
    """Return our error for one of the SDK's; an error that is none of the SDK's as it is."""
    import tinker

    if isinstance(error, tinker.APIResponseValidationError):
        return malformed_reply(f"Tinker ({what})", _said(error))
    # What fails while a result is fetched comes as a ValueError with the SDK's error behind it.
    for one in (error, error.__cause__):
        status = getattr(one, "status_code", None)
        if one is not None and isinstance(status, int):
            return of_status(what, status, _said(one))
    if isinstance(error, tinker.APITimeoutError):
        return SamplingError(f"{what}: Tinker did not answer in time", kind="timeout", retryable=True)
    if isinstance(error, tinker.APIConnectionError):
        return out_of_reach(what, _said(error))
    if isinstance(error, tinker.RequestFailedError):
        fault_of_ours = getattr(error.category, "value", error.category) == "user"
        who = "Tinker cannot do this" if fault_of_ours else "Tinker failed"
        return SamplingError(f"{what}: {who}: {_said(error)}", kind="server", retryable=not fault_of_ours)
    if isinstance(error, tinker.TinkerError):
        return SamplingError(f"{what}: {_said(error)}", kind="tinker")
    return error


def out_of_reach(what: str, reason: str) -> SamplingError:
    """Return the error for a host that is not there."""
    text = f"{what}: Tinker cannot be reached ({redact(reason)}); check the network and TINKER_BASE_URL"
    return SamplingError(f"{text}, then run the same command again", kind="connection", retryable=True)


def of_status(what: str, status: int, said: str) -> SamplingError:
    """Return the error for an HTTP status; ``said``: what came with it."""
    advice = _ADVICE.get(status) or ("Tinker is unavailable; run the same command again later" if status >= 500 else "")
    found = f"{status}: {said}" if said else str(status)
    text = f"{what}: {advice} ({found})" if advice else f"{what}: {found}"
    kind = "rate_limit" if status == 429 else "server" if status >= 500 else f"http_{status}"
    if status in _REFUSED:
        return RefusedError(text, kind=kind)
    return SamplingError(text, kind=kind, retryable=status in _RETRYABLE or status >= 500)


def _said(error: BaseException) -> str:
    body: Any = getattr(error, "body", None)
    if isinstance(body, dict):
        body = body.get("detail") or body.get("message") or body.get("error")
    try:
        said = str(body or error or type(error).__name__)
    except (RecursionError, ValueError):
        said = "what cannot be read"
    return " ".join(redact(said[: 10 * _LONGEST]).split())[:_LONGEST]
