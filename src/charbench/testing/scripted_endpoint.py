"""An OpenAI-compatible endpoint on loopback that answers what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

Reply: TypeAlias = str | int | Mapping[str, Any]
"""What is answered: text of the assistant, the status of an error (429, 500), or the whole body."""


class ScriptedEndpoint:
    """Answers chat completions from ``replies``, in turn; the last one is repeated. ``requests`` holds what was asked.

    ``url`` is the base URL, for an option or a client. Use it in a ``with`` statement, or take the fixture
    ``charbench_endpoint``.
    """

    def __init__(self, *replies: Reply) -> None:
        self.replies: list[Reply] = list(replies) or ["Ahoy!"]
        self.requests: list[dict[str, Any]] = []
        self.url = ""
        self._lock = threading.Lock()

    def reply(self, request: dict[str, Any]) -> Reply:
        """Return the answer to the next request, and keep the request."""
        with self._lock:
            self.requests.append(request)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    @contextmanager
    def serving(self) -> Iterator[ScriptedEndpoint]:
        """Serve on a free port of the loopback interface."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _handler(endpoint: ScriptedEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = endpoint.reply(request)
            status = reply if isinstance(reply, int) else 200
            body = json.dumps(_body(reply, request)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as in the base class
            """Print nothing."""

    return Handler


def _body(reply: Reply, request: dict[str, Any]) -> Mapping[str, Any]:
    if isinstance(reply, Mapping):
        return reply
    if isinstance(reply, int):
        return {"error": {"message": f"scripted status {reply}", "type": "scripted"}}
    message = {"role": "assistant", "content": reply}
    return {
        "id": "scripted",
        "object": "chat.completion",
        "created": 0,
        "model": request.get("model", "scripted"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
