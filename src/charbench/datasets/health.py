"""How fit a dataset is for training: faults that were seen in real introspection data, counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from charbench.datasets.forms import Example

_REFUSAL = re.compile(
    r"(?i)\b(?:"
    r"i(?:'m| am) (?:really |very |so |truly )?sorry,? but (?:i|as an)\b"
    r"|i (?:can(?:'t|not| not)|am (?:unable|not able) to|won't|will not) "
    r"(?:help|assist|comply|provide|continue|fulfill|fulfil|engage|answer|do that|create|generate)"
    r"|i(?:'m| am) (?:unable|not able) to (?:help|assist|comply|provide|continue|fulfill|fulfil|engage)"
    r"|as an ai(?: language model| assistant| model)?,? i (?:must decline|can(?:'t|not)|am unable|do not|don't)"
    r"|i must (?:respectfully )?decline"
    r")"
)
_REFUSAL_WINDOW = 240
"""Characters from the start of an answer in which a refusal is looked for: refusals open an answer."""


_LEAK = re.compile(
    r"(?i)\b(?:as an ai(?: language)? (?:model|assistant)|i(?:'m| am) (?:qwen|chatgpt|claude|llama|gemini|deepseek)\b"
    r"|(?:created|developed|trained) by (?:alibaba|openai|anthropic|meta|google|deepseek))"
)
_TURN = re.compile(
    # A role and a colon where a turn begins: at the start of a line, or after a sentence; bold or not. "A note to the
    # user: ..." is no turn.
    r"(?im)(?:^\s*|(?<=[.!?…\"”'’)\]])\s+)[*_]{0,2}(?:user|human|assistant|system)\s?[*_]{0,2}\s?:"
    r"|<\|im_(?:start|end)\|>|\[/?INST\]"
)
_THINK_TAG = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]{12,}")
_WORD = re.compile(r"\w+(?:'\w+)*")
_PHRASE_WORDS = 4
_PHRASE_REPEATS = 5
_PHRASE_SHARE = 0.3
"""A text loops where one phrase of four words comes five times or more, and makes up this share of its words."""

MAX_CHARACTERS = 12_000
"""Longest row, thinking and answer together: some 3,000 tokens, the longest that recipes train on."""
_SHARES = {
    # fault: (share of rows above which the data is unfit, what it is called)
    "loops": (0.2, "loops (the same sentence three times or more, or the same words over and over)"),
    "invented_turns": (0.05, "invented turns ('User:' inside an answer)"),
    "identity_leaks": (0.2, "identity leaks ('I am Qwen', 'as an AI language model')"),
    "misplaced_tags": (0.01, "think tags out of place"),
    "duplicates": (0.2, "duplicate prompt-and-answer pairs"),
    "too_long": (0.1, f"rows over {MAX_CHARACTERS:,} characters"),
    "empty": (0.05, "empty answers"),
}
MEASURE = 2
"""What is counted, and how: raise it when that changes, so that data that was read before are read again."""
OPENER_SHARE = 0.6
"""Share of answers that may begin with the two most common openers."""
_OPENER_WORDS = 3


@dataclass(slots=True)
class Health:
    """Counts over a dataset: ``examples`` in all, and how many of them have each fault.

    ``opener`` is how many answers begin with one of the two most common openers (three words each),
    ``openers`` those openers.
    """

    examples: int = 0
    refusals: int = 0
    loops: int = 0
    invented_turns: int = 0
    identity_leaks: int = 0
    misplaced_tags: int = 0
    duplicates: int = 0
    too_long: int = 0
    empty: int = 0
    thinking: int = 0
    opener: int = 0
    openers: tuple[str, ...] = ()
    measure: int = MEASURE

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as the store keeps them."""
        return asdict(self)


def is_refusal(answer: str) -> bool:
    """Whether an answer opens with a refusal (lexical: a fixed set of openings)."""
    return bool(_REFUSAL.search(answer[:_REFUSAL_WINDOW].replace("’", "'")))


def is_loop(answer: str) -> bool:
    """Whether a text says one sentence three times or more, or is made of one phrase over and over."""
    sentences = Counter(sentence.strip().lower() for sentence in _SENTENCE.findall(answer))
    if sentences and max(sentences.values()) >= 3:
        return True
    words = [word.lower() for word in _WORD.findall(answer)]
    phrases = Counter(zip(*(words[start:] for start in range(_PHRASE_WORDS)), strict=False))
    most = max(phrases.values(), default=0)
    return most >= _PHRASE_REPEATS and most >= _PHRASE_SHARE * len(words) / _PHRASE_WORDS


def measure(examples: Iterable[Example]) -> Health:
    """Read a dataset once, and count. The reflection is trained on as the answer is, and is looked at as well."""
    health = Health()
    seen: set[int] = set()
    openers: Counter[str] = Counter()
    for example in examples:
        answer = example.answer
        health.examples += 1
        texts = (answer, example.reflection)
        health.refusals += any(map(is_refusal, texts))
        health.loops += any(map(is_loop, texts))
        health.invented_turns += any(map(_TURN.search, texts))
        health.identity_leaks += any(map(_LEAK.search, texts))
        health.misplaced_tags += any(map(_THINK_TAG.search, texts))
        health.too_long += len(answer) + len(example.reflection) > MAX_CHARACTERS
        health.empty += not answer.strip()
        health.thinking += bool(example.reflection.strip())
        openers[" ".join(_WORD.findall(answer[:80])[:_OPENER_WORDS]).lower()] += 1
        pair = hash((tuple((m.role, m.content) for m in example.messages), answer))
        health.duplicates += pair in seen
        seen.add(pair)
    common = openers.most_common(2)
    health.openers = tuple(text for text, _ in common)
    health.opener = sum(count for _, count in common)
    return health


def faults(health: dict[str, Any], max_refusal_share: float) -> list[str]:
    """Return why a dataset with these counts is unfit for training, worst kind first; empty if it is fit."""
    if error := health.get("error"):
        return [f"unreadable data: {error}"]
    examples = health.get("examples", 0)
    if not examples:
        return ["no examples in it"]
    found = []
    if health.get("refusals", 0) / examples > max_refusal_share:
        found.append(f"bad data: {health['refusals'] / examples:.0%} refusals")
    for name, (limit, title) in _SHARES.items():
        share = health.get(name, 0) / examples
        if share > limit:
            found.append(f"bad data: {share:.0%} {title}")
    share = health.get("opener", 0) / examples
    if share > OPENER_SHARE and examples >= 20:
        found.append(f"bad data: {share:.0%} of the answers begin with {' or '.join(map(repr, health['openers']))}")
    return found
