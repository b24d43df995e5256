"""Lists a whole account, page by page, through the SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from charbench import SamplingError, reading_reply
from charbench_plugins.tinker_sdk.calls import call
from charbench_plugins.tinker_sdk.service import open_rest

CALL_SECONDS = 12.0
"""Seconds that a page may take."""
PATIENCE = 4.0
"""Seconds of trouble on Tinker's side after which a page is given up."""


class Account:
    """What one key can see. Every call raises :class:`charbench.SamplingError` with a line that says what to do."""

    def __init__(self, rest: Any, page: int) -> None:
        self._rest = rest
        self._page = page
        self.whole = True
        """Whether every listing so far held as many entries as the server counted."""

    @classmethod
    def open(cls, page: int) -> Account:
        """Connect; ``page`` is how many entries are asked for at a time."""
        return cls(open_rest(), page)

    def runs(self) -> Iterator[Mapping[str, Any]]:
        """Yield the account's training runs."""
        yield from self._pages("listing the account's runs", self._rest.list_training_runs, "training_runs")

    def checkpoints(self, run_ids: list[str]) -> Iterator[Mapping[str, Any]]:
        """Yield the account's checkpoints, run by run where the server has no list of them all (SkyRL's has none)."""
        what = "listing the account's checkpoints"
        try:
            yield from self._pages(what, self._rest.list_user_checkpoints, "checkpoints")
        except SamplingError as error:
            if error.kind != "http_404":
                raise
            for run in run_ids:
                answer = _ask(f"listing the checkpoints of run {run}", self._rest.list_checkpoints, run)
                yield from (_dumped(item) for item in answer.checkpoints)

    def _pages(self, what: str, method: Callable[..., Any], field: str) -> Iterator[Mapping[str, Any]]:
        """Yield page after page: to the total where the server tells one, else until a page brings nothing new.

        A server may give shorter pages than it is asked for, so what came decides where the next one begins;
        and one that knows no pages gives everything each time.
        """
        offset = 0
        seen: set[str] = set()
        while True:
            answer = _ask(what, method, limit=self._page, offset=offset)
            with reading_reply(f"Tinker ({what})"):
                items = [_dumped(item) for item in getattr(answer, field)]
                total = getattr(answer.cursor, "total_count", None)
                total = None if total is None else int(total)
            new = [item for item in items if _identity(item) not in seen]
            seen.update(map(_identity, new))
            yield from new
            offset += len(items)
            if not new or (total is not None and offset >= total):
                # Fewer than the server counts: it stopped early, or entries moved between two pages meanwhile.
                self.whole &= total is None or len(seen) >= total
                return


def _ask(what: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return call(what, method, *args, seconds=CALL_SECONDS, patience=PATIENCE, **kwargs)


def _identity(item: Mapping[str, Any]) -> str:
    return str(item.get("tinker_path") or item.get("training_run_id"))


def _dumped(item: Any) -> Mapping[str, Any]:
    dumped: Mapping[str, Any] = item.model_dump()
    return dumped
