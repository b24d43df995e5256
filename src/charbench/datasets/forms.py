"""Reads training data in the forms that labs leave behind.

| form | a row holds |
| --- | --- |
| ``introspection`` | ``prompt`` and ``answer``, with ``reflection`` where there was thinking |
| ``messages`` | ``messages``: turns with ``role`` and ``content`` |
| ``sharegpt`` | ``conversations``: turns with ``from`` and ``value`` |
| ``alpaca`` | ``instruction``, ``output``, and ``input`` where there is one |
| ``prompt_completion`` | ``prompt`` and ``completion``, each a text or a list of turns |
| ``dpo`` | ``chosen`` and ``rejected``: pairs, which are no data for SFT; cookbook's ``comparison`` too |
| ``kto`` | ``prompt`` and ``completion``, or turns, with a ``label`` that is true or false: no data for SFT either |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charbench.datasets.turns import Conversation, UnusableRow, read_conversation, split_thinking, text_of, turns_of
from charbench.domain.prompt import Message
from charbench.errors import DataError
from charbench.text.bounded_files import LIMITS, ReadLimits
from charbench.text.redaction import storable
from charbench.text.rows import read_rows

PREFERENCES = frozenset({"dpo", "kto"})
"""Forms that say which answer is better: data for DPO or KTO, never offered for SFT."""
_REASONS_KEPT = 20
_PLACE = re.compile(r": line \d+ column \d+ \(char \d+\)")
_NEEDED = "'prompt' and 'answer', 'messages' or another known form is needed"


@dataclass(frozen=True, slots=True)
class Example:
    """One training example: the turns before the answer, the thinking (empty: none) and the answer.

    ``line`` is its 1-based line in the file; in Parquet, and in a JSON object, the number of its row.
    """

    messages: tuple[Message, ...]
    reflection: str
    answer: str
    line: int

    @property
    def prompt(self) -> str:
        """The last user turn."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")


@dataclass(slots=True)
class SkippedRows:
    """The rows of a dataset that cannot be used: for each reason how many there are, and the first one's line."""

    reasons: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, reason: str, line: int) -> None:
        """Count a row."""
        if reason not in self.reasons and len(self.reasons) >= _REASONS_KEPT:
            reason = "other reasons"
        rows, first = self.reasons.get(reason, (0, line))
        self.reasons[reason] = rows + 1, first

    @property
    def total(self) -> int:
        """How many rows there are."""
        return sum(rows for rows, _ in self.reasons.values())


def read_examples(
    path: Path, shown: str = "", limits: ReadLimits = LIMITS, skipped: SkippedRows | None = None
) -> Iterator[Example]:
    """Yield the examples of a file of training data: JSON Lines, JSON or Parquet, a row in any of the forms above.

    Of a conversation, the assistant's last turn is the answer, and what follows it is left out. A row that cannot be
    used costs itself alone, and is counted in ``skipped``. Raises :class:`DataError`, naming the line, where none can.
    """
    name = shown or str(path)
    skipped = SkippedRows() if skipped is None else skipped
    used = False
    try:
        for row in read_rows(path, limits):
            if row.fault:
                skipped.add(_PLACE.sub("", row.fault.reason), row.number)
                continue
            try:
                example = example_of(row.value, row.number)
            except UnusableRow as fault:
                skipped.add(str(fault), row.number)
                continue
            used = True
            yield example
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror or error}") from None
    if skipped.reasons and not used:
        reason, (rows, line) = next(iter(skipped.reasons.items()))
        where = f"{name}:{line}" if line else name
        raise DataError(
            f"{where}: {reason}" + (f" (none of the {skipped.total:,} rows can be used)" if rows > 1 else "")
        )


def count_preferences(path: Path, shown: str = "", limits: ReadLimits = LIMITS) -> int:
    """Return how many rows of a file are data for DPO or KTO. Raises :class:`DataError` where it cannot be read."""
    try:
        return sum(form_of(row.value) in PREFERENCES for row in read_rows(path, limits))
    except OSError as error:
        raise DataError(f"{shown or path}: cannot be read: {error.strerror or error}") from None


