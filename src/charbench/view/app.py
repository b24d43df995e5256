"""The web application: which address shows which page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from charbench.errors import CharbenchError, UnknownNameError
from charbench.text.redaction import redact
from charbench.view.guard import Guard, policy
from charbench.view.live import Live
from charbench.view.pages import Pages

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from charbench.components.web_page import WebPage


Made = tuple["WebPage", int | None]
"""A page, and the seconds after which a browser is to ask for it again; None: it is not."""


def make_app(pages: Pages, live: Live, token: str) -> Guard:
    """Return the application; all its addresses begin with the token."""
    from starlette.applications import Starlette
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    async def events(request: Request) -> Response:
        told = live.events() if request.method == "GET" else ()
        return StreamingResponse(told, media_type="text/event-stream")

    routes = [
        Route("/", _page(lambda _: (pages.report(), None))),
        Route("/samples", _page(lambda request: pages.samples(request.query_params))),
        Route("/sample", _page(lambda request: (pages.sample(request.query_params.get("key", "")), None))),
        Route("/live", _page(lambda _: (pages.live(), None))),
        Route("/events", events),
    ]
    return Guard(Starlette(routes=routes), token)


def _page(make: Callable[[Request], Made]) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that shows what ``make`` returns, in a thread; an error of the user's is one line."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import HTMLResponse, PlainTextResponse

    async def endpoint(request: Request) -> Response:
        try:
            page, again = await run_in_threadpool(make, request)
        except UnknownNameError as error:
            return PlainTextResponse(f"error: {redact(str(error))}", 404)
        except CharbenchError as error:
            return PlainTextResponse(f"error: {redact(str(error))}", 500)
        headers = {"content-security-policy": policy(page), **({"refresh": str(again)} if again else {})}
        return HTMLResponse(page.text, headers=headers)

    return endpoint
