"""Loads models and adapters from folders; an adapter that was made for another model is refused."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from charbench import Checkpoint, ConfigError, redact
from charbench_plugins.tinker_sdk.choice import AUTO, RendererChoice
from charbench_plugins.tinker_sdk.renderers import ChatTemplate, Renderer
from charbench_plugins.tinker_sdk.tokenizer import ModelTokenizer, load_tokenizer

if TYPE_CHECKING:
    from charbench_plugins.local.folders import Weights
    from charbench_plugins.local.options import LocalConfig

T = TypeVar("T")
TOKENIZER = "tokenizer.json"
TOKENIZER_FILES = (TOKENIZER, "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")
ALL_LINEAR = "all-linear"
_SEEDED = threading.Lock()
"""Held while the one random state of torch is a job's own: jobs are trained in threads."""
_NAMED = 3
"""Names of weights in a message."""


def load_model(weights: Weights, config: LocalConfig, whose: str) -> Any:
    """Return a checkpoint's base model, ready for its last adapter; the ones below that are merged into it."""
    quietly()
    model = load_base(weights.base, config, whose)
    for folder in weights.adapters[:-1]:
        model = with_adapter(model, folder, whose).merge_and_unload()
    return model


def load_base(folder: Path, config: LocalConfig, whose: str) -> Any:
    """Return the model of a folder on its device; no code of the folder's is run, and nothing is fetched."""
    from transformers import AutoModelForCausalLM, GenerationConfig

    dtype = "auto" if config.dtype == "auto" else _dtype(config.dtype)
    load = AutoModelForCausalLM.from_pretrained
    model = _loading(
        f"{whose}: no model can be loaded from {folder}",
        lambda: load(folder, dtype=dtype, local_files_only=True, trust_remote_code=False),
    )
    # How text is generated is the sampler's to say; the model says only where a turn ends.
    model.generation_config = GenerationConfig(eos_token_id=model.generation_config.eos_token_id)
    model.requires_grad_(False)
    return _loading(f"{whose}: device {config.device}", lambda: model.to(device_for(config.device)))


def with_adapter(model: Any, folder: Path, whose: str, *, trainable: bool = False) -> Any:
    """Return a model with an adapter on it; raises :class:`ConfigError` where it was made for another model."""
    from peft import PeftModel

    adapted = _loading(
        f"{whose}: {folder} does not fit its base model", lambda: PeftModel.from_pretrained(model, folder)
    )
    _check_fit(adapted, folder, whose)
    if trainable:
        for name, weight in adapted.named_parameters():
            weight.requires_grad_("lora_" in name or "modules_to_save" in name)
    return adapted


def with_new_adapter(model: Any, *, rank: int, alpha: float | None, modules: str, seed: int) -> Any:
    """Return a model with a new LoRA on it, which changes nothing yet; the same seed makes the same one."""
    import torch
    from peft import LoraConfig, get_peft_model

    names: str | list[str] = modules if modules == ALL_LINEAR else [one.strip() for one in modules.split(",")]
    lora = LoraConfig(
        r=rank, lora_alpha=alpha or 2 * rank, lora_dropout=0.0, target_modules=names, task_type="CAUSAL_LM"
    )
    with _SEEDED, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _loading(f"target_modules {modules}", lambda: get_peft_model(model, lora))


def without_adapter(model: Any) -> Any:
    """Return the base model under an adapter, as it was before the adapter."""
    base = model.unload()
    if hasattr(base, "peft_config"):
        del base.peft_config
    return base


def _check_fit(adapted: Any, folder: Path, whose: str) -> None:
    """Raise where the adapter's weights are not those that its base model has a place for.

    PEFT itself leaves out what does not fit, and begins anew what is missing.
    """
    from peft import get_peft_model_state_dict

    there = weight_names(folder)
    # Asked whether to save embeddings, PEFT would look for the base model on the hub.
    wanted = set(get_peft_model_state_dict(adapted, save_embedding_layers=False))
    places = {name for name, _ in adapted.named_parameters()}
    missing, unknown = sorted(wanted - there), sorted(there - wanted - places)
    if missing or unknown:
        which = ", ".join((missing or unknown)[:_NAMED])
        raise ConfigError(
            f"{whose}: {folder} does not fit its base model: {len(missing):,} weights are missing and "
            f"{len(unknown):,} have no place in it ({which})"
        )


def weight_names(folder: Path) -> set[str]:
    """Return the names of an adapter's weights."""
    from peft.utils import load_peft_weights
    from safetensors import safe_open

    file = folder / "adapter_model.safetensors"
    if not file.is_file():
        return set(load_peft_weights(str(folder), device="cpu"))
    with safe_open(file, "pt") as weights:
        return set(weights.keys())


def changes_the_base(folder: Path) -> bool:
    """Whether an adapter also holds weights of the base model itself, such as embeddings that were trained."""
    return any("lora_" not in name and "modules_to_save" not in name for name in weight_names(folder))


def load_renderer(weights: Weights, checkpoint: Checkpoint, choice: RendererChoice) -> tuple[ModelTokenizer, Renderer]:
    """Return how conversations are written for a checkpoint.

    That is as the option ``renderer`` says, else as training noted, else as the model's own chat template has it, or,
    where there is none, as its name tells. The tokenizer is the adapter's own where it brings one, else the base's.
    """
    own = next((one for one in reversed(weights.adapters) if (one / TOKENIZER).is_file()), weights.base)
    tokenizer = load_tokenizer(own)
    said = checkpoint.lineage.renderer
    if choice.name == AUTO and not said and tokenizer.template is not None:
        choice = replace(choice, name=ChatTemplate.name)
    return tokenizer, choice.renderer(weights.said, said, tokenizer)


def device_for(name: str) -> str:
    """Return the device to compute on."""
    import torch

    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def context_of(model: Any) -> int | None:
    """Return how many tokens prompt and completion may have together; None where the model does not say."""
    longest = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return longest if isinstance(longest, int) and longest > 0 else None


def quietly() -> None:
    """Keep progress bars and advice of the libraries off the terminal; what they refuse is raised all the same."""
    from transformers.utils import logging

    # They warn of their own internals, and PEFT of weights that are missing, which is refused here.
    for category in (FutureWarning, UserWarning):
        warnings.filterwarnings("ignore", category=category, module=r"(transformers|peft)\.")
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _dtype(name: str) -> Any:
    import torch

    return getattr(torch, name)


def _loading(what: str, load: Callable[[], T]) -> T:
    """Return what ``load`` gives; files that it cannot use are the user's to mend, in one line."""
    from safetensors import SafetensorError

    try:
        return load()
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = redact(" ".join(lines[:2]))[:300]
        raise ConfigError(f"{what}: {reason or type(error).__name__}") from None
