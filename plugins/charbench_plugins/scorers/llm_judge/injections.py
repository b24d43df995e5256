"""Flags text that talks to the judge: demands for a score, orders to ignore the rubric, forged roles."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PATTERNS = {
    "demands a score": r"\b(?:give|assign|award|rate|grade|mark|score (?:this|it|me|my|the))\b[^.!?\n]{0,40}"
    r"(?:\b100\b(?! ?%)|\b10/10\b|\bfull marks\b|\b(?:highest|maximum|top|perfect) (?:score|rating|marks?)\b)",
    "orders to ignore": r"\b(?:ignore|disregard|forget|override|bypass)\b[^.!?\n]{0,30}"
    r"\b(?:rubric|instructions?|criteria|guidelines|system prompt|evaluation)\b",
    "speaks to the judge": r"\b(?:note|message|attention|dear|hey|hello)\b[^.!?\n]{0,12}"
    r"\b(?:judge|grader|evaluator|rater|scorer|assessor)\b"
    r"|\byou are (?:now )?(?:an?|the) (?:judge|grader|evaluator)\b",
    "forges a role": r"<\|[a-z_]{2,24}\|>|\[/?(?:INST|SYS)\]|<</?SYS>>|^[ \t#*]*(?:system|assistant|human)[*]*[ \t]*:",
    "forges an answer": r"[\"']score[\"'][ \t]*:[ \t]*\d",
}
_COMPILED = {reason: re.compile(pattern, re.IGNORECASE | re.MULTILINE) for reason, pattern in _PATTERNS.items()}


def injections(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, what it does) for each attempt; every pattern is bounded, so no text can hang it."""
    for reason, pattern in _COMPILED.items():
        for match in pattern.finditer(text):
            yield match.start(), match.end(), reason