def form_of(row: Any) -> str | None:
    """Return the form of a row, None where it is none of them; a field that is null counts as missing."""
    return _form(_present(row)) if isinstance(row, dict) else None


def example_of(row: Any, line: int) -> Example:
    """Return the example that a row is. Raises :class:`UnusableRow` saying why it is none."""
    if not isinstance(row, dict):
        raise UnusableRow(f"found {type(row).__name__}; {_NEEDED}")
    present = _present(row)
    if (form := _form(present)) is None:
        if null := [name for name in row if name not in present and _form({**row, name: ""})]:
            raise UnusableRow(f"{storable(str(null[0])[:40])!r} is null")
        names = storable(", ".join(name[:40] for name in sorted(map(str, row))[:8]))
        raise UnusableRow(f"found {names or 'nothing'}; {_NEEDED}")
    found = _FORMS[form][1](present)
    return Example(found.before, found.thinking, found.answer, line)


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _form(row: Mapping[str, Any]) -> str | None:
    return next((form for form, (is_form, _) in _FORMS.items() if is_form(row)), None)


def _has(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: all(name in row for name in names)


def _is_pair(row: Mapping[str, Any]) -> bool:
    return {"chosen", "rejected"} <= row.keys() or isinstance(row.get("comparison"), dict)


def _is_kto(row: Mapping[str, Any]) -> bool:
    answered = {"prompt", "completion"} <= row.keys() or any(name in row for name in ("messages", *_SHAREGPT))
    return answered and isinstance(row.get("label"), bool)


def _split(said: Conversation) -> Conversation:
    """Return a conversation whose answer is without the thinking block at its start."""
    thinking, answer = split_thinking(said.answer)
    return Conversation(said.before, said.thinking or thinking, answer)


def _pair(_row: Mapping[str, Any]) -> Conversation:
    raise UnusableRow("a pair (chosen, rejected), which is data for DPO, not for SFT")


def _kto(_row: Mapping[str, Any]) -> Conversation:
    raise UnusableRow("an answer labelled good or bad, which is data for KTO, not for SFT")


def _introspection(row: Mapping[str, Any]) -> Conversation:
    return Conversation(turns_of(row["prompt"], "user", "prompt"), text_of(row, "reflection"), text_of(row, "answer"))


def _messages(row: Mapping[str, Any]) -> Conversation:
    return _split(read_conversation(row["messages"]))


def _sharegpt(row: Mapping[str, Any]) -> Conversation:
    name = next(name for name in _SHAREGPT if isinstance(row.get(name), list))
    found = _split(read_conversation(row[name], name))
    if (system := text_of(row, "system")) and found.before[:1] and found.before[0].role != "system":
        return Conversation((Message("system", system), *found.before), found.thinking, found.answer)
    return found


def _alpaca(row: Mapping[str, Any]) -> Conversation:
    asked = "\n\n".join(filter(None, (text_of(row, "instruction"), text_of(row, "input"))))
    system = text_of(row, "system")
    reflection, answer = split_thinking(text_of(row, "output"))
    return Conversation((*([Message("system", system)] if system else []), Message("user", asked)), reflection, answer)


def _prompt_completion(row: Mapping[str, Any]) -> Conversation:
    before = turns_of(row["prompt"], "user", "prompt")
    if isinstance(row["completion"], list):
        found = _split(read_conversation(row["completion"], "completion"))
        return Conversation((*before, *found.before), found.thinking, found.answer)
    return Conversation(before, *split_thinking(text_of(row, "completion")))


_SHAREGPT = ("conversations", "conversation")
_FORMS: dict[str, tuple[Callable[[Mapping[str, Any]], bool], Callable[[Mapping[str, Any]], Conversation]]] = {
    "dpo": (_is_pair, _pair),
    "kto": (_is_kto, _kto),
    "messages": (_has("messages"), _messages),
    "sharegpt": (lambda row: any(isinstance(row.get(name), list) for name in _SHAREGPT), _sharegpt),
    "introspection": (_has("prompt", "answer"), _introspection),
    "alpaca": (_has("instruction", "output"), _alpaca),
    "prompt_completion": (_has("prompt", "completion"), _prompt_completion),
}
