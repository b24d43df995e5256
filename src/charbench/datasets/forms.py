"""Reads introspection data in the forms that labs leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charbench.domain.prompt import Message
from charbench.errors import DataError
from charbench.text.bounded_files import LIMITS, FileFault, ReadLimits, parse_json, read_lines
from charbench.text.redaction import storable

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """One training example: the turns before the answer, the thinking (empty: none) and the answer.

    ``line`` is its 1-based line in the file.
    """

    messages: tuple[Message, ...]
    reflection: str
    answer: str
    line: int

    @property
    def prompt(self) -> str:
        """The last user turn."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")


def read_examples(path: Path, shown: str = "", limits: ReadLimits = LIMITS) -> Iterator[Example]:
    """Yield a JSONL file's examples, one a line; blank lines are passed over.

    Forms: ``{prompt, reflection, answer}`` as introspection pipelines write it, and ``{messages: [...]}``
    whose last turn is the assistant's. Raises :class:`DataError` naming the line that is neither.
    """
    name = shown or str(path)
    try:
        for number, line in read_lines(path, limits):
            if isinstance(line, FileFault):
                raise DataError(f"{name}:{number}: {line}")
            if line.strip():
                yield parse_example(line, f"{name}:{number}", number, limits)
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror or error}") from None


def parse_example(line: bytes, where: str, number: int, limits: ReadLimits = LIMITS) -> Example:
    """Read one line; ``where`` names it in messages."""
    try:
        row = parse_json(line, limits, number)
    except FileFault as error:
        raise DataError(f"{where}: {error}; fix or remove the line") from None
    if isinstance(row, dict) and "messages" in row:
        return _from_messages(row, where, number)
    if isinstance(row, dict) and isinstance(row.get("prompt"), str) and isinstance(row.get("answer"), str):
        reflection = row.get("reflection") or ""
        if not isinstance(reflection, str):
            raise DataError(f"{where}: 'reflection' is {type(reflection).__name__}; text is needed")
        return Example((Message("user", row["prompt"]),), reflection, row["answer"], number)
    found = storable(", ".join(name[:40] for name in sorted(row)[:8])) if isinstance(row, dict) else type(row).__name__
    raise DataError(f"{where}: found {found or 'nothing'}; 'prompt' and 'answer', or 'messages', are needed")


def _from_messages(row: Row, where: str, number: int) -> Example:
    turns = row["messages"]
    if not isinstance(turns, list) or not turns:
        raise DataError(f"{where}: 'messages' is not a list of turns")
    messages = []
    for turn in turns:
        if (
            not isinstance(turn, dict)
            or not isinstance(turn.get("role"), str)
            or not isinstance(turn.get("content"), str)
        ):
            raise DataError(f"{where}: each of 'messages' needs 'role' and 'content'")
        messages.append(Message(turn["role"], turn["content"]))
    if messages[-1].role != "assistant":
        role = storable(messages[-1].role[:40])
        raise DataError(f"{where}: the last of 'messages' is the {role}'s; the assistant's is needed")
    answer = messages[-1].content
    reflection = ""
    if "</think>" in answer:
        head, _, answer = answer.partition("</think>")
        reflection = head.removeprefix("<think>").strip()
        answer = answer.lstrip("\n")
    return Example(tuple(messages[:-1]), reflection, answer, number)
