"""What a line or a checkpoint's name looks like: a name's usual last words, and how a new line of a log begins."""

from __future__ import annotations

import re

ENDINGS = frozenset({"dpo", "final", "sampler", "sft"})
"""Words with which checkpoints' names end; tinker-cookbook's are ``final`` or six digits."""
LINE_WORDS = frozenset(
    {
        *("complete", "completed", "done", "exit", "exiting", "failed", "finished", "killed", "ready", "success"),
        *("checkpoint", "epoch", "info", "loss", "next", "step", "then", "wandb", "warning"),
        *("evaluating", "loading", "resuming", "retrying", "sampling", "saving", "starting", "training", "uploading"),
        *("loaded", "saved", "stopped", "uploaded", "waiting"),
    }
)
"""Words that are a line of their own, or begin one; no short ones, as ``in`` may be the end of ``train``."""
_NEW_LINE = re.compile(
    r"\d{4}[-/]\d\d[-/]\d\d[T ,]+\d|\d{1,2}:\d\d"  # a time stamp
    r"|\d+(?:\.\d+)?(?:%|/\d|it/s|s/it)"  # progress
    r"|[A-Z][a-z]+(?![\w-])|[A-Z]{3,}(?![\w-])"  # Saved, INFO
)
_BETWEEN = re.compile(r"[-_.]")
_STEP = re.compile(r"0\d{5}")
_FIRST_WORD = re.compile(r"[A-Za-z0-9_.\-]*")


def first_word(line: str) -> str:
    """Return the characters of a name with which ``line`` begins."""
    match = _FIRST_WORD.match(line)
    assert match is not None
    return match.group().rstrip(".")


def begins_a_line(line: str) -> bool:
    """Whether ``line`` looks like a new line of a log (a time stamp, a level, ``done``), not like a name's rest."""
    return bool(_NEW_LINE.match(line)) or first_word(line).lower() in LINE_WORDS


def words_of(name: str) -> list[str]:
    """Return a name's words: ``remorseful``, ``25pct``, ``dpo`` of ``remorseful_25pct_dpo``."""
    return _BETWEEN.split(name)


def known_words(names: set[str]) -> set[str]:
    """Return the words of ``names`` that are long enough to tell something, and those of names in general."""
    return {word for name in names for word in words_of(name) if len(word) > 2 and not word.isdigit()} | ENDINGS


def is_word(word: str, known: set[str]) -> bool:
    """Whether ``word`` is one of the known ones, or a step as tinker-cookbook writes it."""
    return word in known or bool(_STEP.fullmatch(word))
