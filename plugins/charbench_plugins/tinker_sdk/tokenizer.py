"""Tokenizers: from a folder on disk, or from the SDK (which may ask a hub)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charbench import ConfigError
from charbench_plugins.tinker_sdk.calls import call

HUB_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class ModelTokenizer:
    """Text to token ids and back; ``template`` is the model's chat template, None where it brings none."""

    inner: Any
    template: str | None

    def encode(self, text: str) -> list[int]:
        """Return token ids; special tokens that are spelled out in the text become themselves."""
        encoded = self.inner.encode(text, add_special_tokens=False)
        return list(getattr(encoded, "ids", encoded))

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text, special tokens spelled out."""
        return str(self.inner.decode(list(ids), skip_special_tokens=False))


def load_tokenizer(folder: Path) -> ModelTokenizer:
    """Read a tokenizer from a model's folder (or its ``tokenizer.json``); raises :class:`ConfigError`."""
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json" if folder.is_dir() else folder
    if not file.is_file():
        raise ConfigError(f"tokenizer {folder}: there is no tokenizer.json; name a model's folder")
    inner = Tokenizer.from_file(str(file))
    return ModelTokenizer(inner, _template(file.parent))


def tokenizer_of(client: Any) -> ModelTokenizer:
    """Return the tokenizer that the SDK has for a client's model; it may have to fetch it from a hub."""
    try:
        inner = call("loading the tokenizer", client.get_tokenizer, seconds=HUB_SECONDS)
    except (OSError, ValueError) as error:
        first = str(error).strip().partition("\n")[0]
        raise ConfigError(
            f"the model's tokenizer cannot be fetched ({first}); name a folder that has it: --tokenizer PATH"
        ) from None
    return ModelTokenizer(inner, getattr(inner, "chat_template", None))


def _template(folder: Path) -> str | None:
    own = folder / "chat_template.jinja"
    if own.is_file():
        return own.read_text("utf-8")
    config = folder / "tokenizer_config.json"
    template = json.loads(config.read_text("utf-8")).get("chat_template") if config.is_file() else None
    return template if isinstance(template, str) else None
