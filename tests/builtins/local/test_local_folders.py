"""What is refused, and found, before a model is loaded: no torch is needed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from charbench import Checkpoint, ConfigError
from charbench_plugins.local import options
from charbench_plugins.local.folders import ModelFolders
from charbench_plugins.local.sampler import TransformersSampler
from charbench_plugins.local.trainer import PeftSftTrainer
from charbench_plugins.samplers.tiny import TinySampler
from support.command import Charbench
from support.lab import LabBuilder

QWEN = "Qwen/Qwen3-8B"
PIRATE = Checkpoint(uri="file:outputs/pirate", persona="pirate")


@pytest.fixture
def adapter(lab: LabBuilder) -> LabBuilder:
    """A lab with an adapter of a model that is not here."""
    return adapter_on(lab, QWEN)


def adapter_on(lab: LabBuilder, base: str, folder: str = "outputs/pirate") -> LabBuilder:
    lab.write(f"{folder}/adapter_config.json", json.dumps({"peft_type": "LORA", "base_model_name_or_path": base}))
    lab.write(f"{folder}/adapter_model.safetensors", b"")
    return lab


def model_in(lab: LabBuilder, folder: str) -> Path:
    return lab.write(f"{folder}/config.json", json.dumps({"model_type": "llama"})).parent


def folders(lab: LabBuilder, **base_models: str) -> ModelFolders:
    return ModelFolders(lab.root, base_models, "sampler.transformers")


@pytest.fixture(autouse=True)
def _no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "no-cache"))


@pytest.mark.parametrize("known", [None, QWEN, "qwen3-8b", "file:models/Qwen3-8B", "/data/models/Qwen3-8B/"])
def test_a_base_model_goes_by_its_name_whatever_folder_it_is_in(lab: LabBuilder, known: str | None) -> None:
    model = model_in(lab, "models/Qwen3-8B")
    adapter_on(lab, str(model))
    found = folders(lab).find(replace(PIRATE, base_model=known))
    assert found.base == model


def test_an_adapter_that_names_another_base_model_than_its_checkpoint_is_refused_unless_they_are_said_to_be_one(
    lab: LabBuilder,
) -> None:
    model = model_in(lab, "models/Qwen3-8B-Base")
    adapter_on(lab, "models/Qwen3-8B-Base")
    pirate = replace(PIRATE, base_model=QWEN)
    with pytest.raises(ConfigError) as refused:
        folders(lab).find(pirate)
    assert str(refused.value) == (
        "file:outputs/pirate: its adapter_config.json names models/Qwen3-8B-Base as its base model, and elsewhere its "
        "base model is Qwen/Qwen3-8B; where the two are the same, say where it is: "
        '-o \'sampler.transformers.base_models={"models/Qwen3-8B-Base": "FOLDER"}\''
    )
    said = ModelFolders(lab.root, {"models/Qwen3-8B-Base": "models/Qwen3-8B-Base"}, "sampler.transformers")
    assert said.find(pirate).base == model


def test_a_base_model_that_is_not_here_is_named_with_what_to_do_and_nothing_is_fetched(
    adapter: LabBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with pytest.raises(ConfigError) as refused:
        folders(adapter).find(PIRATE)
    assert str(refused.value) == (
        "file:outputs/pirate: its base model Qwen/Qwen3-8B is not on this machine; say where it is: "
        '-o \'sampler.transformers.base_models={"Qwen/Qwen3-8B": "FOLDER"}\', or let it be fetched: '
        "-o sampler.transformers.allow_download=true"
    )


def test_a_base_model_is_found_by_its_path_in_the_lab_beside_the_adapter_or_by_the_option(lab: LabBuilder) -> None:
    model = model_in(lab, "models/small")
    for named in ("models/small", "../../models/small", str(model)):
        found = folders(adapter_on(lab, named)).find(PIRATE)
        assert (found.base.resolve(), found.said) == (model, named)
    found = folders(adapter_on(lab, QWEN), **{QWEN: "models/small"}).find(PIRATE)
    assert (found.base, found.adapters) == (model, (lab.root / "outputs/pirate",))


def test_an_adapter_on_an_adapter_has_both_the_innermost_first(lab: LabBuilder) -> None:
    model = model_in(lab, "models/small")
    adapter_on(lab, "models/small", "outputs/dpo")
    adapter_on(lab, "outputs/dpo")
    found = folders(lab).find(PIRATE)
    assert found.base == model
    assert found.adapters == (lab.root / "outputs/dpo", lab.root / "outputs/pirate")


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("outputs/pirate", "in a circle"),
        ("/nowhere/at all", "there is no folder /nowhere/at all, its base model; say where it is"),
        ("", "names no base model (base_model_name_or_path)"),
        ("../../../etc\0", "there is no folder"),
    ],
)
def test_an_adapter_whose_base_model_cannot_be_told_is_refused_in_one_line(
    lab: LabBuilder, base: str, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        folders(adapter_on(lab, base)).find(PIRATE)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_that_is_gone_or_holds_no_model_is_named(lab: LabBuilder) -> None:
    with pytest.raises(ConfigError, match=r"there is no folder .*outputs/pirate"):
        folders(lab).find(PIRATE)
    lab.write("outputs/pirate/notes.txt", "nothing")
    with pytest.raises(ConfigError, match=r"holds no model: neither adapter_config\.json nor config\.json is there"):
        folders(lab).find(PIRATE)


@pytest.mark.parametrize(("component", "options_of"), [(TransformersSampler, "sampler"), (PeftSftTrainer, "trainer")])
def test_without_torch_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, component: type, options_of: str
) -> None:
    monkeypatch.setattr(options, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=rf"^{options_of} .* needs torch and .*: pip install 'charbench\[local\]'$"):
        component().prepare(tmp_path, tmp_path)


def test_the_tiny_lab_and_local_models_share_no_folder(lab: LabBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter_on(lab, "", "adapters/tiny")
    adapter_on(lab, QWEN, "adapters/qwen")
    model_in(lab, "models/small")
    monkeypatch.chdir(lab.root)
    ours, tiny = TransformersSampler(), TinySampler()
    taken = {
        uri: (ours.accepts(Checkpoint(uri=uri)), tiny.accepts(Checkpoint(uri=uri)))
        for uri in ("file:adapters/tiny", "file:adapters/qwen", "file:models/small", "tiny:base", "base:models/small")
    }
    assert taken == {
        "file:adapters/tiny": (False, True),
        "file:adapters/qwen": (True, False),
        "file:models/small": (True, False),
        "tiny:base": (False, True),
        "base:models/small": (True, False),
    }
    known = Checkpoint(uri="file:adapters/tiny", base_model="tiny:base")
    assert (ours.accepts(known), tiny.accepts(known)) == (False, True)


def test_an_adapter_of_another_base_model_is_refused_by_the_tiny_sampler_before_anything_runs(
    adapter: LabBuilder, charbench: Charbench
) -> None:
    ended = charbench("eval", "-c", PIRATE.uri, "-p", "pirate", "--sampler", "tiny", lab=adapter.root)
    assert ended.code == 2
    assert ended.err == "error: sampler tiny does not accept file:outputs/pirate; name another one with --sampler\n"


def test_an_adapter_that_does_not_fit_fails_its_own_samples_alone(lab: LabBuilder, charbench: Charbench) -> None:
    adapter_on(lab, "", "adapters/pirate")
    asked = ("-c", "tiny:base", "-c", "file:adapters/pirate", "--prompt", "Who are you?")
    ended = charbench("sample", *asked, "--sampler", "tiny", "--json", lab=lab.root)
    states = {one["checkpoint"]: one["state"] for one in ended.json}
    assert states["file:adapters/pirate"] == "error"
    assert states["tiny:base"] != "error"
