"""Models' answers, kept in a file of the lab: nothing is asked and paid for twice.

A killed run continues where it was, and after a change of one rubric only what that rubric is part of is asked.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from charbench.config.private_files import private_file, private_folder
from charbench.domain.end_reasons import EndReason
from charbench.text.redaction import redact

FILE = "llm-judge.db"
"""The name that the file has had since it held the answers of one judge."""
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model said.

    ``top`` holds the most likely first tokens with the natural logarithms of their probabilities; None where the
    endpoint gives none. ``refusal``: the words with which it refused to answer, without secrets and cut. ``is_cut``:
    whether the token limit ended it.
    """

    content: str
    top: tuple[tuple[str, float], ...] | None = None
    refusal: str = ""
    is_cut: bool = False

    @property
    def refused(self) -> str:
        """What is told of a refusal."""
        return f"it refused: {self.refusal}"

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing at all."""
        return not (self.content.strip() or self.top or self.refusal)


class AnswerCache:
    """Answers by the key of their request; the file is opened on first use, and several runs may share it.

    It lies in ``folder``, readable by its owner only; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._open: sqlite3.Connection | None = None

    def get(self, key: str) -> ModelAnswer | None:
        """Return the answer to this request, None if it has not been asked."""
        connection = self._connection()
        row = connection.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone() if connection else None
        if row is None:
            return None
        kept = json.loads(row[0])
        top = tuple((token, value) for token, value in kept["top"]) if kept["top"] else None
        return ModelAnswer(kept["content"], top, kept.get("refusal", ""), kept.get("finish") == EndReason.LENGTH)

    def put(self, key: str, answer: ModelAnswer) -> None:
        """Keep an answer, without secrets that it may repeat."""
        if connection := self._connection():
            top = None if answer.top is None else [(redact(token), value) for token, value in answer.top]
            kept = {"content": redact(answer.content), "top": top, "refusal": redact(answer.refusal)}
            text = json.dumps(kept | ({"finish": EndReason.LENGTH.value} if answer.is_cut else {}))
            connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, text))

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _connection(self) -> sqlite3.Connection | None:
        if self._open is None and self._folder is not None:
            file = private_file(private_folder(self._folder) / FILE)
            self._open = sqlite3.connect(file, timeout=_SECONDS, isolation_level=None)
            self._open.execute("PRAGMA journal_mode = WAL")
            self._open.execute("PRAGMA synchronous = NORMAL")
            self._open.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT) WITHOUT ROWID")
        return self._open
