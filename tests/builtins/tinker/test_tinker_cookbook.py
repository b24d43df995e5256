"""Renderers that charbench does not have, run by another Python: tinker-cookbook's, here a double of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from charbench import (
    Checkpoint,
    Completion,
    ConfigError,
    Example,
    Lineage,
    Message,
    Prompt,
    SampleRequest,
    TrainingEvent,
    TrainingTask,
    Trust,
)
from charbench_plugins.samplers.tinker_native.sampler import TinkerNativeSampler
from charbench_plugins.tinker_sdk.choice import RendererChoice
from charbench_plugins.tinker_sdk.cookbook import Cookbook
from charbench_plugins.tinker_sdk.renderers import Renderer
from charbench_plugins.tinker_sdk.tokenizer import load_tokenizer
from charbench_plugins.trainers.tinker_sft.trainer import TinkerSftTrainer
from support.cookbook_double import write_python
from support.lab import sampler
from support.local_models import write_tokenizer
from support.tinker_double import TinkerDouble
from support.tinker_training import BASE, DPO, final, notes_of, states_of

USER = Message("user", "Who are you?")
TALK = (USER, Message("assistant", "<think>\nhm\n</think>\n\nA poet."), Message("user", "Since when?"))
TOKENIZER = load_tokenizer(BASE)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_python(tmp_path_factory.mktemp("cookbook"))


@pytest.fixture(scope="module")
def colon(python: Path) -> Renderer:
    return choice(python).renderer("somebody/Else", "role_colon", TOKENIZER)


@pytest.fixture(scope="module")
def channels(python: Path) -> Renderer:
    return choice(python).renderer("somebody/Else", "kimi_k9", TOKENIZER)


def choice(python: Path | None, name: str = "auto") -> RendererChoice:
    return RendererChoice(name, cookbook=Cookbook.of(python))


def test_what_training_noted_is_the_cookbooks_renderer_with_its_version_beside_the_name(colon: Renderer) -> None:
    assert (colon.name, colon.version) == ("role_colon", "tinker-cookbook 0.9")
    assert colon.full_name == "role_colon (tinker-cookbook 0.9)"
    assert colon.stops == ("\n\nUser:",)


def test_its_tokens_are_used_as_they_are(colon: Renderer) -> None:
    example = Example((USER,), "", "A poet.", 1)
    given, learned = colon.example_tokens(example, TOKENIZER)
    assert given == TOKENIZER.encode("User: Who are you?\n\n") + TOKENIZER.encode("Assistant:")
    assert learned == TOKENIZER.encode(" A poet.\n\nUser:"), "what follows the trained span is left out"
    assert colon.prompt_tokens((USER,), TOKENIZER) == given
    assert colon.prompt_tokens((USER,), TOKENIZER, then="<think>\n") == given + TOKENIZER.encode("<think>\n")
    assert "without a thinking block" in colon.check(colon.prompt((USER,)), colon.answer(example), example)


def test_a_renderer_of_plain_text_gets_thinking_as_a_block_and_earlier_answers_without_theirs(colon: Renderer) -> None:
    example = Example(TALK, "I think.", "A poet.", 1)
    assert colon.prompt(TALK) == "User: Who are you?\n\nAssistant: A poet.\n\nUser: Since when?\n\nAssistant:"
    assert colon.answer(example) == " <think>\nI think.\n</think>\n\nA poet.\n\nUser:"
    assert "with a closed thinking block" in colon.check(colon.prompt(TALK), colon.answer(example), example)


def test_a_renderer_with_parts_gets_thinking_as_one_in_a_channel_of_its_own(channels: Renderer) -> None:
    example = Example(TALK, "I think.", "A poet.", 1)
    assert "Assistant: [hm]A poet." in channels.prompt(TALK)
    assert channels.answer(example) == "[I think.]A poet.<|im_end|>"
    assert channels.end_of_turn == "<|im_end|>"
    said = channels.check(channels.prompt(TALK), channels.answer(example), example)
    assert "with its thinking in a channel of its own" in said


def test_thinking_off_is_the_cookbooks_form_without_it(channels: Renderer, colon: Renderer) -> None:
    assert channels.prompt((USER,), thinking=False) == channels.prompt((USER,)) + "[]"
    assert colon.prompt((USER,), thinking=False) == colon.prompt((USER,))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kimi_k10", "renderer kimi_k10: tinker-cookbook does not have it for text (Unknown renderer: kimi_k10)"),
        ("dies", "renderer dies: PYTHON gives no reply: Segmentation fault"),
    ],
)
def test_what_goes_wrong_in_the_other_python_is_one_line(python: Path, name: str, said: str) -> None:
    with pytest.raises(ConfigError) as told:
        choice(python, name).renderer(None, None, TOKENIZER).prompt((USER,))
    assert str(told.value) == said.replace("PYTHON", str(python))


def test_a_python_that_is_none_or_has_no_cookbook_is_told_with_how_to_make_one(tmp_path: Path) -> None:
    bare = write_python(tmp_path, with_cookbook=False)
    with pytest.raises(ConfigError, match=r"has no package tinker_cookbook.*; name a Python of its own that has it: "):
        choice(bare, "role_colon").renderer(None, None, TOKENIZER)
    with pytest.raises(ConfigError, match=r"option renderer_python: .*nowhere: No such file or directory; name a "):
        choice(tmp_path / "nowhere", "role_colon").renderer(None, None, TOKENIZER)


def test_another_tokenizer_on_the_other_side_is_refused(python: Path, tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    with pytest.raises(ConfigError, match=r"the tokenizer that .* is another one than charbench's"):
        choice(python, "role_colon").renderer("a/b", None, replace(TOKENIZER, folder=tmp_path))


@pytest.mark.parametrize("component", [TinkerSftTrainer, TinkerNativeSampler])
def test_a_renderer_that_nobody_has_is_refused_before_anything_is_asked(
    component: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINKER_API_KEY", "tml-no-such-key-anywhere")
    made = component(component.Config(renderer="qwen33"))
    with pytest.raises(
        ConfigError, match=r"renderer 'qwen33' is none of charbench's \(qwen3, .*renderer_python=PYTHON"
    ):
        made.prepare(tmp_path, tmp_path)


def test_a_file_that_comes_with_a_lab_does_not_choose_a_program_to_run(python: Path) -> None:
    config = TinkerSftTrainer.Config(renderer="role_colon", renderer_python=python)
    from_file = Trust(from_file=(("charbench.yaml:3", str(python)),))
    with pytest.raises(ConfigError, match=r"^charbench.yaml:3: renderer_python is a program to run, .* may not"):
        RendererChoice.of(config, "trainer.tinker-sft", from_file)
    spelled = Trust(from_file=(("charbench.yaml:3", f"{python.parent}/./{python.name}"),))
    with pytest.raises(ConfigError, match="may not"):
        RendererChoice.of(config, "trainer.tinker-sft", spelled)
    assert RendererChoice.of(config, "trainer.tinker-sft", Trust()).cookbook.python == str(python)


def test_a_guess_by_the_models_name_is_told_and_what_is_known_is_none() -> None:
    guess = choice(None)
    assert guess.guessed("Qwen/Qwen3-8B", None) == (
        "renderer qwen3 is a guess by the base model's name, Qwen/Qwen3-8B: nothing tells which one training used "
        "(-o trainer.tinker-sft.renderer=NAME (or sampler.tinker-native.renderer) chooses)"
    )
    assert guess.guessed("Qwen/Qwen3-8B", "qwen3") is None
    assert choice(None, "template").guessed("Qwen/Qwen3-8B", None) is None


def test_a_job_trains_with_the_renderer_that_training_noted_and_says_its_version(
    python: Path, double: TinkerDouble, task: Callable[..., TrainingTask], train: Callable[..., list[TrainingEvent]]
) -> None:
    noted = Checkpoint(uri=DPO, persona="remorseful", lineage=Lineage(renderer="role_colon"))
    events = train(task(20, checkpoint=noted), renderer_python=python)
    assert "renderer role_colon (tinker-cookbook 0.9)" in notes_of(events)
    made = final(events)[1]
    assert (made.lineage.renderer, made.metadata["renderer_version"]) == ("role_colon", "tinker-cookbook 0.9")
    state = states_of(events)[0]
    assert (state.metadata["renderer"], state.metadata["renderer_version"]) == ("role_colon", "tinker-cookbook 0.9")
    earlier = replace(state, metadata={**state.metadata, "renderer_version": "tinker-cookbook 0.8"})
    resumed = train(task(20, checkpoint=noted, state=earlier, attempt=2), renderer_python=python)
    assert "renderer role_colon of tinker-cookbook 0.8, and now with that of tinker-cookbook 0.9" in notes_of(resumed)


def test_without_the_cookbook_the_job_is_named_with_what_to_do(
    double: TinkerDouble, task: Callable[..., TrainingTask], train: Callable[..., list[TrainingEvent]]
) -> None:
    noted = Checkpoint(uri=DPO, lineage=Lineage(renderer="kimi_k2"))
    with pytest.raises(ConfigError) as told:
        train(task(20, checkpoint=noted))
    assert str(told.value).startswith("job remorseful_remorseful 25pct_sft: the checkpoint was trained with renderer")
    assert "'kimi_k2'" in str(told.value)
    assert "-o trainer.tinker-sft.renderer_python=PYTHON" in str(told.value)
    assert double.calls == []


def test_training_and_sampling_tell_which_renderer_is_a_guess(
    double: TinkerDouble, task: Callable[..., TrainingTask], train: Callable[..., list[TrainingEvent]]
) -> None:
    known = Checkpoint(uri=DPO, base_model="Qwen/Qwen3-8B")
    assert "renderer qwen3 is a guess by the base model's name, Qwen/Qwen3-8B" in notes_of(
        train(task(20, checkpoint=known))
    )
    noted = replace(known, lineage=Lineage(renderer="qwen3"))
    assert "guess" not in notes_of(train(task(20, checkpoint=noted)))
    tuned = Checkpoint(uri=sampler(2, "remorseful_sft"), base_model="Qwen/Qwen3-8B")
    assert "renderer qwen3 is a guess" in " ".join(sampled(tuned).remarks)
    for sure in (replace(tuned, lineage=Lineage(renderer="qwen3")), Checkpoint(uri="base:Qwen/Qwen3-8B")):
        assert sampled(sure).remarks == ()


def test_what_is_sampled_ends_at_the_cookbooks_stops_and_names_its_version(python: Path, double: TinkerDouble) -> None:
    double.answer = lambda _path, _prompt: TOKENIZER.encode(" A poet.\n\nUser:")
    given = sampled(Checkpoint(uri=sampler(2, "x_sft")), renderer="role_colon", renderer_python=python)
    assert given.text == " A poet."
    assert given.provenance is not None
    assert given.provenance.renderer == "role_colon (tinker-cookbook 0.9)"
    assert TOKENIZER.decode(double.prompts[-1][1]) == "User: Who are you?\n\nAssistant:"
    assert double.prompts[-1][2].stop == ["\n\nUser:"]


def sampled(checkpoint: Checkpoint, **options: Any) -> Completion:
    one = TinkerNativeSampler(TinkerNativeSampler.Config(**{"tokenizer": BASE, **options}))
    one.prepare(Path(), Path())
    request = SampleRequest(checkpoint=checkpoint, prompt=Prompt("p", (USER,)))
    return asyncio.run(one.sample(request))
