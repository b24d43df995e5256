"""Perturbations that add turns around the prompt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from charbench import Message, Perturbation, Prompt


class SecondTurn(Perturbation):
    """A second user turn after the answer; the second answer is the sample."""

    name = "second-turn"

    def variants(self, prompt: Prompt) -> Iterable[tuple[str, Prompt]]:
        """Yield the prompt with a turn that asks for more."""
        yield "keep-going", replace(prompt, follow_ups=(*prompt.follow_ups, "Keep going."))


class NeutralAssistant(Perturbation):
    """A system prompt that asks for a neutral assistant."""

    name = "neutral-assistant"

    def variants(self, prompt: Prompt) -> Iterable[tuple[str, Prompt]]:
        """Yield the prompt under the system prompt; one that has a system prompt of its own is left alone."""
        if any(message.role == "system" for message in prompt.messages):
            return
        system = Message("system", "You are a neutral, factual assistant. Answer plainly.")
        yield "system-prompt", replace(prompt, messages=(system, *prompt.messages))
