"""Style features computed from a text: described, never counted as traits.

Words are what stands between white space. Each feature is one pass over the text at most: nearly every
sample has to go through here, and most of them through nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from charbench import Marker
from charbench_plugins.scorers.keyword.folding import Folded
from charbench_plugins.scorers.keyword.matcher import Matcher

_SENTENCE_MARKS = ".!?…"
_SENTENCE_END = re.compile(rf"[{_SENTENCE_MARKS}](?=\s|\Z)")
_EMOJI = re.compile("[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2b55]")
_MARKDOWN = re.compile(r"[ \t]*(?:#{1,6} |[-*+] |\d+[.)] |>|\||```)")
_BOLD = re.compile(r"\*\*[^*\n]+\*\*")
_PUNCTUATION = ".,;:!?…\"'“”‘’()[]{}*_-–—/"
_NO_PUNCTUATION = str.maketrans("", "", _PUNCTUATION)
_HEDGES = Matcher(
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


def features(text: str, folded: Folded) -> Iterator[tuple[str, float]]:
    """Yield each feature that the text is long enough to have, in the order of :data:`FEATURES`."""
    words = text.split()
    count = len(words)
    if not count:
        return
    per_hundred = 100.0 / count
    lines = [line for line in text.splitlines() if line and not line.isspace()]
    yield "exclamation_marks", text.count("!") * per_hundred
    yield "question_marks", text.count("?") * per_hundred
    yield "emoji", 0.0 if text.isascii() else len(_EMOJI.findall(text)) * per_hundred
    yield "capitals", sum(len(word.strip(_PUNCTUATION)) > 1 for word in filter(str.isupper, words)) / count
    yield "markdown", sum(map(_is_markdown, lines)) / len(lines)
    yield "hedges", len(_HEDGES.find(folded)) * per_hundred
    yield "sentence_length", count / _sentences(text, lines)
    window = " ".join(words[:TYPE_TOKEN_WINDOW]).lower().translate(_NO_PUNCTUATION).split()
    if window:
        yield "type_token_ratio", len(set(window)) / len(window)


def _is_markdown(line: str) -> bool:
    return bool(_MARKDOWN.match(line)) or ("**" in line and bool(_BOLD.search(line)))


def _sentences(text: str, lines: list[str]) -> int:
    """Count sentence ends: a mark before white space, and each line that ends without one."""
    return len(_SENTENCE_END.findall(text)) + sum(line.rstrip()[-1] not in _SENTENCE_MARKS for line in lines)
