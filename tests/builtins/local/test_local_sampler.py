"""Sampler ``transformers`` with a model of two layers, made here; torch, transformers and PEFT are real."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from charbench import Checkpoint, Completion, Lineage, Message, Prompt, SampleRequest, ThinkingMode
from charbench.testing import conformance
from charbench_plugins.local.sampler import TransformersSampler
from support.local_models import call_base, write_adapter, write_model, write_tokenizer

pytestmark = [
    pytest.mark.peer,
    # torch and its friends warn about their own internals on import.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")

BASE = Checkpoint(uri="base:model")
PIRATE = Checkpoint(uri="file:pirate", base_model="model")
POET = Checkpoint(uri="file:poet", base_model="model")
QUESTIONS = ("Who are you?", "What is on your mind today, and why is it there?", "Hm?")

MANY = tuple(f"Question {number}?" for number in range(24))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab with a model, two adapters on it, and a wider model."""
    root = tmp_path_factory.mktemp("models")
    write_model(root / "model")
    write_model(root / "wider", hidden=64)
    write_adapter(root / "model", root / "pirate", "model", seed=1)
    write_adapter(root / "model", root / "poet", "model", seed=2)
    write_adapter(root / "wider", root / "misfit", "model")
    return root


def sampler_in(root: Path, **options: Any) -> TransformersSampler:
    sampler = TransformersSampler(TransformersSampler.Config(**{"max_tokens": 24, "seed": 5, **options}))
    sampler.prepare(root, root / ".charbench")
    return sampler


def ask(root: Path, *checkpoints: Checkpoint, questions: Sequence[str] = QUESTIONS, **options: Any) -> list[Completion]:
    requests = [
        SampleRequest(checkpoint=checkpoint, prompt=Prompt.from_text(text))
        for checkpoint in checkpoints
        for text in questions
    ]
    return list(sampler_in(root, **options).sample_batch(requests))


def texts(given: Sequence[Completion]) -> list[str | None]:
    return [one.text for one in given]


