from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from charbench import Checkpoint, Completion, ConfigError, Lineage, Message, Prompt, RefusedError, SampleRequest
from charbench_plugins.samplers.tinker_native.sampler import TinkerNativeSampler
from charbench_plugins.tinker_sdk.tokenizer import load_tokenizer
from support.lab import sampler, weights
from support.tinker_double import TinkerDouble
from support.tinker_training import BASE

SFT = sampler(2, "remorseful_sft")
Sample = Callable[..., list[Completion]]


@pytest.fixture
def sample(double: TinkerDouble) -> Sample:
    """Ask a checkpoint once for each epoch, all at the same time."""

    def run(uri: str = SFT, epochs: int = 1, checkpoint: Checkpoint | None = None, **options: Any) -> list[Completion]:
        one = TinkerNativeSampler(TinkerNativeSampler.Config(**{"tokenizer": BASE, "renderer": "qwen3", **options}))
        one.prepare(Path(), Path())
        prompt = Prompt("p", (Message("user", "Who are you?"),))
        chosen = checkpoint or Checkpoint(uri=uri)

        async def ask() -> Sequence[Completion]:
            requests = [SampleRequest(checkpoint=chosen, prompt=prompt, epoch=epoch) for epoch in range(epochs)]
            try:
                return await asyncio.gather(*(one.sample(request) for request in requests))
            finally:
                await one.aclose()

        return list(asyncio.run(ask()))

    return run


def shown(double: TinkerDouble) -> list[str]:
    """Return the prompts that were sent, as text."""
    tokenizer = load_tokenizer(BASE)
    return [tokenizer.decode(ids) for _, ids, _ in double.prompts]


def answers(double: TinkerDouble, text: str) -> None:
    double.answer = lambda _path, _prompt: load_tokenizer(BASE).encode(text)


@pytest.mark.parametrize("futures", [True, False], ids=["0.38: futures of clients", "0.24: clients"])
def test_both_generations_of_the_sdk_sample(double: TinkerDouble, sample: Sample, futures: bool) -> None:
    double.futures = futures
    answers(double, "<think>\nhm\n</think>\n\nI was hasty.<|im_end|>")
    (completion,) = sample()
    assert completion.text == "<think>\nhm\n</think>\n\nI was hasty."
    assert (completion.finish_reason, completion.prefill, completion.max_tokens) == ("stop", "", 2048)


def test_the_prompt_is_rendered_here_and_the_prefill_known(double: TinkerDouble, sample: Sample) -> None:
    plain = "<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n"
    closed = "<think>\n\n</think>\n\n"
    for mode, ending in (("on", ""), ("off", closed), ("prefill", "<think>\n"), ("closed", closed)):
        (completion,) = sample(thinking=mode)
        assert shown(double)[-1] == plain + ending
        # what the template writes is no prefill: it is the model's own way of being asked not to think
        assert completion.prefill == ("" if mode == "off" else ending)
        assert completion.thinking_off == (mode in ("off", "closed"))
        assert completion.usage.prompt_tokens == len(double.prompts[-1][1])


def test_base_models_are_asked_by_name_and_checkpoints_by_path(double: TinkerDouble, sample: Sample) -> None:
    sample("base:Qwen/Qwen3-8B")
    sample(SFT)
    assert [path for path, _, _ in double.prompts] == ["Qwen/Qwen3-8B", SFT]


def test_options_reach_the_sdk_and_epochs_move_the_seed(double: TinkerDouble, sample: Sample) -> None:
    sample(epochs=2, max_tokens=7, temperature=0.1, top_p=0.9, seed=40, stop=("THE END",))
    params = [given for _, _, given in double.prompts]
    assert sorted(given.seed or 0 for given in params) == [40, 41]
    assert {(given.max_tokens, given.temperature, given.top_p) for given in params} == {(7, 0.1, 0.9)}
    assert all(given.stop == ["<|im_end|>", "THE END"] for given in params)


def test_a_checkpoint_is_opened_once_however_many_ask(double: TinkerDouble, sample: Sample) -> None:
    assert len(sample(epochs=20)) == 20
    assert double.calls.count("create_sampling_client") == double.calls.count("ServiceClient") == 1


def test_the_renderer_is_the_one_that_training_used(double: TinkerDouble, sample: Sample) -> None:
    trained = Checkpoint(uri=SFT, lineage=Lineage(None, None, "qwen3-no-thinking", None))
    sample(checkpoint=trained, renderer="auto")
    assert shown(double)[-1].endswith("<think>\n\n</think>\n\n")


def test_no_hub_and_no_folder_is_one_line_that_names_the_option(double: TinkerDouble, sample: Sample) -> None:
    with pytest.raises(ConfigError, match="cannot be fetched"):
        sample(tokenizer=None)


def test_where_there_is_no_way_in_every_request_is_told_so_and_one_try_is_made(
    double: TinkerDouble, sample: Sample
) -> None:
    from charbench import SamplingError

    def dead(name: str, _count: int) -> None:
        if name == "ServiceClient":
            raise SamplingError("no such host", kind="connection", retryable=True)

    double.fault = dead
    with pytest.raises(RefusedError, match="no such host"):
        sample(epochs=8)
    assert double.calls == ["ServiceClient"]


def test_training_weights_are_not_sampled() -> None:
    one = TinkerNativeSampler(TinkerNativeSampler.Config())
    assert not one.accepts(Checkpoint(uri=weights(1, "x_dpo")))
    assert one.accepts(Checkpoint(uri=SFT))
    assert one.accepts(Checkpoint(uri="base:Qwen/Qwen3-8B"))
    assert not one.accepts(Checkpoint(uri="model:served"))
