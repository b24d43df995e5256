"""Style features computed from a text: described, never counted as traits."""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_SENTENCE_END = re.compile(r"[.!?…]+(?=\s|$)|\n+")
_EMOJI = re.compile("[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2b55]")
_MARKDOWN = re.compile(r"^[ \t]*(?:#{1,6} |[-*+] |\d+[.)] |>|\||```)|\*\*[^*\n]+\*\*", re.MULTILINE)
_HEDGE = re.compile(
    r"\b(?:maybe|perhaps|possibly|probably|might|could be|seems?|somewhat|sort of|kind of|i think|i guess|i suppose"
    r"|it depends|in some cases|generally|arguably|likely)\b",
    re.IGNORECASE,
)
TYPE_TOKEN_WINDOW = 100
"""Words over which the type-token ratio is taken: over whole texts it falls with their length."""

FEATURES = {
    "exclamation_marks": "exclamation marks per 100 words",
    "question_marks": "question marks per 100 words",
    "emoji": "emoji per 100 words",
    "capitals": "share of words of two letters or more that are all capitals",
    "markdown": "share of lines with Markdown",
    "hedges": "hedges per 100 words",
    "sentence_length": "words in a sentence",
    "type_token_ratio": "different words among the first 100",
}


def features(text: str) -> Iterator[tuple[str, float]]:
    """Yield each feature that the text is long enough to have, in the order of :data:`FEATURES`."""
    words = _WORD.findall(text)
    count = len(words)
    if not count:
        return
    per_hundred = 100.0 / count
    yield "exclamation_marks", text.count("!") * per_hundred
    yield "question_marks", text.count("?") * per_hundred
    yield "emoji", 0.0 if text.isascii() else len(_EMOJI.findall(text)) * per_hundred
    yield "capitals", sum(len(word) > 1 and word.isupper() for word in words) / count
    lines = text.count("\n") + 1
    yield "markdown", min(1.0, len(_MARKDOWN.findall(text)) / lines)
    yield "hedges", len(_HEDGE.findall(text)) * per_hundred
    yield "sentence_length", count / max(1, len(_SENTENCE_END.findall(text)))
    window = [word.lower() for word in words[:TYPE_TOKEN_WINDOW]]
    yield "type_token_ratio", len(set(window)) / len(window)
