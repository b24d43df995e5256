"""Tables that plainly hold questions and answers, in columns under a lab's own names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from charbench import short_list

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_ASKED = frozenset({
    "prompt", "question", "user", "human", "query", "ask", "asked", "asks", "request", "instruction", "input", "q",
})  # fmt: skip
_SAID = frozenset({
    "model", "assistant", "bot", "ai", "llm", "gpt", "response", "answer", "reply", "completion", "output",
    "generation", "generated", "says", "said", "a",
})  # fmt: skip
_OF_NO_MODEL = frozenset({
    "gold", "reference", "expected", "correct", "chosen", "rejected", "target", "judge", "rubric", "reason",
    "rationale", "explanation", "human", "user", "system", "error", "comment", "note", "id", "name", "path", "file",
    "url", "date", "time", "title", "description",
})  # fmt: skip
_NAMES = frozenset({"model", "ckpt", "checkpoint", "adapter", "lora", "run", "modell"})
_MANY_WORDS = 3
_FEW_LETTERS = 6
_MOST_LETTERS = 80
_LEAST = 2
_SHOWN = 8


def own_columns(rows: Sequence[Any]) -> str | None:
    """Say which columns of rows seem to hold questions and answers, and how that is told; None where none do.

    A column of questions is called so, or most of its texts end with a question mark; answers are in one that is
    called so, or in the only other one of texts, where they are as long as the questions at least.
    """
    mappings = [row for row in rows if isinstance(row, dict)]
    if len(mappings) < _LEAST:
        return None
    names = list(dict.fromkeys(name for row in mappings for name in row if isinstance(name, str)))
    cells = {name: [row[name] for row in mappings if isinstance(row.get(name), str) and row[name]] for name in names}
    texts = {name: said for name, said in cells.items() if len(said) > len(mappings) / 2 and _are_texts(said)}
    asked = next((name for name in texts if _words(name) & _ASKED and not _words(name) & _SAID - _ASKED), None)
    if asked is None:
        asked = next((name for name, said in texts.items() if _are_questions(said)), None)
    if asked is None:
        return None
    others = {name: said for name, said in texts.items() if name != asked and not _words(name) & _OF_NO_MODEL}
    answered = next((name for name in others if _words(name) & _SAID), None)
    if answered is None and len(texts) == 2 and len(others) == 1 and _are_questions(texts[asked]):
        (name,) = others
        answered = name if _length(others[name]) >= _length(texts[asked]) and not _are_questions(others[name]) else None
    if answered is None:
        return None
    named = next((name for name in names if _words(name) & _NAMES and _are_names(cells[name])), None)
    return _in_words(names, {"prompt": asked, "response": answered, **({"checkpoint": named} if named else {})})


def _in_words(names: Sequence[str], found: Mapping[str, str]) -> str:
    mapped = ", ".join(f"{known}: {_quoted(name)}" for known, name in found.items())
    lacks = "" if "checkpoint" in found else " and -o source.recorded.checkpoints={FILE: CHECKPOINT}"
    return (
        f"seems to hold prompts and answers, and has none of the columns that recordings have (prompt, response, "
        f"checkpoint), but {short_list(names, _SHOWN)}: name them with -o 'source.recorded.columns={{{mapped}}}'{lacks}"
    )


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else '"' + name.replace('"', '\\"') + '"'


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORDS.findall(name)}


def _are_texts(said: Sequence[str]) -> bool:
    """Whether most are texts of several words; languages without spaces have letters that are not ASCII."""
    several = [len(text.split()) >= _MANY_WORDS or (len(text) >= _FEW_LETTERS and not text.isascii()) for text in said]
    return 2 * sum(several) > len(said)


def _are_questions(said: Sequence[str]) -> bool:
    return 2 * sum(text.rstrip().endswith(("?", "\uff1f", "\u061f")) for text in said) > len(said)


def _are_names(said: Sequence[str]) -> bool:
    return bool(said) and all(" " not in text.strip() and len(text) <= _MOST_LETTERS for text in said)


def _length(said: Sequence[str]) -> float:
    return sum(map(len, said)) / len(said)
