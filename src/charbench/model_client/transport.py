"""Reads whole replies within a limit: bytes on the wire, and bytes after decompression.

A reply that is too large is given up as soon as it is known to be, so that memory stays at about the limit whatever a
server sends. Everything else that is not HTTP is a malformed reply.
"""

from __future__ import annotations

import zlib
from typing import Any

from aiohttp import ClientError, ClientPayloadError
from aiohttp.http_exceptions import HttpProcessingError, TransferEncodingError
from httpx2 import AsyncBaseTransport, Request, RequestError, Response

from charbench.components.replies import malformed_reply, reading_reply
from charbench.errors import SamplingError

TOO_LARGE = "reply_too_large"
"""Kind of failure of a reply above the limit; it is tried again by the next run, which may have another limit."""
_WINDOW = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_OF_THE_TRANSFER = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


class BoundedTransport(AsyncBaseTransport):
    """Passes requests on to ``inner``; replies of ``where`` hold at most ``limit`` bytes."""

    def __init__(self, inner: AsyncBaseTransport, where: str, limit: int) -> None:
        self._inner, self._where, self._limit = inner, where, limit

    async def handle_async_request(self, request: Request) -> Response:
        """Return the whole reply; raises :class:`charbench.SamplingError` where there is none that can be read."""
        request.headers["Accept-Encoding"] = "gzip, deflate"
        try:
            with reading_reply(self._where):
                response = await self._inner.handle_async_request(request)
                try:
                    content = await self._content(response)
                finally:
                    await response.aclose()
        except RequestError as error:  # of the connection, unless what came in pieces was not what HTTP calls pieces
            if isinstance(error.__cause__, ClientPayloadError) and _is_chunking(error.__cause__):
                raise malformed_reply(self._where, error) from error
            raise
        except zlib.error as error:
            raise malformed_reply(self._where, f"its compressed content is damaged ({error})") from error
        except (ClientError, HttpProcessingError) as error:
            raise malformed_reply(self._where, f"it is not HTTP: {error or type(error).__name__}") from error
        headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _OF_THE_TRANSFER]
        return Response(response.status_code, headers=headers, content=content, request=request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    async def _content(self, response: Response) -> bytes:
        declared = response.headers.get("content-length", "")
        if declared.isascii() and declared.isdecimal() and int(declared[:20]) > self._limit:
            raise self._too_large()
        content = _Content(self._limit, response.headers.get("content-encoding", ""))
        async for chunk in response.stream:  # type: ignore[union-attr]
            if not content.add(chunk):
                raise self._too_large()
        return content.whole()

    def _too_large(self) -> SamplingError:
        return SamplingError(
            f"the reply from {self._where} has more than {self._limit:,} bytes (option max_reply_bytes)", kind=TOO_LARGE
        )


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
