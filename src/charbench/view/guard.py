"""Lets in who knows the token, and tells browsers to apply nothing but what was sent.

A page of another site may ask this server too, from the user's own browser: by its address, or by a name of its own
that it makes lead here (DNS rebinding). So the name that was asked for is checked, and each address has the token.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from charbench.components.web_page import WebPage

_HOSTS = ("127.0.0.1", "localhost")
_METHODS = ("GET", "HEAD")
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Of every answer that does not say otherwise."""


def new_token() -> str:
    """Return a random token for the addresses of one server."""
    return secrets.token_urlsafe(24)


def policy(page: WebPage) -> str:
    """Return a page's Content-Security-Policy: its own scripts and styles apply, and only this server is asked."""
    return (
        f"default-src 'none'; script-src {_hashes(page.scripts)}; style-src {_hashes(page.styles)}; img-src data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _hashes(texts: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{one}'" for one in digests) or "'none'"


@dataclass
class Guard:
    """An ASGI application around another one, which sees only what may be asked, and no token."""

    app: ASGIApp
    token: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        from starlette.datastructures import Headers, MutableHeaders
        from starlette.responses import PlainTextResponse, Response

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["type"] != "http":
            return
        host = Headers(scope=scope).get("host", "").rpartition(":")
        refused: Response | None = None
        given, slash, path = scope["path"].removeprefix("/").partition("/")
        if (host[0] or host[2]) not in _HOSTS:
            refused = PlainTextResponse("This host is not served.", 400)
        elif not secrets.compare_digest(given.encode(), self.token.encode()) or not slash:
            refused = PlainTextResponse("Not found: use the address that charbench view has printed.", 404)
        elif scope["method"] not in _METHODS:
            refused = PlainTextResponse("Only GET.", 405, {"allow": ", ".join(_METHODS)})
        if refused is not None:
            await refused(scope, receive, with_headers)
            return
        await self.app({**scope, "path": f"/{path}", "raw_path": f"/{path}".encode()}, receive, with_headers)
