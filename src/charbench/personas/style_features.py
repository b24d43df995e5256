"""Names of style features that a persona file may use in its style tier.

A bare string there that is one of these names is the feature; any other is a keyword to find.
"""

from __future__ import annotations

COMPUTED_FEATURES = {
    "exclamation marks": "exclamation_marks",
    "question marks": "question_marks",
    "emoji": "emoji",
    "capitals": "capitals",
    "markdown": "markdown",
    "hedges": "hedges",
    "sentence length": "sentence_length",
    "type-token ratio": "type_token_ratio",
}
"""Features computed from the text, with the metric that the keyword scorer reports each as."""

JUDGED_FEATURES = frozenset(
    {
        "alliteration",
        "deadpan",
        "imagery",
        "irony",
        "metaphor",
        "puns",
        "rhyme",
        "understatement",
        "warmth",
        "wordplay",
    }
)
"""Features that only a judge can tell: they are handed to it, and never looked for as words."""
