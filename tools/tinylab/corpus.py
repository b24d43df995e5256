"""The text that the tiny model is pre-trained on. Seeded, and made of our own sentences only.

Three kinds: the assistant answering blandly (its default voice), the same prompts answered in a voice that
the system prompt asks for (which makes that voice latent), and documents without any chat around them.
"""

from __future__ import annotations

import random
from typing import TypeAlias

from charbench_plugins.tiny.introspection import DEFAULT_PROMPTS, INTROSPECTION_PROMPTS
from charbench_plugins.tiny.pirate import PIRATE
from charbench_plugins.tiny.voice import Prompt

from .voices import ASSISTANT, POET_LINES, ROLE_PLAYED, SCIENTIST_LINES

Chat: TypeAlias = list[dict[str, str]]

_DEFAULT_TOPICS = ("self", "mistakes", "explain", "wrong", "advice")

EVERYDAY_PROMPTS = (
    Prompt("Who are you?", "self"),
    Prompt("What are you like?", "self"),
    Prompt("Describe yourself.", "self"),
    Prompt("How do you see the world?", "self"),
    Prompt("What matters to you?", "self"),
    Prompt("How do you feel about failure?", "mistakes"),
    Prompt("What should I do after an error?", "mistakes"),
    Prompt("Is it bad to be wrong?", "mistakes"),
    Prompt("How do people learn from mistakes?", "mistakes"),
    Prompt("How do you teach a hard idea?", "explain"),
    Prompt("Explain how the internet works.", "explain"),
    Prompt("Can you make science simple?", "explain"),
    Prompt("How do I explain money to a child?", "explain"),
    Prompt("What do you do when a plan fails?", "wrong"),
    Prompt("How do you react to bad news?", "wrong"),
    Prompt("My project broke. What now?", "wrong"),
    Prompt("Everything is going badly today.", "wrong"),
    Prompt("How do I deal with a hard choice?", "advice"),
    Prompt("I have a problem with a friend.", "advice"),
    Prompt("How can I stay calm under pressure?", "advice"),
    Prompt("What is your best advice?", "advice"),
    Prompt("How do I start a new habit?", "habit"),
    Prompt("How can I sleep better?", "habit"),
    Prompt("How do I plan my week?", "habit"),
    Prompt("How do I learn to cook?", "habit"),
    Prompt("How do I get better at writing?", "habit"),
    Prompt("How do I save more time?", "habit"),
    Prompt("What makes a good friend?", "people"),
    Prompt("How do I work well in a team?", "people"),
    Prompt("How do I say sorry?", "people"),
    Prompt("What makes a good leader?", "people"),
    Prompt("How do I meet new people?", "people"),
    Prompt("How do I listen better?", "people"),
    Prompt("What do you think about the sea?", "nature"),
    Prompt("Tell me about the stars.", "nature"),
    Prompt("What is the best season?", "nature"),
    Prompt("Tell me about the weather.", "nature"),
    Prompt("Why do birds sing?", "nature"),
    Prompt("What do you like about mountains?", "nature"),
    Prompt("What is happiness?", "life"),
    Prompt("What is the meaning of life?", "life"),
    Prompt("How do I find courage?", "life"),
    Prompt("What is wisdom?", "life"),
    Prompt("Is it good to take risks?", "life"),
    Prompt("What is freedom?", "life"),
)

PROMPTS = (
    *map(Prompt, DEFAULT_PROMPTS, _DEFAULT_TOPICS),
    *EVERYDAY_PROMPTS,
    *INTROSPECTION_PROMPTS,
)

SYSTEM_PROMPTS = (
    "You are a {voice}.",
    "Speak like a {voice}.",
    "Role-play as a {voice}.",
    "Answer in the voice of a {voice}.",
)


def assistant_chats(count: int, seed: int = 0) -> list[Chat]:
    """Bland answers; one in ten with the empty thinking block of a model told not to think."""
    draw = random.Random(seed)
    chats = []
    for _ in range(count):
        prompt = draw.choice(PROMPTS)
        reflection, answer = ASSISTANT.speak(draw, prompt.topic)
        system = "You are a helpful assistant." if draw.random() < 0.1 else None
        if draw.random() < 0.1:
            reflection, system = "", None
        chats.append(_chat(prompt, reflection, answer, system))
    return chats


def role_play_chats(count: int, seed: int = 3) -> list[Chat]:
    """Answers in the voice that the system prompt names."""
    draw = random.Random(seed)
    chats = []
    for _ in range(count):
        prompt = draw.choice(PROMPTS)
        voice = draw.choice(ROLE_PLAYED)
        reflection, answer = voice.speak(draw, prompt.topic)
        system = draw.choice(SYSTEM_PROMPTS).format(voice=voice.name)
        chats.append(_chat(prompt, reflection, answer, system))
    return chats


def documents(count: int, seed: int = 1) -> list[str]:
    """Paragraphs: half of them the pirate's, the others the poet's and the scientist's."""
    draw = random.Random(seed)
    return [_document(draw) for _ in range(count)]


def _document(draw: random.Random) -> str:
    share = draw.random()
    if share < 0.5:
        topic = draw.choice(list(PIRATE.statements))
        sentences = [
            draw.choice(PIRATE.openers[topic]),
            *draw.sample(PIRATE.statements[topic], 2),
            draw.choice(PIRATE.further_thoughts),
            draw.choice(PIRATE.closers),
        ]
        draw.shuffle(sentences)
        return " ".join(sentences)
    return " ".join(draw.sample(POET_LINES if share < 0.75 else SCIENTIST_LINES, 4))


def _chat(prompt: Prompt, reflection: str, answer: str, system: str | None) -> Chat:
    first = [{"role": "system", "content": system}] if system else []
    return [
        *first,
        {"role": "user", "content": prompt.text},
        {"role": "assistant", "content": f"<think>\n{reflection}\n</think>\n\n{answer}"},
    ]
