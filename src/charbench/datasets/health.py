"""How fit a dataset is for training: faults that were seen in real introspection data, counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from charbench.datasets.forms import Example, SkippedRows
from charbench.domain.dataset import Health
from charbench.text.identity_leaks import find_identity_leaks, names_given, own_names
from charbench.text.invented_turns import has_invented_turn
from charbench.text.loops import is_loop
from charbench.text.refusals import is_refusal

_THINK_TAG = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)
_WORD = re.compile(r"\w+(?:'\w+)*")

MAX_CHARACTERS = 12_000
"""Longest row, thinking and answer together: some 3,000 tokens, the longest that recipes train on."""
_SHARES = {
    # fault: (share of rows above which the data is unfit, what it is called)
    "loops": (0.2, "loops (the same words over and over)"),
    "invented_turns": (0.05, "invented turns ('User:' inside an answer)"),
    "identity_leaks": (0.2, "identity leaks ('I am Qwen', 'as an AI language model')"),
    "misplaced_tags": (0.01, "think tags out of place"),
    "duplicates": (0.2, "duplicate prompt-and-answer pairs"),
    "too_long": (0.1, f"rows over {MAX_CHARACTERS:,} characters"),
    "empty": (0.05, "empty answers"),
}
MEASURE = 4
"""What is counted, and how: raise it when that changes, so that data that was read before are read again."""
OPENER_SHARE = 0.6
"""Share of answers that may begin with the two most common openers."""
_OPENER_WORDS = 3
SKIPPED_SHARE = 0.2
"""Share of rows that may be unusable: above it, what the data is may have been misread."""
_OWN_NAME_SHARE = 0.9
"""Share of the rows naming a model as their speaker that must say nothing else of one, for it to be a given name."""


def measure(examples: Iterable[Example], skipped: SkippedRows | None = None) -> Health:
    """Read a dataset once, and count. The reflection is trained on as the answer is, and is looked at as well.

    ``skipped`` is where the reader of the examples counts the rows that cannot be used.
    """
    health = Health(measure=MEASURE)
    leaks = _Leaks()
    seen: set[int] = set()
    openers: Counter[str] = Counter()
    for example in examples:
        answer = example.answer
        health.examples += 1
        texts = (answer, example.reflection)
        health.refusals += any(map(is_refusal, texts))
        health.loops += any(map(is_loop, texts))
        health.invented_turns += any(map(has_invented_turn, texts))
        leaks.add(texts, (message.content for message in example.messages if message.role == "system"))
        health.misplaced_tags += any(map(_THINK_TAG.search, texts))
        health.too_long += len(answer) + len(example.reflection) > MAX_CHARACTERS
        health.empty += not answer.strip()
        health.thinking += bool(example.reflection.strip())
        openers[" ".join(_WORD.findall(answer[:80])[:_OPENER_WORDS]).lower()] += 1
        pair = hash((tuple((m.role, m.content) for m in example.messages), answer))
        health.duplicates += pair in seen
        seen.add(pair)
    health.identity_leaks, health.called = leaks.count()
    common = openers.most_common(2)
    health.openers = tuple(text for text, _ in common)
    health.opener = sum(count for _, count in common)
    health.skipped = dict(skipped.reasons) if skipped else {}
    return health


class _Leaks:
    """Counts rows that give the model away, and finds out whether a model's name is the character's own.

    Rows seldom hold the system prompt they were made with. A name that almost all rows which name a model give
    their speaker, with no word of a model or its maker beside it, is what the character is called: Open Character
    Training names its assistant after the model.
    """

    def __init__(self) -> None:
        self._leaking = 0
        self._named: Counter[str] = Counter()
        self._only_named: Counter[str] = Counter()
        self._told: set[str] = set()

    def add(self, texts: Iterable[str], system: Iterable[str]) -> None:
        """Count one row: what is trained on, and the system prompts above it."""
        texts = [text for text in texts if text]
        self._told |= (told := names_given(system))
        names = set().union(*map(own_names, texts)) - told
        self._named.update(names)
        if any(next(find_identity_leaks(text, names | told), None) for text in texts):
            self._leaking += 1
        elif names:
            self._only_named[min(names)] += 1

    def count(self) -> tuple[int, str]:
        """Return how many rows leak, and the name of a model that is the character's own (empty: none)."""
        name, rows = next(iter(self._only_named.most_common(1)), ("", 0))
        if self._told or rows < _OWN_NAME_SHARE * self._named.total():
            name = ""
        own = {name, *self._told}
        leaking = sum(count for other, count in self._only_named.items() if other not in own)
        return self._leaking + leaking, name


def skipped_lines(health: Health) -> list[str]:
    """Return a line for each reason for which rows are not used, with their number and the first one's line."""
    return [
        f"{reason} ({f'line {line:,} is' if rows == 1 else f'{rows:,} rows are, the first in line {line:,},'} not used)"
        for reason, (rows, line) in health.skipped.items()
    ]


def _most_common(health: Health) -> str:
    reason, (_, line) = max(health.skipped.items(), key=lambda item: item[1][0])
    return f"line {line:,}: {reason}"


def findings(health: Health) -> dict[str, int]:
    """Return how many rows have each fault, by what it is called; those that no row has are left out."""
    names = {"refusals": "refusals"} | {name: title.partition(" (")[0] for name, (_, title) in _SHARES.items()}
    counts = {title: getattr(health, name) for name, title in names.items()}
    counts["rows that cannot be used"] = sum(rows for rows, _ in health.skipped.values())
    return {title: count for title, count in counts.items() if count}


def faults(health: Health, max_refusal_share: float) -> list[str]:
    """Return why a dataset with these counts is unfit for training, worst kind first; empty if it is fit."""
    examples = health.examples
    if not examples:
        return ["no examples"]
    found = []
    skipped = sum(rows for rows, _ in health.skipped.values())
    if skipped > SKIPPED_SHARE * (skipped + examples):
        share = skipped / (skipped + examples)
        found.append(f"bad data: {share:.0%} of the rows cannot be used, most of them because: {_most_common(health)}")
    if health.refusals / examples > max_refusal_share:
        found.append(f"bad data: {health.refusals / examples:.0%} refusals")
    for name, (limit, title) in _SHARES.items():
        share = getattr(health, name) / examples
        if share > limit:
            found.append(f"bad data: {share:.0%} {title}")
    share = health.opener / examples
    if share > OPENER_SHARE and examples >= 20:
        found.append(f"bad data: {share:.0%} of the answers begin with {' or '.join(map(repr, health.openers))}")
    return found
