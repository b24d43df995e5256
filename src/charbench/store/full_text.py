"""Full-text search in the samples of a store.

SQLite: an index (FTS5) in a file beside the store, so that the store itself is only read. It holds no texts, but the
words of each and where they stand. PostgreSQL: its own text search, over the samples that a page looks at.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from charbench.config.private_files import private_file
from charbench.errors import StoreError, UsageError
from charbench.store.database import Database
from charbench.store.faults import reason
from charbench.store.tables import groups, samples

BYTES_PER_CHARACTER = 0.66
"""Of the index, for each character of the texts; measured by ``benchmarks/view.py``."""
_BATCH = 1_000
_BUSY_SECONDS = 60
_TERM = re.compile(r'"([^"]*)"(\*?)|(\S+)')
_TABLES = (
    """CREATE VIRTUAL TABLE texts USING fts5(
        response, thinking, content='', columnsize=0, tokenize="unicode61 remove_diacritics 2"
    )""",
    "CREATE TABLE state (last_id INTEGER NOT NULL, last_key TEXT)",
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the index has got: samples that it has looked at, and those that there are."""

    done: int
    samples: int


def search_file(store: Path) -> Path:
    """Return where the index of a store lies: beside it."""
    return store.with_name(f"{store.stem}.search.sqlite")


def fts_query(text: str, channel: str = "") -> str:
    """Return what a user has typed as a query of FTS5: all its words, phrases in quotes, ``*`` for a beginning.

    Whatever else it holds is text. Raises :class:`UsageError` where it holds no letter or digit.
    """
    terms = []
    for phrase, beginning, word in _TERM.findall(text.replace("\0", " ")):
        star = "*" if beginning or word.endswith("*") else ""
        said = phrase or word
        if any(one.isalnum() for one in said):
            terms.append('"{}"{}'.format(said.replace('"', '""'), star))
    if not terms:
        raise UsageError(f"search: {text!r:.60} holds no word; letters or digits are needed")
    return (f"{channel} : " if channel else "") + "(" + " ".join(terms) + ")"


class SearchIndex:
    """The index of one SQLite store. Processes take turns in adding to it."""

    def __init__(self, database: Database) -> None:
        assert database.path is not None, "other databases search by themselves"
        self._database = database
        self.path = search_file(database.path)

    def search(self, query: str, below: int, most: int) -> Sequence[int]:
        """Return the numbers of samples that :func:`fts_query` finds, below one, the largest first."""
        statement = "SELECT rowid FROM texts WHERE texts MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT ?"
        with self._open() as index:
            return [number for (number,) in index.execute(statement, (query, below, most))]

    def progress(self) -> Progress:
        """Return how far the index is; makes none."""
        with self._database.read() as connection:
            there = connection.scalar(sa.select(sa.func.max(samples.c.id))) or 0
        return Progress(min(self._last()[0], there) if self.path.exists() else 0, there)

    def add(self, most: int = _BATCH) -> bool:
        """Take in up to ``most`` samples that are new; return whether there may be more.

        Raises :class:`StoreError` where the file cannot be written.
        """
        with self._open() as index:
            index.execute("BEGIN IMMEDIATE")
            last, key = self._last_of(index)
            with self._database.read() as connection:
                if last and connection.scalar(sa.select(samples.c.key).where(samples.c.id == last)) != key:
                    index.execute("ROLLBACK")  # it was made of another store
                    self.remove()
                    return True
                query = sa.select(
                    samples.c.id, samples.c.key, samples.c.error_kind, samples.c.response, samples.c.thinking
                )
                rows = connection.execute(query.where(samples.c.id > last).order_by(samples.c.id).limit(most)).all()
            # One that failed is tried again, and its number may be used again: it is not the last that is known.
            kept = [row for row in rows if row.error_kind is None]
            index.executemany(
                "INSERT INTO texts (rowid, response, thinking) VALUES (?, ?, ?)",
                [(row.id, row.response, row.thinking) for row in kept],
            )
            if kept:
                index.execute("UPDATE state SET last_id = ?, last_key = ?", (kept[-1].id, kept[-1].key))
            index.execute("COMMIT")
        return len(rows) == most

    def bytes(self) -> int:
        """Return the size of the index's file, 0 where there is none."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def expected_bytes(self) -> int:
        """Return about how large the file will be when everything is in it."""
        with self._database.read() as connection:
            characters = connection.scalar(sa.select(sa.func.sum(groups.c.response_chars + groups.c.thinking_chars)))
        return int(BYTES_PER_CHARACTER * (characters or 0))

    def remove(self) -> None:
        """Delete the index."""
        remove_index(self.path)

    def _last(self) -> tuple[int, str | None]:
        with self._open() as index:
            return self._last_of(index)

    @staticmethod
    def _last_of(index: sqlite3.Connection) -> tuple[int, str | None]:
        found = index.execute("SELECT last_id, last_key FROM state").fetchone()
        return found[0], found[1]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the index, made if there is none."""
        try:
            private_file(self.path)
            with closing(sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)) as index:
                index.execute("PRAGMA synchronous=OFF")  # it can be made again
                _make_tables(index)
                yield index
        except OSError as error:
            raise StoreError(
                f"search index {self.path}: {reason(error)}; it has to be written beside the store, to search there"
            ) from error
        except sqlite3.Error as error:
            raise StoreError(f"search index {self.path}: {reason(error)}; delete it to have it made anew") from error


def remove_index(path: Path) -> None:
    """Delete the index of a store, and what SQLite keeps beside it."""
    for suffix in ("", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def matches(text: str, channel: str = "") -> sa.ColumnElement[bool]:
    """Return the condition that PostgreSQL finds these words in a sample, wherever they stand."""
    columns = [samples.c[name] for name in ("response", "thinking") if channel in ("", name)]
    document = columns[0] if len(columns) == 1 else columns[0] + " " + columns[1]
    words = sa.func.plainto_tsquery("simple", text.replace("\0", " "))
    return sa.func.to_tsvector("simple", document).bool_op("@@")(words)


def _make_tables(index: sqlite3.Connection) -> None:
    if index.execute("SELECT count(*) FROM sqlite_master WHERE name = 'state'").fetchone()[0]:
        return
    index.execute("BEGIN IMMEDIATE")
    if not index.execute("SELECT count(*) FROM sqlite_master WHERE name = 'state'").fetchone()[0]:
        for statement in _TABLES:
            index.execute(statement)
        index.execute("INSERT INTO state VALUES (0, NULL)")
    index.execute("COMMIT")
