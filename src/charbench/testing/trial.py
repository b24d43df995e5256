"""One component on trial: made as a run makes it, called in one event loop, closed at the end."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charbench.components.base import Component
from charbench.components.calling import awaited
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.persona import Persona
from charbench.testing.factories import make_checkpoint, make_persona


@dataclass(frozen=True)
class Trial:
    """What is tested, and how. ``seconds`` is how long one check may take."""

    component: type[Component]
    options: Mapping[str, Any] = field(default_factory=dict)
    persona: Persona = field(default_factory=make_persona)
    checkpoint: Checkpoint = field(default_factory=make_checkpoint)
    deterministic: bool = True
    seconds: float = 60.0

    def make(self) -> Any:
        """Return the component with the options of the trial, checked as those of the command line are."""
        return self.component(self.component.Config(**self.options))

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Make the component and let it prepare itself; close it at the end, whatever happens."""
        with tempfile.TemporaryDirectory() as name, asyncio.Runner() as runner:
            root = Path(name) / "lab"
            folder = root / ".charbench"
            folder.mkdir(parents=True)
            session = Session(self.make(), runner, root, folder)
            session.call(session.component.prepare, root, folder)
            try:
                yield session
            finally:
                session.call(session.component.aclose)


@dataclass(frozen=True)
class Session:
    """A component that is ready for work."""

    component: Any
    runner: asyncio.Runner
    root: Path
    folder: Path

    def call(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a method gives, plain or async; what is an async iterable becomes a list."""

        async def work() -> Any:
            return await awaited(method(*arguments))

        return self.runner.run(work())


def cancel(trial: Trial, session: Session, name: str, call: Callable[[], Any]) -> None:
    """Cancel what ``call()`` began; raise :class:`AssertionError` where it goes on."""

    async def work() -> None:
        task = asyncio.ensure_future(awaited(call()))
        for _ in range(3):
            await asyncio.sleep(0)
        if task.done():
            return
        task.cancel()
        await asyncio.wait([task], timeout=trial.seconds / 2)
        assert task.cancelled(), f"{name}() goes on when it is cancelled: CancelledError has to pass"

    session.runner.run(work())


def within(seconds: float, work: Callable[[], None]) -> None:
    """Do ``work``; raise what it raises, and :class:`TimeoutError` where it takes longer.

    What takes longer is left behind in its thread: Python cannot end it.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  raised again below, in the thread that waits
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"not done after {seconds:g} s")
    if raised:
        raise raised[0]