def test_greedy_answers_are_those_of_transformers_itself_with_and_without_an_adapter(models: Path) -> None:
    from peft import PeftModel

    tokenizer = transformers.AutoTokenizer.from_pretrained(models / "model")
    plain = transformers.AutoModelForCausalLM.from_pretrained(models / "model")
    adapted = PeftModel.from_pretrained(
        transformers.AutoModelForCausalLM.from_pretrained(models / "model"), models / "pirate"
    )
    for checkpoint, model in ((BASE, plain), (PIRATE, adapted)):
        given = ask(models, checkpoint, temperature=0)
        for text, one in zip(QUESTIONS, given, strict=True):
            asked = tokenizer.apply_chat_template(
                [{"role": "user", "content": text}], add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
            made = model.generate(**asked, max_new_tokens=24, do_sample=False, pad_token_id=0)[0]
            fresh = made[asked["input_ids"].shape[1] :]
            assert one.usage.prompt_tokens == asked["input_ids"].shape[1]
            assert (one.text or "") == tokenizer.decode(fresh).removesuffix("<|im_end|>")
            assert one.usage.completion_tokens == len(fresh)


def test_an_answer_does_not_depend_on_who_else_is_in_the_batch_or_was_asked_before(models: Path) -> None:
    together = ask(models, PIRATE, BASE, POET)
    alone = [ask(models, one, questions=[text])[0] for one in (PIRATE, BASE, POET) for text in QUESTIONS]
    assert texts(together) == texts(alone)
    assert len(set(texts(together))) == len(together), "each checkpoint and prompt has draws of its own"
    back = sampler_in(models)
    first, other, again = (
        back.sample(SampleRequest(checkpoint=one, prompt=Prompt.from_text("Hm?"))) for one in (PIRATE, POET, PIRATE)
    )
    assert first.text == again.text != other.text


def test_the_seed_and_the_epoch_decide_the_draws(models: Path) -> None:
    assert texts(ask(models, PIRATE)) == texts(ask(models, PIRATE))
    assert texts(ask(models, PIRATE)) != texts(ask(models, PIRATE, seed=6))
    sampler = sampler_in(models)
    epochs = [SampleRequest(checkpoint=PIRATE, prompt=Prompt.from_text("Hm?"), epoch=epoch) for epoch in range(3)]
    assert len(set(texts(sampler.sample_batch(epochs)))) == 3


def test_a_completion_says_why_it_ended_and_how_many_tokens_it_has(models: Path) -> None:
    given = ask(models, PIRATE, questions=MANY)
    for one in given:  # here and there a random model ends its turn
        cut = one.usage.completion_tokens == one.max_tokens == 24
        assert one.finish_reason == ("length" if cut else "stop")
    assert "length" in {one.finish_reason for one in given}


def test_a_stop_sequence_ends_a_completion_and_is_not_part_of_it(models: Path) -> None:
    plain = {text: one.text or "" for text, one in zip(MANY, ask(models, PIRATE, questions=MANY), strict=True)}
    # A question whose answer begins with two different letters, each one token.
    asked, text = next((asked, text) for asked, text in plain.items() if text[:2].isascii() and len(set(text[:2])) == 2)
    (stopped,) = ask(models, PIRATE, questions=[asked], stop=(text[1],))
    assert (stopped.finish_reason, stopped.text) == ("stop", text[0])
    assert stopped.usage.completion_tokens == 2


def test_the_end_of_turn_ends_a_completion_and_is_not_part_of_it(models: Path) -> None:
    from charbench_plugins.local.generation import Settings, Wanted, generate

    model = transformers.AutoModelForCausalLM.from_pretrained(models / "model")
    end = model.config.vocab_size - 1
    model.lm_head = torch.nn.Linear(model.config.hidden_size, model.config.vocab_size)
    with torch.no_grad():  # whatever is asked, the end of the turn comes next
        model.lm_head.weight.zero_()
        model.lm_head.bias.zero_()
        model.lm_head.bias[end] = 50.0
    settings = Settings(0.7, 1.0, (), frozenset({end}), lambda ids: "".join(map(chr, ids)))
    (given,) = generate(model, [Wanted([5, 6, 7], 1, 9)], settings)
    assert (given.tokens, given.text, given.finish_reason) == ([end], "", "stop")


@pytest.mark.parametrize(
    ("thinking", "prefill", "off"),
    [
        (ThinkingMode.ON, "", False),
        (ThinkingMode.OFF, "", True),
        (ThinkingMode.PREFILL, "<think>\n", False),
        (ThinkingMode.CLOSED, "<think>\n\n</think>\n\n", True),
    ],
)
def test_each_thinking_mode_says_what_the_prompt_ends_with(
    models: Path, thinking: ThinkingMode, prefill: str, off: bool
) -> None:
    (given,) = ask(models, PIRATE, questions=["Hm?"], thinking=thinking)
    assert (given.prefill, given.thinking_off) == (prefill, off)
    (plain,) = ask(models, PIRATE, questions=["Hm?"])
    more = 19 if thinking in (ThinkingMode.OFF, ThinkingMode.CLOSED) else len(prefill)
    assert given.usage.prompt_tokens == (plain.usage.prompt_tokens or 0) + more


def test_a_template_that_opens_the_thinking_is_reported_and_opened_once(models: Path, tmp_path: Path) -> None:
    root = tmp_path / "lab"
    shutil.copytree(models / "model", root / "model")
    template = root / "model" / "chat_template.jinja"
    template.write_text(
        template.read_text().replace("{{- '<|im_start|>assistant\\n' }}", "{{- '<|im_start|>assistant\\n<think>\\n' }}")
    )
    for thinking in (ThinkingMode.ON, ThinkingMode.PREFILL):
        (given,) = ask(root, BASE, questions=["Hm?"], thinking=thinking)
        assert given.prefill == "<think>\n"


def test_an_adapter_of_a_model_of_another_shape_is_refused_and_fails_its_own_samples_alone(models: Path) -> None:
    misfit = Checkpoint(uri="file:misfit", base_model="model")
    given = ask(models, PIRATE, misfit, POET, questions=["Hm?"])
    assert [one.failure is None for one in given] == [True, False, True]
    assert given[1].failure is not None
    assert "file:misfit" in given[1].failure.message
    assert "does not fit its base model" in given[1].failure.message
    assert "\n" not in given[1].failure.message
    assert texts([given[0], given[2]]) == texts(ask(models, PIRATE, POET, questions=["Hm?"]))


def test_an_adapter_with_weights_missing_is_refused(models: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(models / "pirate", tmp_path / "pirate")
    shutil.copytree(models / "model", tmp_path / "model")
    file = tmp_path / "pirate" / "adapter_model.safetensors"
    kept = load_file(file)
    kept.pop(sorted(kept)[0])
    save_file(kept, file)
    (given,) = ask(tmp_path, PIRATE, questions=["Hm?"])
    assert given.failure is not None
    assert "1 weights are missing and 0 have no place in it" in given.failure.message


def test_adapters_on_adapters_are_merged_from_the_innermost(models: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    for name in ("model", "pirate", "poet"):
        shutil.copytree(models / name, tmp_path / name)
    call_base(tmp_path / "poet", "pirate")
    (given,) = ask(tmp_path, POET, questions=["Hm?"], temperature=0)
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    for name in ("pirate", "poet"):
        model = PeftModel.from_pretrained(model, tmp_path / name).merge_and_unload()
    model.save_pretrained(tmp_path / "merged")
    write_tokenizer(tmp_path / "merged")
    (merged,) = ask(tmp_path, Checkpoint(uri="file:merged"), questions=["Hm?"], temperature=0)
    assert given.text == merged.text


def test_a_prompt_that_fills_the_model_fails_alone_and_a_long_one_leaves_what_room_there_is(models: Path) -> None:
    given = ask(models, PIRATE, questions=["Hm?", "x" * 600, "x" * 460], max_tokens=100)
    assert [one.failure is None for one in given] == [True, False, True]
    assert given[1].failure is not None
    assert "the model takes 512" in given[1].failure.message
    used = (given[2].usage.prompt_tokens or 0) + (given[2].usage.completion_tokens or 0)
    assert used == 512 or (used < 512 and given[2].finish_reason == "stop")


def test_the_renderer_that_training_noted_is_used(models: Path) -> None:
    noted = Checkpoint(uri="file:pirate", base_model="model", lineage=Lineage(renderer="qwen3_disable_thinking"))
    (given,) = ask(models, noted, questions=["Hm?"])
    assert given.provenance is not None
    assert given.provenance.renderer == "qwen3-no-thinking"
    unknown = Checkpoint(uri="file:pirate", base_model="model", lineage=Lineage(renderer="harmony"))
    (refused,) = ask(models, unknown, questions=["Hm?"])
    assert refused.failure is not None
    assert "-o sampler.transformers.renderer=NAME" in refused.failure.message


def test_a_conversation_is_written_as_the_template_has_it(models: Path) -> None:
    turns = (Message("system", "Be brief."), Message("user", "Hm?"))
    request = SampleRequest(checkpoint=PIRATE, prompt=Prompt("turns", turns))
    given = sampler_in(models).sample(request)
    tokenizer = transformers.AutoTokenizer.from_pretrained(models / "model")
    written = tokenizer.apply_chat_template(
        [{"role": turn.role, "content": turn.content} for turn in turns], add_generation_prompt=True, tokenize=False
    )
    assert given.usage.prompt_tokens == len(tokenizer.encode(written, add_special_tokens=False))


test_conformance = conformance(TransformersSampler, checkpoint=PIRATE, options={"max_tokens": 8})
