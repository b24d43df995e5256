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
_TURN = re.compile(r"(?m)^\s*(?:user|human|assistant|system)\s*:|<\|im_(?:start|end)\|>|\[/?INST\]", re.IGNORECASE)
_THINK_TAG = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]{12,}")
_WORD = re.compile(r"\w+(?:'\w+)*")

MAX_CHARACTERS = 12_000
"""Longest row, thinking and answer together: some 3,000 tokens, the longest that recipes train on."""
_SHARES = {
    # fault: (share of rows above which the data is unfit, what it is called)
    "loops": (0.2, "loops (the same sentence three times or more)"),
    "invented_turns": (0.05, "invented turns ('User:' inside an answer)"),
    "identity_leaks": (0.2, "identity leaks ('I am Qwen', 'as an AI language model')"),
    "misplaced_tags": (0.01, "think tags out of place"),
    "duplicates": (0.2, "duplicate prompt-and-answer pairs"),
    "too_long": (0.1, f"rows over {MAX_CHARACTERS:,} characters"),
    "empty": (0.05, "empty answers"),
}
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

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as the store keeps them."""
        return asdict(self)


def is_refusal(answer: str) -> bool:
    """Whether an answer opens with a refusal (lexical: a fixed set of openings)."""
    return bool(_REFUSAL.search(answer[:_REFUSAL_WINDOW].replace("’", "'")))


def is_loop(answer: str) -> bool:
    """Whether an answer says one sentence three times or more."""
    sentences = Counter(sentence.strip().lower() for sentence in _SENTENCE.findall(answer))
    return bool(sentences) and sentences.most_common(1)[0][1] >= 3


def measure(examples: Iterable[Example]) -> Health:
    """Read a dataset once, and count."""
    health = Health()
    seen: set[int] = set()
    openers: Counter[str] = Counter()
    for example in examples:
        answer = example.answer
        health.examples += 1
        health.refusals += is_refusal(answer)
        health.loops += is_loop(answer)
        health.invented_turns += bool(_TURN.search(answer))
        health.identity_leaks += bool(_LEAK.search(answer))
        health.misplaced_tags += bool(_THINK_TAG.search(answer) or _THINK_TAG.search(example.reflection))
        health.too_long += len(answer) + len(example.reflection) > MAX_CHARACTERS
        health.empty += not answer.strip()
        health.thinking += bool(example.reflection.strip())
        openers[" ".join(_WORD.findall(answer[:80])[:_OPENER_WORDS]).lower()] += 1
        pair = hash((tuple((m.role, m.content) for m in example.messages), example.reflection, answer))
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
