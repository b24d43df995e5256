"""The lifecycle of a run's components: one event loop, ``prepare`` once, ``aclose`` once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from charbench.components.base import Component
from charbench.components.calling import awaited, resolve
from charbench.components.containment import Broken, error_of, guarded, guarded_async, printing_to_stderr
from charbench.components.metering import Meter

if TYPE_CHECKING:
    import asyncio  # 10 ms, which commands that make a component and run nothing are spared

T = TypeVar("T")
C = TypeVar("C", bound=Component)

CLOSE_SECONDS = 5.0
"""Seconds that closing all components may take; what is not closed by then is reported, and left behind."""


class Lifecycle:
    """Prepares the components of one run and closes them, each once, and runs their async methods in one event loop.

    ``root`` and ``folder`` are what :meth:`charbench.Component.prepare` is given. The loop belongs to the thread that
    calls :meth:`run`, and runs only meanwhile; other threads reach it by :meth:`wait`.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        self.meter: Meter | None = None
        """What counts the requests to models; None outside of runs."""
        self._runner: asyncio.Runner | None = None
        self._lock = threading.RLock()
        self._prepared: dict[int, tuple[Component, Broken | None]] = {}
        self._reports: dict[tuple[str, str, str], str] = {}

    # The event loop.

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` in the event loop, to its end.

        Where an exception ends it, Ctrl-C among them, whatever it has begun is cancelled first.
        """
        if self._runner is None:
            import asyncio

            self._runner = asyncio.Runner()
        try:
            with printing_to_stderr():
                return self._runner.run(work)
        except BaseException:
            self._cancel_all(self._runner.get_loop())
            raise

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of ``work``, which runs in the event loop; for any thread but the one that runs the loop.

        In another thread, :class:`KeyboardInterrupt` says that the run was ended meanwhile.
        """
        runner = self._runner
        if runner is None or not runner.get_loop().is_running():
            return self.run(work)
        import asyncio
        import concurrent.futures

        try:
            return asyncio.run_coroutine_threadsafe(work, runner.get_loop()).result()
        except concurrent.futures.CancelledError:
            raise KeyboardInterrupt from None

    @staticmethod
    def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
        import asyncio

        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=CLOSE_SECONDS))

    # The components.

    def register(self, component: C) -> C:
        """Let a component's async methods run in this event loop; return it."""
        component.lifecycle = self
        return component

    def prepare(self, component: Component) -> None:
        """Let a component get ready, unless it has been asked already.

        Raises what it announced, or :class:`charbench.PluginError` with the traceback of anything else; the same
        again where it is asked again.
        """
        broken = self.try_prepare(component)
        if broken is not None:
            raise error_of(f"{component.kind} {component.name}", broken, "prepare") from None

    def prepare_all(self, components: Iterable[Component]) -> None:
        """Let these components get ready, those that have not been asked already."""
        for component in components:
            self.prepare(component)

    def try_prepare(self, component: Component) -> Broken | None:
        """Let a component get ready as :meth:`prepare` does; return what it raised, None where it is ready."""
        with self._lock:
            if id(component) not in self._prepared:
                self.register(component)
                outcome = guarded(lambda: resolve(component, component.prepare(self.root, self.folder)))
                self._prepared[id(component)] = component, outcome if isinstance(outcome, Broken) else None
            return self._prepared[id(component)][1]

    def release(self, components: Iterable[Component]) -> None:
        """Close components before the run's end, because nobody needs them any more."""
        self._close([one for component in components if (one := self._prepared.pop(id(component), None))])

    def report(self, component: Component, method: str, broken: Broken) -> None:
        """Note what a method raised, to be told once at the end of the run."""
        told = f"{component.kind} {component.name}: {method}(): {broken.message}"
        self._reports.setdefault((component.kind, component.name, method), f"{told}\n{broken.trace}".rstrip())

    def reports(self) -> list[str]:
        """Return what methods have raised that the run went on without, and forget it."""
        told, self._reports = list(self._reports.values()), {}
        return told

    def close(self) -> list[str]:
        """Close every component that is ready, the last one first, and the event loop.

        Returns a line for each method that raised, and has not been told. May be called again: that does nothing.
        """
        prepared, self._prepared = list(self._prepared.values()), {}
        try:
            self._close(prepared[::-1])
        finally:
            runner, self._runner = self._runner, None
            if runner is not None:
                runner.close()
        return self.reports()

    def _close(self, prepared: Iterable[tuple[Component, Broken | None]]) -> None:
        """Close those that are ready: one that could not get ready has nothing to let go of."""
        ready = [one for one, broken in prepared if broken is None and type(one).aclose is not Component.aclose]
        if ready:
            self.run(self._close_each(ready))

    async def _close_each(self, components: Iterable[Component]) -> None:
        import asyncio

        closing = {asyncio.create_task(_aclose(component.aclose)): component for component in components}
        await asyncio.wait(closing, timeout=CLOSE_SECONDS)
        for task, component in closing.items():
            if not task.done():
                task.cancel()
                late = TimeoutError(f"not done after {CLOSE_SECONDS:g} s, and left behind")
                self.report(component, "aclose", Broken(late, ""))
            elif not task.cancelled() and isinstance(outcome := task.result(), Broken):
                self.report(component, "aclose", outcome)


async def _aclose(method: Callable[[], Any]) -> Any:
    async def close() -> Any:
        return await awaited(method())

    return await guarded_async(close)
