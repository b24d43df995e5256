from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from charbench_plugins.tiny.chat import ChatFormat
from charbench_plugins.tiny.decoder import Decoder, KeyValueCache
from charbench_plugins.tiny.examples import TrainingExample
from charbench_plugins.tiny.generation import GenerationSettings, generate
from charbench_plugins.tiny.introspection import DEFAULT_PROMPTS
from charbench_plugins.tiny.lora import LoraAdapter
from charbench_plugins.tiny.model import TinyModel
from charbench_plugins.tiny.recipe import TrainingRecipe
from charbench_plugins.tiny.training import TinyTraining
from charbench_plugins.tiny.transformer import logits

GREEDY = GenerationSettings(max_tokens=100, temperature=0)


@pytest.fixture(scope="module")
def prompts(chat: ChatFormat) -> list[list[int]]:
    return [chat.prompt_ids([{"role": "user", "content": text}]) for text in DEFAULT_PROMPTS]


@pytest.fixture(scope="module")
def adapter(model: TinyModel, examples: list[TrainingExample]) -> LoraAdapter:
    """Trained for two steps: enough to change every answer."""
    adapter = LoraAdapter.new(model.config)
    run = TinyTraining(model, adapter, examples[:8], TrainingRecipe(epochs=2))
    run.step()
    run.step()
    return adapter


def test_the_cache_gives_the_logits_of_the_full_forward_pass(model: TinyModel, adapter: LoraAdapter) -> None:
    token_ids = np.random.default_rng(0).integers(0, 1000, (3, 90))
    padding = np.array([0, 4, 11])
    decoder, cache = Decoder(model, adapter), KeyValueCache(model.config, padding, room=20)
    steps = [(0, 20), (20, 23), *((start, start + 1) for start in range(23, 90))]
    found = {end: decoder.next_logits(token_ids[:, start:end], cache) for start, end in steps}
    for row, skipped in enumerate(padding):
        expected = logits(model, token_ids[row : row + 1, skipped:], adapter)[0]
        for end, scores in found.items():
            np.testing.assert_allclose(scores[row], expected[end - skipped - 1], atol=2e-3, rtol=1e-3)


def test_a_batch_gives_what_its_prompts_give_alone(
    model: TinyModel, adapter: LoraAdapter, prompts: list[list[int]]
) -> None:
    together = generate(model, adapter, prompts, GREEDY)
    alone = [generate(model, adapter, [prompt], GREEDY)[0] for prompt in prompts]
    assert [one.token_ids for one in together] == [one.token_ids for one in alone]
    assert {one.finish_reason for one in together} == {"stop"}
    assert [one.prompt_index for one in together] == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_one_seed_gives_one_outcome(model: TinyModel, prompts: list[list[int]]) -> None:
    settings = GenerationSettings(seed=5, temperature=1.0, top_p=0.95)
    first = generate(model, None, prompts, settings)
    assert generate(model, None, prompts, settings) == first
    assert generate(model, None, prompts, replace(settings, batch_size=2)) == first
    assert generate(model, None, prompts, replace(settings, seed=6)) != first


def test_a_prompt_with_its_own_seed_does_not_mind_its_company(model: TinyModel, prompts: list[list[int]]) -> None:
    together = generate(model, None, prompts, seeds=[10, 11, 12, 13, 14])
    alone = generate(model, None, [prompts[3]], seeds=[13])
    assert alone[0].token_ids == together[3].token_ids


def test_several_samples_of_a_prompt_differ(model: TinyModel, prompts: list[list[int]]) -> None:
    found = generate(model, None, prompts[:2], GenerationSettings(samples_per_prompt=3, temperature=1.0))
    assert [one.prompt_index for one in found] == [0, 0, 0, 1, 1, 1]
    assert len({tuple(one.token_ids) for one in found}) == 6


def test_max_tokens_and_the_context_cut_a_completion_off(model: TinyModel, prompts: list[list[int]]) -> None:
    cut = generate(model, None, prompts, replace(GREEDY, max_tokens=7))
    assert [(len(one.token_ids), one.finish_reason) for one in cut] == [(7, "length")] * 5
    long_prompt = (prompts[0] * 60)[:1020]
    at_the_end = generate(model, None, [long_prompt, prompts[0]], replace(GREEDY, stop_token_ids=()))
    assert [(len(one.token_ids), one.finish_reason) for one in at_the_end] == [(4, "length"), (100, "length")]


def test_a_stop_string_ends_the_output(model: TinyModel, chat: ChatFormat, prompts: list[list[int]]) -> None:
    whole = chat.completion_text(generate(model, None, prompts[:1], GREEDY)[0])
    for stop in ("</think>", "asks", whole[30:41]):
        found = generate(
            model, None, prompts[:1], replace(GREEDY, stop_strings=("never said", stop)), decode=chat.decode
        )[0]
        assert (found.finish_reason, found.stop_string) == ("stop", stop) if stop in whole else ("stop", None)
        assert chat.completion_text(found) == whole.partition(stop)[0]


def test_a_stop_token_ends_the_output(model: TinyModel, chat: ChatFormat, prompts: list[list[int]]) -> None:
    closing = chat.encode("</think>")
    assert len(closing) == 1
    found = generate(model, None, prompts, replace(GREEDY, stop_token_ids=tuple(closing)))
    assert [one.token_ids[-1:] for one in found] == [closing] * 5
    assert not any("</think>" in chat.completion_text(one) for one in found)


def test_logprobs_are_the_models_own(model: TinyModel, prompts: list[list[int]]) -> None:
    settings = GenerationSettings(max_tokens=12, temperature=0.5, top_p=0.9, logprobs=True)
    found = generate(model, None, prompts[:2], settings)
    for prompt, one in zip(prompts, found, strict=False):
        assert one.logprobs is not None
        scores = logits(model, np.array([prompt + one.token_ids]))[0, len(prompt) - 1 : -1]
        totals = np.log(np.exp(scores).sum(axis=-1))
        expected = scores[np.arange(len(one.token_ids)), one.token_ids] - totals
        np.testing.assert_allclose(one.logprobs, expected, atol=1e-3)
    assert generate(model, None, prompts[:1], GREEDY)[0].logprobs is None


def test_requests_that_cannot_be_met_are_refused(model: TinyModel, prompts: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="prompt 1 has 1024 tokens"):
        generate(model, None, [[1], [1] * 1024])
    with pytest.raises(ValueError, match="prompt 0 has 0 tokens"):
        generate(model, None, [[]])
    with pytest.raises(ValueError, match="does not know"):
        generate(model, None, [[1024]])
    with pytest.raises(ValueError, match="decode function"):
        generate(model, None, prompts, GenerationSettings(stop_strings=("x",)))
    with pytest.raises(ValueError, match="1 seeds for 5 prompts"):
        generate(model, None, prompts, seeds=[1])
    assert generate(model, None, []) == []


@pytest.mark.parametrize("wrong", [{"max_tokens": 0}, {"temperature": -1}, {"top_p": 0}, {"top_p": 1.1}, {"seed": -1}])
def test_impossible_settings_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        GenerationSettings(**wrong)  # type: ignore[arg-type]
