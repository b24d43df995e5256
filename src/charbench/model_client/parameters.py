"""Request parameters under the names that a server knows, and what to do where it does not know one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from charbench.errors import SamplingError

_PARAMETERS = (
    "max_tokens", "temperature", "top_p", "seed", "stop", "chat_template_kwargs", "top_logprobs", "logprobs",
)  # fmt: skip


def renamed(body: Mapping[str, Any], names: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the request with its parameters renamed; those whose new name is None are left out."""
    return {names.get(name) or name: value for name, value in body.items() if names.get(name, name) is not None}


def with_advice(
    error: SamplingError, sent: Mapping[str, Any], who: str, names: Mapping[str, str | None]
) -> SamplingError:
    """Return the error of a refused request, with the option that renames or leaves out what it complains about.

    ``names`` are those that are renamed or left out already: the option replaces them all.
    """
    if error.kind not in ("http_400", "http_422"):
        return error
    told = str(error)
    named = next((one for one in _PARAMETERS if one in sent and one in told), None)
    if named is None:
        return error
    option = f"{who.replace(' ', '.')}.parameters"
    kept = [f"{name}: {new or 'null'}" for name, new in names.items() if name != named]
    value = ", ".join([*kept, f"{named}: NEW_NAME or null"])
    advice = f"rename or leave it out with -o {option}='{{{value}}}'"
    return SamplingError(f"{told} ({advice})", kind=error.kind, retryable=error.retryable)
