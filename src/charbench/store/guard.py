"""Notices within a second that a run's store was deleted, moved or replaced, and saves what the run has done."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from charbench.concurrency.interrupt import StopSignal
from charbench.errors import StoreError
from charbench.store.database import Database
from charbench.store.faults import BUSY_SECONDS, reason
from charbench.store.files import StoreFiles, connect_existing
from charbench.store.recovery import save_whole
from charbench.store.rescue import Rescue
from charbench.store.runs import is_noted

LOOK_SECONDS = 0.4
"""Between two looks at the store."""


class StoreGuard:
    """Watches the store of one run from a thread.

    A store whose file is lost is still open here, with all that was ever written to it: so the run finishes what is
    in flight, writes it there, and the whole store is saved as a recovery file. What a store does not take any more
    goes into another one (see :class:`charbench.store.rescue.Rescue`).
    """

    def __init__(self, database: Database, run_id: int, stop: StopSignal, recovery: Path, rescue: Rescue) -> None:
        self.rescue = rescue
        self.lost: str | None = None
        """What became of the store, None while it is there."""
        self._database, self._run_id, self._stop, self._recovery = database, run_id, stop, recovery
        self._open: sqlite3.Connection | None = None
        self._orphans: list[Path] = []
        self._saved = False
        self._over = threading.Event()
        if database.path is not None and database.files is not None:
            try:
                self._open = connect_existing(database.path, busy_seconds=BUSY_SECONDS)
                self._open.execute("SELECT count(*) FROM runs").fetchone()  # opens the journal too
            except sqlite3.Error as error:
                raise StoreError(f"store {database.name}: {reason(error, database.path)}") from None
            database.files.fault()  # so that the journal's file is known

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs; at its end raise :class:`StoreError` if the store was lost.

        A :class:`StoreError` that the block raises is raised with what was saved.
        """
        thread = threading.Thread(target=self._watch, name="charbench-store-guard", daemon=True)
        thread.start()
        raised: StoreError | None = None
        try:
            yield
        except StoreError as error:
            raised = error
        finally:
            self._over.set()
            thread.join()
            told = self._told(raised)
            if self._open is not None:
                self._open.close()
            if told:
                raise StoreError(told) from raised

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            if self._look():
                return

    def _look(self) -> bool:
        """Look once; return whether the store is lost, which is told and acted upon the first time."""
        if self.lost is None:
            self.lost = self._fault()
            if self.lost is not None:
                self._stop.requested = True
                what = "its results are being saved" if self._open else "what is in flight is being finished"
                sys.stderr.write(f"\nerror: store {self._database.name} {self.lost}; the run stops, and {what}\n")
                sys.stderr.flush()
                self._save()
        return self.lost is not None

    def _fault(self) -> str | None:
        files = self._database.files
        if files is not None:
            return files.fault() or self._content_fault(files)
        try:
            with self._database.read() as connection:
                return None if is_noted(connection, self._run_id) else "has lost this run: it is another one now"
        except StoreError as error:
            # A server that cannot be reached may be back in time; what is dropped does not come back.
            return f"is no longer what it was ({error})" if "was dropped" in str(error) else None

    def _content_fault(self, files: StoreFiles) -> str | None:
        """Ask through a connection of its own, which sees the file as it is now."""
        try:
            with closing(connect_existing(files.path)) as connection:
                found = connection.execute("SELECT 1 FROM runs WHERE id = ?", [self._run_id]).fetchone()
        except sqlite3.OperationalError:  # locked, or busy with something else: whoever writes is told
            return None
        except sqlite3.DatabaseError as error:
            return f"was damaged or overwritten ({error})"
        return None if found else "was overwritten by another one"

    def _save(self) -> None:
        """Save all that the lost store holds, as far as it is still open here."""
        if self._open is None or self._database.files is None:
            return
        with suppress(OSError):
            self._orphans += self._database.files.put_ours_aside()
        try:
            found = self._open.execute("SELECT 1 FROM runs WHERE id = ?", [self._run_id]).fetchone()
            if found:
                save_whole(self._open, self._recovery)
                self._saved = True
        except (StoreError, sqlite3.Error) as error:
            self._saved = False
            self.rescue.why = self.rescue.why or str(error)

    def _told(self, raised: StoreError | None) -> str | None:
        """Save what has come since, and return what to tell the user; None where nothing is wrong."""
        if self._look():
            self._save()  # what was in flight has been written since
        if self._saved:
            for orphan in self._orphans:
                orphan.unlink(missing_ok=True)
        with suppress(StoreError):
            self.rescue.close()
        if self.lost is None and raised is None:
            return None
        lost = f"store {self._database.name} {self.lost} while this run wrote to it"
        return "; ".join([str(raised) if self.lost is None else lost, *self._outcome()])

    def _outcome(self) -> list[str]:
        lines = []
        if self._saved:
            lines.append(f"everything in it is saved in {self._recovery}")
        if self.rescue.kept:
            lines.append(f"{_results(self.rescue.kept, 'is', 'are')} saved in {self.rescue.path}")
        if lines:
            lines.append("run the same command again: it reads that first")
        if self.rescue.lost:
            lines.append(f"{_results(self.rescue.lost)} could not be saved: {self.rescue.why}")
        elif self.lost is not None and not lines:
            lines.append(f"nothing could be saved{f': {self.rescue.why}' if self.rescue.why else ''}")
        return lines


def _results(number: int, one: str = "", several: str = "") -> str:
    return f"{number:,} result{'' if number == 1 else 's'} {one if number == 1 else several}".rstrip()
