"""A loopback server that speaks as much of Tinker's protocol as the installed SDK needs, and fails as it is told to.

For faults only: the SDK is the real one, with its own retries and pauses. What training and sampling mean is held
against a real server, in ``tests/peers``.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SESSION = "00000009-0000-4000-8000-000000000009"
JSON, PROTO = "application/json", "application/x-protobuf"
DETAIL = "told so by the server"
Fault = Callable[[str, int], int | None]
"""Given what is asked and how often it was asked before: the status to refuse it with, 0 never to answer, None."""


@dataclass
class FaultyTinker:
    """What is asked, and what goes wrong."""

    fault: Fault = lambda _what, _count: None
    asked: list[str] = field(default_factory=list)
    at_once: dict[str, dict[str, Any]] = field(default_factory=lambda: dict(_AT_ONCE))
    url: str = ""
    gone: threading.Event = field(default_factory=threading.Event)
    malformed: dict[str, bytes] = field(default_factory=dict)
    """What is asked, with the reply that it gets instead of a good one."""
    _futures: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, what: str, body: bytes) -> tuple[int, str, bytes]:
        """Return status, content type and content."""
        with self._lock:
            count = Counter(self.asked)[what]
            self.asked.append(what)
        if (status := self.fault(what, count)) is not None:
            if status == 0:
                self.gone.wait()
            return status, JSON, json.dumps({"detail": DETAIL}).encode()
        if what in self.malformed:
            return 200, JSON, self.malformed[what]
        if what == "retrieve_future":
            return 200, *self._futures[json.loads(body)["request_id"]]
        if what in _LATER:
            more = {"sample_sequence_ids": ["0"]} if what == "asample" else {}
            return 200, JSON, json.dumps({"request_id": self._promise(what, body), **more}).encode()
        return 200, JSON, json.dumps(self.at_once.get(what, {})).encode()

    def _promise(self, what: str, body: bytes) -> str:
        with self._lock:
            request = f"{len(self._futures)}"
            made = {"forward_backward": _losses, "asample": _sampled}.get(what)
            self._futures[request] = (PROTO, made(body)) if made else (JSON, _made(what, body))
        return request


_AT_ONCE: dict[str, dict[str, Any]] = {
    "healthz": {"status": "ok"},
    "create_session": {"type": "create_session", "session_id": SESSION},
    "get_info": {"type": "get_info", "model_data": {"model_name": "tiny/Qwen3-nano"}, "model_id": f"{SESSION}:train:0"},
    "create_sampling_session": {"type": "create_sampling_session", "sampling_session_id": SESSION},
    "get_server_capabilities": {"supported_models": [{"model_name": "a"}, {"model_name": "b"}]},
}
_LATER = frozenset(
    {"load_weights", "forward_backward", "optim_step", "save_weights", "save_weights_for_sampler", "asample"}
)


def _made(what: str, body: bytes) -> bytes:
    answer: dict[str, Any] = {"type": what}
    if what.startswith("save_weights"):
        space = "sampler_weights" if what.endswith("sampler") else "weights"
        answer["path"] = f"tinker://{SESSION}:train:0/{space}/{json.loads(body)['path']}"
    return json.dumps(answer).encode()


def _sampled(_body: bytes) -> bytes:
    """Return three tokens that end the answer, as the SDK reads them."""
    import numpy as np
    from tinker.proto import tinker_public_pb2 as pb

    answer = pb.SampleResponse()
    sequence = answer.sequences.add()
    sequence.stop_reason, sequence.tokens = pb.STOP_REASON_STOP, np.array([40, 41, 42], dtype=np.int32).tobytes()
    return answer.SerializeToString()


def _losses(body: bytes) -> bytes:
    """Return a log-probability of -1 for every token, as the SDK reads it."""
    import numpy as np
    import zstandard
    from tinker.proto import tinker_public_pb2 as pb

    if body[:4] == b"\x28\xb5\x2f\xfd":
        body = zstandard.ZstdDecompressor().decompress(body)
    request = pb.ForwardBackwardRequest()
    request.ParseFromString(body)
    lengths = [len(datum.loss_fn_inputs["target_tokens"].dense) // 8 for datum in request.data]
    offsets = np.cumsum([0, *(4 * length for length in lengths)], dtype=np.int64)
    values = np.full(sum(lengths), -1.0, dtype=np.float32)
    output = pb.ForwardBackwardOutput(loss_fn_output_type="ArrayRecord")
    batched = output.loss_fn_outputs.add().fields["logprobs"]
    batched.dtype, batched.data, batched.offsets = pb.DTYPE_FLOAT32, values.tobytes(), offsets.tobytes()
    return output.SerializeToString()


@contextmanager
def serving(server: FaultyTinker) -> Iterator[FaultyTinker]:
    """Serve in threads while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, kind, content = server.answer(self.path.removeprefix("/api/v1/"), body)
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.gone.set()
        http.shutdown()
        http.server_close()
        thread.join()
