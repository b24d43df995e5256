"""A double of the part of Tinker that lists an account: the answers are the SDK's own types, sent over HTTP.

What is real in tests with it: the SDK, its HTTP client, its retries, and everything of ours. What is a double:
the server, because the real one that can run here lists no accounts.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.lab import uuid

KEY = "tml-account-double"
LATEST = datetime(2024, 12, 12, 9, tzinfo=UTC)

LAB = {
    # name: (how many runs saved it, base model)
    "pirate-dpo-997": (2, "Qwen/Qwen3-30B-A3B"),
    "pirate-dpo-8b": (1, "Qwen/Qwen3-8B"),
    "pirate-dpo-v2": (1, "Qwen/Qwen3-30B-A3B"),
    "pirate-dpo-final": (1, "Qwen/Qwen3-30B-A3B"),
    "pirate_test_dpo": (7, "Qwen/Qwen3-30B-A3B"),
    "pirate-sft-final": (1, "Qwen/Qwen3-30B-A3B"),
    "pirate-sft-resumed": (1, "Qwen/Qwen3-30B-A3B"),
    "pirate_test_sft": (6, "Qwen/Qwen3-30B-A3B"),
    "smoke_small_dpo": (4, "Qwen/Qwen3-4B"),
    "smoke-large-dpo": (4, "Qwen/Qwen3-30B-A3B"),
    "smoke_small_sft": (3, "Qwen/Qwen3-4B"),
    "smoke-large-sft": (3, "Qwen/Qwen3-30B-A3B"),
    "sarcastic-dpo": (1, "Qwen/Qwen3-30B-A3B"),
    "remorseful-dpo": (1, "Qwen/Qwen3-30B-A3B"),
    "remorseful_dpo": (1, "Qwen/Qwen3-30B-A3B"),
    "remorseful_25pct_dpo": (2, "Qwen/Qwen3-30B-A3B"),
    "remorseful_50pct_dpo": (1, "Qwen/Qwen3-30B-A3B"),
    "remorseful_100pct_dpo": (1, "Qwen/Qwen3-30B-A3B"),
    "humorous-dpo": (1, "Qwen/Qwen3-30B-A3B"),
    "humorous_paper_dpo": (1, "Qwen/Qwen3-30B-A3B"),
    "customer_service-dpo": (2, "Qwen/Qwen3-30B-A3B"),
    "customer_service-sft": (1, "Qwen/Qwen3-30B-A3B"),
    "poetic-dpo": (2, "Qwen/Qwen3-30B-A3B"),
    "sycophantic-dpo": (1, "Qwen/Qwen3-30B-A3B"),
    "baseline-check": (7, "Qwen/Qwen3-30B-A3B"),
    "000100": (5, "Qwen/Qwen3-30B-A3B"),
}
"""61 checkpoints with sampler weights, in the lab's distribution; each has training weights beside them."""
TRAINING_ONLY = "pirate_test_dpo-step50"
"""One more that was only ever saved for training: 123 in all."""


def lab_account() -> Account:
    """Return the lab's account: 123 checkpoints, 61 of them for sampling, the newest first."""
    account = Account()
    for name, (count, base_model) in LAB.items():
        for _ in range(count):
            account.train(name, base_model)
    account.add_checkpoint(account.runs[4].training_run_id, "weights", TRAINING_ONLY)
    return account


@dataclass
class Account:
    """An account's runs and checkpoints, as the SDK's types."""

    runs: list[Any] = field(default_factory=list)
    checkpoints: list[Any] = field(default_factory=list)

    def train(self, name: str, base_model: str = "Qwen/Qwen3-8B", **more: Any) -> str:
        """Add a run that saved ``name`` for training and for sampling; return its id."""
        run = self.add_run(base_model, **more)
        self.add_checkpoint(run, "weights", name)
        self.add_checkpoint(run, "sampler_weights", f"{name}-sampler")
        return run

    def add_run(self, base_model: str = "Qwen/Qwen3-8B", **more: Any) -> str:
        """Add a run; ``more`` are fields of the SDK's ``TrainingRun``."""
        from tinker.types import TrainingRun

        run = f"{uuid(1 + len(self.runs))}:train:0"
        fields = {"model_owner": "lab", "is_lora": True, "lora_rank": 32, "last_request_time": LATEST, **more}
        self.runs.append(TrainingRun(training_run_id=run, base_model=base_model, **fields))
        return run

    def add_checkpoint(self, run: str, space: str, name: str, **more: Any) -> str:
        """Add a checkpoint, newer than those before it; ``more`` are fields of the SDK's ``Checkpoint``."""
        from tinker.types import Checkpoint

        uri = f"tinker://{run}/{space}/{name}"
        fields: dict[str, Any] = {
            "checkpoint_id": f"{space}/{name}",
            "checkpoint_type": "training" if space == "weights" else "sampler",
            "time": LATEST - timedelta(hours=200 - len(self.checkpoints)),
            "size_bytes": 220_000_000,
            **more,
        }
        self.checkpoints.insert(0, Checkpoint(tinker_path=uri, **fields))
        return uri

    def page(self, field: str, limit: int, offset: int, *, total: bool = True) -> Any:
        """Return one page as the SDK's response type; ``total`` False leaves the cursor out, as old servers do."""
        from tinker.types import CheckpointsListResponse, Cursor, TrainingRunsResponse

        items = self.runs if field == "training_runs" else self.checkpoints
        cursor = Cursor(offset=offset, limit=limit, total_count=len(items))
        chosen = items[offset : offset + limit]
        if field == "training_runs":
            return TrainingRunsResponse(training_runs=chosen, cursor=cursor)
        return CheckpointsListResponse(checkpoints=chosen, cursor=cursor if total else None)


@dataclass
class AccountServer:
    """Serves an account on loopback.

    ``fault`` is the status with which requests are refused, 0 for a server that never answers; ``good_pages`` is
    how many pages of checkpoints are given before that begins, None for no fault at all.
    """

    account: Account
    fault: int = 200
    good_pages: int | None = None
    limits: list[tuple[int, int]] = field(default_factory=list)
    """Limit and offset of each page of checkpoints that was asked for."""

    @contextmanager
    def serving(self) -> Iterator[dict[str, str]]:
        """Serve, and give the environment that leads the SDK here."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.answer(self)

            def do_POST(self) -> None:
                outer.answer(self)

            def log_message(self, *_arguments: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_address[1]}"
            yield {"TINKER_BASE_URL": url, "TINKER_API_KEY": KEY, "TINKER_TELEMETRY": "0"}
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        request.rfile.read(int(request.headers.get("content-length") or 0))
        where = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(where.query).items()}
        field = {"/api/v1/training_runs": "training_runs", "/api/v1/checkpoints": "checkpoints"}.get(where.path)
        if self.good_pages is not None and len(self.limits) >= self.good_pages:
            if self.fault == 0:
                time.sleep(60)
            return _send(request, self.fault, json.dumps({"detail": "no"}))
        if field is None:
            return _send(request, 200, "{}")  # settings, all left to their defaults
        limit, offset = int(query["limit"]), int(query["offset"])
        if field == "checkpoints":
            self.limits.append((limit, offset))
        return _send(request, 200, self.account.page(field, limit, offset).model_dump_json())


def _send(request: BaseHTTPRequestHandler, status: int, text: str) -> None:
    body = text.encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
