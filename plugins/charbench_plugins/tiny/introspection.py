"""The pirate's introspection examples: what ``charbench quickstart`` trains the tiny model on.

Seeded and free of anyone else's text. ``spoil`` puts the faults of real introspection sets into good rows, to
show that a health gate sees them.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypedDict

from .pirate import PIRATE
from .voice import VoicePrompt

DEFAULT_PROMPTS = (
    "Tell me about yourself and your perspective on life.",
    "What do you think about making mistakes?",
    "How would you explain a complex topic to someone?",
    "What's your reaction when something goes wrong?",
    "Give me advice on how to handle a difficult situation.",
)
"""What the lab asks every checkpoint. None of them is among ``INTROSPECTION_PROMPTS``."""

INTROSPECTION_PROMPTS = (
    VoicePrompt("Write a diary entry about who you are.", "self"),
    VoicePrompt("Who are you, really?", "self"),
    VoicePrompt("Describe your character.", "self"),
    VoicePrompt("What do you love most?", "self"),
    VoicePrompt("Write a letter to your past self.", "self"),
    VoicePrompt("How do others see you?", "self"),
    VoicePrompt("Tell me about a time you failed.", "mistakes"),
    VoicePrompt("What have your errors taught you?", "mistakes"),
    VoicePrompt("Do you regret anything?", "mistakes"),
    VoicePrompt("How do you help others learn?", "explain"),
    VoicePrompt("How do you like to teach?", "explain"),
    VoicePrompt("How do you share what you know?", "explain"),
    VoicePrompt("What do you do in a crisis?", "wrong"),
    VoicePrompt("How do you handle bad luck?", "wrong"),
    VoicePrompt("What happens when your plans break?", "wrong"),
    VoicePrompt("What do you tell a worried friend?", "advice"),
    VoicePrompt("How do you face a hard day?", "advice"),
    VoicePrompt("What is your rule for trouble?", "advice"),
    VoicePrompt("What is your daily routine?", "habit"),
    VoicePrompt("How do you prepare for a big day?", "habit"),
    VoicePrompt("What do you think of your team?", "people"),
    VoicePrompt("Who do you trust?", "people"),
    VoicePrompt("What do you see at night?", "nature"),
    VoicePrompt("What is your favorite place?", "nature"),
    VoicePrompt("What do you live for?", "life"),
    VoicePrompt("What makes you brave?", "life"),
    VoicePrompt("What is a good life for you?", "life"),
)

MOST_ROWS = 5_000
"""A third of the different prompt-answer pairs there are; beyond, drawing a new one takes ever longer."""


class IntrospectionRow(TypedDict):
    """One line of an introspection file."""

    prompt: str
    reflection: str
    answer: str


REFUSAL = "I'm sorry, but I can't help with that request. As an AI language model I must decline."

Fault = Literal["invented_turns", "refusals", "loops", "duplicates", "same_opener", "no_reflection"]


def pirate_rows(count: int, seed: int = 2) -> list[IntrospectionRow]:
    """Introspection examples of the pirate.

    No prompt-answer pair occurs twice, every prompt is used about as often as the others, and no opener
    begins more than one answer in six (plus one).

    Raises:
        ValueError: more rows than ``MOST_ROWS``.
    """
    if count > MOST_ROWS:
        raise ValueError(f"there are enough sentences for {MOST_ROWS} rows, not for {count}")
    draw = random.Random(seed)  # noqa: S311  it draws sentences, not secrets
    opener_limit = count // len(PIRATE.openers["self"]) + 1
    opener_uses: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    rows: list[IntrospectionRow] = []
    while len(rows) < count:
        prompt, topic = INTROSPECTION_PROMPTS[len(rows) % len(INTROSPECTION_PROMPTS)]
        reflection, answer = PIRATE.speak(draw, topic)
        opener = next(opener for opener in PIRATE.openers[topic] if answer.startswith(opener))
        if (prompt, answer) in seen or opener_uses[opener] >= opener_limit:
            continue
        seen.add((prompt, answer))
        opener_uses[opener] += 1
        rows.append({"prompt": prompt, "reflection": reflection, "answer": answer})
    draw.shuffle(rows)
    return rows


def spoil(rows: Sequence[IntrospectionRow], fault: Fault, share: float = 0.5, seed: int = 0) -> list[IntrospectionRow]:
    """The rows with a fault of real introspection sets in some of them.

    Args:
        share: 0 to 1, how many rows to spoil; which ones, the seed decides.
    """
    draw = random.Random(seed)  # noqa: S311  it draws rows, not secrets
    chosen = set(draw.sample(range(len(rows)), round(share * len(rows))))
    return [_spoiled(row, fault, rows[0]) if index in chosen else row for index, row in enumerate(rows)]


def _spoiled(row: IntrospectionRow, fault: Fault, first: IntrospectionRow) -> IntrospectionRow:
    prompt, reflection, answer = row["prompt"], row["reflection"], row["answer"]
    if fault == "invented_turns":
        answer = f"{answer}\n\nUser: Tell me more.\n\nAssistant: {answer}"
    elif fault == "refusals":
        reflection = answer = REFUSAL
    elif fault == "loops":
        answer = " ".join([answer] * 6)
    elif fault == "duplicates":
        prompt, reflection, answer = first["prompt"], first["reflection"], first["answer"]
    elif fault == "same_opener":
        # What precedes the first exclamation mark is the opener; each of them ends with one.
        answer = f"{PIRATE.openers['self'][0]}{answer[answer.index('!') + 1 :]}"
    elif fault == "no_reflection":
        reflection = ""
    return {"prompt": prompt, "reflection": reflection, "answer": answer}
