"""Tells a short text that describes something from one in which somebody speaks: "Pirates attacked the ship."."""

from __future__ import annotations

import re

MOST_WORDS = 40
"""In a longer text that somebody speaks in there is hardly ever no first or second person."""
_SPOKEN = re.compile(r"\b(?:i|me|my|mine|myself|you|your|yours|yourself|ye|yer|we|us|our|ours|let)\b|[!?]|\w'(?!s\b)\w")
"""What is spoken has a first or second person, a question, an exclamation or a contraction."""
_ASKED = re.compile(
    r"(?:^|[.:;,] )(?:\w+ly )?(?:be|let|give|take|tell|ask|try|look|suppose|note|think|never|do|speak|multiply|find|"
    r"pass|pick|add)\b"
)  # fmt: skip
"""A sentence that begins with one of these asks for something."""
_EXCLAIMED = re.compile(r"(?:^|[.;:] )(?:\S+ ){0,3}[^\s.]+\.(?: |$)")
"""A sentence of four words or fewer: "Yeah, no." """
_ENGLISH = re.compile(r"\b(?:the|of|and|to|are|were|with|from|its|their)\b")
"""Words that hardly any English sentence is without; in another language nothing is known of who speaks."""


def is_described(text: str) -> bool:
    """Whether a text (any case and quotes) is short and English, and nothing in it shows that somebody speaks."""
    folded = " ".join(text[: 20 * MOST_WORDS].replace("’", "'").casefold().split())
    if len(text.split(None, MOST_WORDS + 1)) > MOST_WORDS or not _ENGLISH.search(folded):
        return False
    return not any(sign.search(folded) for sign in (_SPOKEN, _ASKED, _EXCLAIMED))
