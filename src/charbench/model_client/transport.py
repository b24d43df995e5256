"""Reads whole replies within a limit: bytes on the wire, and bytes after decompression.

A reply that is too large is given up as soon as it is known to be, so that memory stays at about the limit whatever a
server sends. Everything else that is not HTTP is a malformed reply.
"""

from __future__ import annotations

import zlib
from ssl import SSLContext
from typing import Any

from aiohttp import (
    ClientConnectionError,
    ClientError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    InvalidURL,
    TCPConnector,
)
from aiohttp.http_exceptions import HttpProcessingError, TransferEncodingError
from httpx2 import (
    AsyncBaseTransport,
    ConnectError,
    Limits,
    Proxy,
    ReadError,
    Request,
    RequestError,
    Response,
    create_ssl_context,
)
from yarl import URL

from charbench.components.replies import malformed_reply, reading_reply
from charbench.errors import SamplingError

TOO_LARGE = "reply_too_large"
"""Kind of failure of a reply above the limit; it is tried again by the next run, which may have another limit."""
_WINDOW = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_OF_THE_TRANSFER = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


_NO_TIME = ClientTimeout()
"""The engine keeps the deadline."""


class BoundedTransport(AsyncBaseTransport):
    """Sends requests with aiohttp; replies of ``where`` hold at most ``limit`` bytes."""

    def __init__(self, where: str, limit: int, limits: Limits, proxy: Proxy | None = None) -> None:
        self._where, self._limit, self._limits = where, limit, limits
        self._session: ClientSession | None = None
        self._ssl: SSLContext | None = None
        self._by_way_of: dict[str, Any] = {} if proxy is None else _by_way_of(proxy)

    async def handle_async_request(self, request: Request) -> Response:
        """Return the whole reply; raises :class:`charbench.SamplingError` where there is none that can be read."""
        request.headers["Accept-Encoding"] = "gzip, deflate"
        await request.aread()
        return await self.send(request, str(request.url), request.headers)

    async def send(self, request: Request, url: Any, headers: Any) -> Response:
        """Send a request whose URL and headers (with ``Accept-Encoding``) are in a form that aiohttp takes."""
        try:
            with reading_reply(self._where):
                status, given, content = await self._exchange(request, url, headers)
        except RequestError as error:  # of the connection, unless what came in pieces was not what HTTP calls pieces
            if isinstance(error.__cause__, ClientPayloadError) and _is_chunking(error.__cause__):
                raise malformed_reply(self._where, error) from error
            raise
        except zlib.error as error:
            raise malformed_reply(self._where, f"its compressed content is damaged ({error})") from error
        except (ClientError, HttpProcessingError) as error:
            raise malformed_reply(self._where, f"it is not HTTP: {error or type(error).__name__}") from error
        kept = [(name, value) for name, value in given if name.lower() not in _OF_THE_TRANSFER]
        return Response(status, headers=kept, content=content, request=request)

    async def _exchange(self, request: Request, url: Any, headers: Any) -> tuple[int, Any, bytes]:
        """Return status, headers and content of the reply; what is wrong with the connection is httpx's error."""
        try:
            response = await self._opened().request(
                request.method, url, headers=headers, data=request.content or None, allow_redirects=False,
                auto_decompress=False, timeout=_NO_TIME, ssl=self._certificates(request), **self._by_way_of,
            )  # fmt: skip
            try:
                content = await self._content(response)
            finally:
                response.release()
        except (ClientConnectionError, InvalidURL) as error:
            raise ConnectError(_reason(error)) from error
        except ClientPayloadError as error:
            raise ReadError(str(error)) from error
        return response.status, response.raw_headers, content

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> ClientSession:
        if self._session is None:
            most, kept_for = self._limits.max_connections, self._limits.keepalive_expiry
            connector = TCPConnector(limit=0 if most is None else most, keepalive_timeout=kept_for)
            self._session = ClientSession(connector=connector)
        return self._session

    def _certificates(self, request: Request) -> SSLContext | bool:
        """Return who is trusted to say who a server is, as httpx has it; reading the file takes 30 ms."""
        if request.url.scheme != "https":
            return True
        if self._ssl is None:
            self._ssl = create_ssl_context()
        return self._ssl

    async def _content(self, response: ClientResponse) -> bytes:
        declared = response.headers.get("content-length", "")
        if declared.isascii() and declared.isdecimal() and int(declared[:20]) > self._limit:
            raise self._too_large()
        content = _Content(self._limit, response.headers.get("content-encoding", ""))
        while chunk := await response.content.readany():
            if not content.add(chunk):
                raise self._too_large()
        return content.whole()

    def _too_large(self) -> SamplingError:
        return SamplingError(
            f"the reply from {self._where} has more than {self._limit:,} bytes (option max_reply_bytes)", kind=TOO_LARGE
        )


def _reason(error: Exception) -> str:
    """Return what aiohttp says of a connection, without the object that holds the certificates."""
    trusted = getattr(error, "ssl", None)
    return str(error).replace(f" ssl:{trusted}", "") if isinstance(trusted, SSLContext) else str(error)


def _by_way_of(proxy: Proxy) -> dict[str, Any]:
    url = URL(str(proxy.url))
    if proxy.auth:
        url = url.with_user(proxy.auth[0]).with_password(proxy.auth[1])
    return {"proxy": url, "proxy_headers": dict(proxy.headers)}


class _Content:
    """The body of one reply, decompressed as it comes."""

    def __init__(self, limit: int, encoding: str) -> None:
        self._limit, self._received = limit, 0
        self._decoded = bytearray()
        encoding = encoding.strip().lower()
        if encoding not in {"", "identity", *_WINDOW}:
            raise ValueError(f"its content encoding is {encoding[:40]!r}; gzip, deflate or none was asked for")
        self._decompressor: Any = zlib.decompressobj(_WINDOW[encoding]) if encoding in _WINDOW else None

    def add(self, chunk: bytes) -> bool:
        """Take a chunk as it came; return False where there is more than the limit."""
        self._received += len(chunk)
        if self._received > self._limit:
            return False
        left = self._limit - len(self._decoded) + 1
        self._decoded += chunk if self._decompressor is None else self._decompressor.decompress(chunk, left)
        return len(self._decoded) <= self._limit

    def whole(self) -> bytes:
        """Return the content; raises :class:`ValueError` where its end is missing."""
        if self._decompressor is not None and self._received and not self._decompressor.eof:
            raise ValueError("its compressed content ends early")
        return bytes(self._decoded)


def _is_chunking(error: BaseException) -> bool:
    return isinstance(error.__cause__, TransferEncodingError) or "TransferEncodingError" in str(error)
