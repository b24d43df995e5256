"""What endpoints reply is hostile: whatever goes wrong while it is read is the reply's fault, and is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from charbench.errors import SamplingError
from charbench.text.redaction import redact

BAD_RESPONSE = "bad_response"
"""Kind of failure of a malformed reply."""
MALFORMED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What code raises that reads a value of another form than it expects."""
_LONGEST = 300


def malformed_reply(who: str, reason: object) -> SamplingError:
    """Return the error for a reply of ``who`` that cannot be read: it is retryable, and holds no secret."""
    said = " ".join(redact(str(reason)).split())[:_LONGEST]
    return SamplingError(f"malformed reply from {who}: {said}", kind=BAD_RESPONSE, retryable=True)


@contextmanager
def reading_reply(who: str) -> Iterator[None]:
    """Read a reply of ``who`` (an endpoint's URL, ``Tinker``) in this block, and nothing else.

    Data errors become a retryable :class:`charbench.SamplingError` of kind ``bad_response``: wrong types, missing
    keys, invalid JSON or UTF-8, nesting that is too deep, numbers that are too large. The error itself is its
    ``__cause__``. Other errors pass through.
    """
    try:
        yield
    except MALFORMED as error:
        raise malformed_reply(who, _reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"it is not {error.encoding} (byte {error.start:,})"
    return str(error) if type(error).__name__ == "JSONDecodeError" else f"{type(error).__name__}: {error}"
