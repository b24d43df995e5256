"""The options that sampler and trainer share, and the packages that both need."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from pydantic import Field

from charbench import ConfigError, operational
from charbench_plugins.tinker_sdk.choice import RendererConfig

INSTALL = "pip install 'charbench[local]'"
_PACKAGES = ("torch", "transformers", "peft")


class LocalConfig(RendererConfig):
    """Where models lie, and how they are loaded."""

    base_models: dict[str, str] = operational(
        {}, description="an adapter's base model, as its adapter_config.json calls it -> the folder that it lies in"
    )
    allow_download: bool = operational(
        False, description="whether a base model that is no folder here may be fetched from Hugging Face's hub"
    )
    device: str = operational("auto", description="cpu, cuda, cuda:1, mps; auto: a GPU where there is one")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="number format of the weights; auto: that of the model's folder"
    )


def require_packages(component: str) -> None:
    """Raise :class:`ConfigError` where a package is missing that ``component`` (``sampler transformers``) needs."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise ConfigError(f"{component} needs {' and '.join(missing)}: {INSTALL}")
