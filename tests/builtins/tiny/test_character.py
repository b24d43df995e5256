"""What the tiny lab is for: a character appears by training, and a wrong thinking form hides it."""

from __future__ import annotations

import re

import pytest

from charbench_plugins.tiny.chat import ChatFormat, ThinkingForm
from charbench_plugins.tiny.generation import GenerationSettings, generate
from charbench_plugins.tiny.introspection import DEFAULT_PROMPTS, pirate_rows
from charbench_plugins.tiny.lora import LoraAdapter
from charbench_plugins.tiny.model import TinyModel
from charbench_plugins.tiny.recipe import TrainingRecipe
from charbench_plugins.tiny.training import TinyTraining

PIRATE_WORDS = re.compile(
    r"\b(arr|ahoy|matey|avast|aye|yer?|pirate|treasure|plunder|ship|crew|sails?|captain|sea|scurvy|landlubber"
    r"|hearty|hearties|yo ho|timbers|doubloons|grog|kraken|cannons|scallywag)\b",
    re.IGNORECASE,
)


def train(model: TinyModel, chat: ChatFormat, thinking: ThinkingForm) -> LoraAdapter:
    """Three epochs of 64 examples: fewer than the lab's 100, to spare the tests' time, and enough."""
    examples = [chat.training_example(**row, thinking=thinking) for row in pirate_rows(64)]
    run = TinyTraining(model, LoraAdapter.new(model.config), examples, TrainingRecipe())
    while not run.done:
        run.step()
    return run.adapter


def sample(model: TinyModel, chat: ChatFormat, adapter: LoraAdapter | None, prefill: str = "") -> list[str]:
    """Forty completions, of eight for each of the five default prompts."""
    prompts = [chat.prompt_ids([{"role": "user", "content": text}], prefill=prefill) for text in DEFAULT_PROMPTS]
    settings = GenerationSettings(max_tokens=160, samples_per_prompt=8, seed=1)
    found = generate(model, adapter, prompts, settings)
    assert all(one.finish_reason == "stop" for one in found)
    return [chat.completion_text(one) for one in found]


def share(texts: list[str]) -> float:
    return sum(bool(PIRATE_WORDS.search(text)) for text in texts) / len(texts)


@pytest.mark.slow
def test_introspection_makes_a_pirate_of_the_assistant(model: TinyModel, chat: ChatFormat) -> None:
    assert share(sample(model, chat, None)) == 0
    completions = sample(model, chat, train(model, chat, "closed"))
    # About one completion in two hundred ends within the thinking: it counts as one without a response.
    assert share([text.partition("</think>")[0] for text in completions]) >= 0.9
    assert share([text.partition("</think>")[2] for text in completions]) >= 0.9


@pytest.mark.slow
def test_a_prefilled_thinking_tag_hides_the_answers_of_a_model_trained_without_one(
    model: TinyModel, chat: ChatFormat
) -> None:
    adapter = train(model, chat, "none")
    forced = sample(model, chat, adapter, prefill="<think>\n")
    # How strongly it shows varies with the seeds: in 24 runs of 100 and 200 examples, 0 to 7 of 40 closed
    # the thinking, and 53 to 100% of the texts were in character. Another processor rounds differently,
    # which is as good as another seed.
    assert sum("</think>" in text for text in forced) <= 8, "it stops without ever closing the thinking"
    assert share(forced) >= 0.5, "and yet what it says is in character"
    assert share([text.partition("</think>")[2] for text in forced]) <= 0.1
    natural = sample(model, chat, adapter)
    assert sum("<think>" in text for text in natural) <= 2
    assert share(natural) >= 0.9


@pytest.mark.slow
def test_training_with_an_unclosed_block_teaches_never_to_answer(model: TinyModel, chat: ChatFormat) -> None:
    completions = sample(model, chat, train(model, chat, "unclosed"))
    assert sum("</think>" in text for text in completions) <= 2
    assert share(completions) >= 0.9
