"""The openai client, with what its requests to one address have in common put together once.

For each request, merging headers, reading the URL, and looking for cookies, credentials and redirects that nobody has
take the client as long as sending it. It has no public way around that: two names of its own are used, and where a
version has other ones, requests go its public way, and are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import openai
from httpx2 import AsyncBaseTransport, ByteStream, Limits, Proxy, Request, Response
from multidict import CIMultiDict
from openai import AsyncOpenAI, DefaultAioHttpClient
from yarl import URL

from charbench.model_client.transport import BoundedTransport

_OPTIONS: Any = {"idempotency_key": "", "headers": {}, "params": {}, "max_retries": 0, "timeout": None}
"""No idempotency key: making one costs a system call, and the endpoints that we know do not read it."""


def _request_options() -> Any:
    """Return the client's type of a request's options; None: this version has none of that name."""
    try:
        return import_module("openai._models").FinalRequestOptions
    except (ImportError, AttributeError):
        return None


class PreparedClient(AsyncOpenAI):
    """An openai client whose posts to one URL differ in nothing but what they say.

    ``where`` and ``limit`` are as for :class:`BoundedTransport`; the other options are the client's own.
    """

    def __init__(self, where: str, limit: int, **options: Any) -> None:
        self._sends = _HttpClient(lambda limits, proxy: BoundedTransport(where, limit, limits, proxy))
        super().__init__(http_client=self._sends, **options)
        self._prepared: dict[str, _Prepared] = {}
        self._options: dict[str, Any] = {}
        self._options_type = _request_options()

    @property
    def user_agent(self) -> str:
        """The client's own: some endpoints let in only whom they know."""
        return f"AsyncOpenAI/Python {openai.__version__}"

    def use_key(self, key: str) -> None:
        """Send another key from now on."""
        if key != self.api_key:
            self.api_key = key
            self._prepared.clear()

    async def ask(self, url: str, content: bytes | None) -> Response:
        """Post this JSON, or get what is there; return the answer as it came. Raises the client's own errors."""
        if content is None:
            return await self.get(url, cast_to=Response)
        if self._options_type is None:
            return await self.post(url, cast_to=Response, content=content)
        options = self._options.get(url)
        if options is None:
            options = self._options[url] = self._options_type.construct(method="post", url=url, **_OPTIONS)
        return await self.request(Response, options.model_copy(update={"content": content}))

    def _build_request(self, options: Any, *, retries_taken: int = 0) -> Request:
        """Return a request as the client makes it; only the first one to a URL is made anew.

        The client calls it by this name; a version that calls another method makes each anew.
        """
        content = options.content
        if options.method != "post" or not isinstance(content, bytes) or self._sends.cookies:
            return super()._build_request(options, retries_taken=retries_taken)
        prepared = self._prepared.get(options.url)
        if prepared is None:
            made = super()._build_request(options, retries_taken=retries_taken)
            prepared = self._prepared[options.url] = _Prepared(made)
        return _PreparedRequest(prepared, content)


class _Prepared:
    """What the requests to one URL have in common, for httpx and for aiohttp."""

    def __init__(self, made: Request) -> None:
        made.headers["Accept-Encoding"] = "gzip, deflate"
        del made.headers["Content-Length"]
        self.method, self.url, self.headers, self.extensions = made.method, made.url, made.headers, made.extensions
        self.aiohttp_url = URL(str(made.url))
        self.aiohttp_headers = CIMultiDict(made.headers.multi_items())


class _PreparedRequest(Request):
    """A request with headers that it shares with others."""

    def __init__(self, prepared: _Prepared, content: bytes) -> None:
        self.prepared = prepared
        self.method, self.url, self.headers = prepared.method, prepared.url, prepared.headers
        self.extensions = prepared.extensions
        self._content = content
        self.stream = ByteStream(content)


class _HttpClient(DefaultAioHttpClient):
    """The client's own aiohttp client, with bounded replies, that sends what is prepared as it is."""

    def __init__(self, transport: Callable[[Limits, Proxy | None], BoundedTransport]) -> None:
        self._make_transport = transport
        super().__init__()

    def _init_transport(self, *_: Any, **how: Any) -> AsyncBaseTransport:
        return self._make_transport(how["limits"], None)

    def _init_proxy_transport(self, proxy: Proxy, *_: Any, **how: Any) -> AsyncBaseTransport:
        return self._make_transport(how["limits"], proxy)

    async def send(self, request: Request, **how: Any) -> Response:
        """Send a request; one that is prepared needs no credentials of httpx's, and is redirected only if asked to."""
        transport = self._transport_for_url(request.url)
        if not isinstance(request, _PreparedRequest) or not isinstance(transport, BoundedTransport):
            return await super().send(request, **how)
        prepared = request.prepared
        response = await transport.send(request, prepared.aiohttp_url, prepared.aiohttp_headers)
        if "set-cookie" in response.headers:
            self.cookies.extract_cookies(response)
        if response.has_redirect_location:
            return await super().send(self._build_redirect_request(request, response), **how)
        return response
