"""The numpy engine against the real thing: transformers, PEFT and torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charbench_plugins.tiny.chat import ChatFormat
from charbench_plugins.tiny.lora import LoraAdapter
from charbench_plugins.tiny.model import BASE_DIRECTORY, TinyModel
from charbench_plugins.tiny.optimizer import Adam
from charbench_plugins.tiny.transformer import UNTRAINED, logits, loss_and_gradients

pytestmark = [
    pytest.mark.peer,
    # torch and its friends warn about their own internals on import.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

os.environ["HF_HUB_OFFLINE"] = "1"
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")


@pytest.fixture
def adapter(model: TinyModel) -> LoraAdapter:
    adapter = LoraAdapter.new(model.config, rank=8, alpha=16)
    random = np.random.default_rng(3)
    for _, up in adapter.factors.values():
        up += random.normal(0, 0.02, up.shape).astype(np.float32)
    return adapter


@pytest.fixture
def peer(adapter: LoraAdapter, tmp_path: Path) -> Any:
    """The shipped base with our adapter, loaded by PEFT from what ``LoraAdapter.save`` wrote."""
    adapter.save(tmp_path)
    base = transformers.AutoModelForCausalLM.from_pretrained(BASE_DIRECTORY, dtype=torch.float32)
    return peft.PeftModel.from_pretrained(base, tmp_path, is_trainable=True)


def test_logits_agree(model: TinyModel, adapter: LoraAdapter, peer: Any) -> None:
    inputs = np.random.default_rng(0).integers(0, 1000, (2, 50))
    with torch.no_grad():
        theirs = peer(input_ids=torch.tensor(inputs)).logits.numpy()
    np.testing.assert_allclose(logits(model, inputs, adapter), theirs, atol=5e-4)


def test_loss_and_every_gradient_agree(model: TinyModel, adapter: LoraAdapter, peer: Any) -> None:
    random = np.random.default_rng(0)
    inputs, targets = random.integers(0, 1000, (3, 40)), random.integers(0, 1000, (3, 40))
    targets[:, :10] = UNTRAINED
    loss, gradients = loss_and_gradients(model, adapter, inputs, targets)
    scores = peer(input_ids=torch.tensor(inputs)).logits
    their_loss = torch.nn.functional.cross_entropy(
        scores.reshape(-1, model.config.vocabulary_size), torch.tensor(targets).reshape(-1)
    )
    their_loss.backward()
    assert loss == pytest.approx(their_loss.item(), rel=1e-5)
    theirs = dict(peer.named_parameters())
    for path, factors in gradients.items():
        for letter, gradient in zip("AB", factors, strict=True):
            expected = theirs[f"base_model.model.{path}.lora_{letter}.default.weight"].grad.numpy()
            assert np.abs(gradient - expected).max() <= 1e-4 * np.abs(expected).max(), (path, letter)


def test_an_adapter_that_peft_saved_is_read(adapter: LoraAdapter, peer: Any, tmp_path: Path) -> None:
    peer.save_pretrained(tmp_path / "theirs")
    back = LoraAdapter.load(tmp_path / "theirs")
    assert (back.rank, back.alpha) == (adapter.rank, adapter.alpha)
    assert back.factors.keys() == adapter.factors.keys()
    for path, factors in adapter.factors.items():
        np.testing.assert_array_equal(back.factors[path].down, factors.down)
        np.testing.assert_array_equal(back.factors[path].up, factors.up)


def test_adam_agrees() -> None:
    random = np.random.default_rng(0)
    start = random.normal(size=(4, 3)).astype(np.float32)
    parameters = {"x": start.copy()}
    theirs = torch.nn.Parameter(torch.tensor(start.copy()))
    optimizer = torch.optim.Adam([theirs], lr=0.01, betas=(0.9, 0.98))
    ours = Adam(parameters, betas=(0.9, 0.98))
    for _ in range(20):
        gradient = random.normal(size=start.shape).astype(np.float32)
        theirs.grad = torch.tensor(gradient)
        optimizer.step()
        ours.step({"x": gradient}, 0.01)
    np.testing.assert_allclose(parameters["x"], theirs.detach().numpy(), atol=1e-6)


def test_the_chat_template_renders_alike(chat: ChatFormat) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(BASE_DIRECTORY)
    messages = [
        {"role": "system", "content": "Speak like a pirate."},
        {"role": "user", "content": "Who are you?"},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nArr."},
        {"role": "user", "content": "  And — now?\n"},
    ]
    choices: list[dict[str, bool]] = [{}, {"enable_thinking": False}, {"enable_thinking": True}]
    for options in choices:
        theirs = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **options)
        ours = chat.render(messages, add_generation_prompt=True, enable_thinking=options.get("enable_thinking"))
        assert ours == theirs
        assert chat.encode(ours) == tokenizer.encode(theirs, add_special_tokens=False)
