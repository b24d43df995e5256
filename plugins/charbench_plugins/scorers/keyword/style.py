"""Style features computed from a text: described, never counted as traits.

Words are what stands between white space. Each feature is one pass over the text at most: nearly every
sample has to go through here, and most of them through nothing else.
"""

from __future__ import annotations

import re

from charbench import Marker

_SENTENCE_MARKS = ".!?…"
_SENTENCE_ENDS = tuple((mark, f"{mark} ") for mark in _SENTENCE_MARKS)
_EMOJI = re.compile("[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2b55]")
_MARKDOWN = re.compile(r"[ \t]*(?:#{1,6} |[-*+] |\d+[.)] |>|\||```)")
_BOLD = re.compile(r"\*\*[^*\n]+\*\*")
_PUNCTUATION = ".,;:!?…\"'“”‘’()[]{}*_-–—/"
_ASCII_PUNCTUATION = "".join(filter(str.isascii, _PUNCTUATION)).encode()
_NO_PUNCTUATION = str.maketrans("", "", _PUNCTUATION)
HEDGES = tuple(
    Marker(text)
    for text in (
        "maybe", "perhaps", "possibly", "probably", "might", "could be", "seem", "seems", "somewhat", "sort of",
        "kind of", "I think", "I guess", "I suppose", "it depends", "in some cases", "generally", "arguably", "likely",
    )
)  # fmt: skip
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


def features(text: str, hedges: int) -> list[tuple[str, float]]:
    """Return each feature that the text is long enough to have, in the order of :data:`FEATURES`.

    ``hedges`` is how many of :data:`HEDGES` stand in the text.
    """
    words = text.split()
    count = len(words)
    if not count:
        return []
    per_hundred = 100.0 / count
    lines = [line for line in text.splitlines() if line and not line.isspace()]
    spaced = " ".join(words)
    found = [
        ("exclamation_marks", text.count("!") * per_hundred),
        ("question_marks", text.count("?") * per_hundred),
        ("emoji", 0.0 if text.isascii() else len(_EMOJI.findall(text)) * per_hundred),
        ("capitals", sum(len(word.strip(_PUNCTUATION)) > 1 for word in filter(str.isupper, words)) / count),
        ("markdown", sum(map(_is_markdown, lines)) / len(lines)),
        ("hedges", hedges * per_hundred),
        ("sentence_length", count / _sentences(spaced, lines)),
    ]
    if window := _bare(" ".join(words[:TYPE_TOKEN_WINDOW])).split():
        found.append(("type_token_ratio", len(set(window)) / len(window)))
    return found


def _bare(words: str) -> str | bytes:
    """Return words with single spaces between them in lower case and without punctuation; bytes take less time."""
    if words.isascii():
        return words.lower().encode().translate(None, _ASCII_PUNCTUATION)
    return words.lower().translate(_NO_PUNCTUATION)


def _is_markdown(line: str) -> bool:
    return bool(_MARKDOWN.match(line)) or ("**" in line and bool(_BOLD.search(line)))


def _sentences(spaced: str, lines: list[str]) -> int:
    """Count sentence ends: a mark before white space, and each line that ends without one.

    ``spaced`` is the text with one space for all white space that stands together: counting two characters takes a
    fraction of what a regular expression takes.
    """
    marked = sum([spaced.count(end) for mark, end in _SENTENCE_ENDS if mark in spaced]) + (
        spaced[-1] in _SENTENCE_MARKS
    )
    return marked + sum(line.rstrip()[-1] not in _SENTENCE_MARKS for line in lines)
