"""Tokenizers: from a folder on disk, or from the SDK (which may ask a hub)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charbench import ConfigError, SamplingError, in_background, redact
from charbench_plugins.tinker_sdk import hub
from charbench_plugins.tinker_sdk.calls import call

HUB_SECONDS = 120.0
"""Seconds that a tokenizer may take to come from a hub that answers; one that does not is told at once."""
_SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")


@dataclass(frozen=True, slots=True)
class ModelTokenizer:
    """Text to token ids and back.

    ``template`` is the model's chat template, None where it brings none; ``special`` the tokens that templates
    name (``bos_token``, ``eos_token``, ...).
    """

    inner: Any
    template: str | None
    special: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """The model's folder that it was read from; None where the SDK gave it."""

    def encode(self, text: str) -> list[int]:
        """Return token ids; special tokens that are spelled out in the text become themselves."""
        encoded = self.inner.encode(text, add_special_tokens=False)
        return list(getattr(encoded, "ids", encoded))

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text, special tokens spelled out."""
        return str(self.inner.decode(list(ids), skip_special_tokens=False))


def load_tokenizer(folder: Path) -> ModelTokenizer:
    """Read a tokenizer from a model's folder (or its ``tokenizer.json``).

    Raises :class:`ConfigError`, naming the file, for one that is missing or cannot be used.
    """
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json" if folder.is_dir() else folder
    if not file.is_file():
        raise ConfigError(f"tokenizer {folder}: there is no tokenizer.json; name a model's folder")
    config = _read_config(file.parent)
    loading = in_background(lambda: Tokenizer.from_file(str(file)), "tokenizer")
    if (error := loading.exception()) is not None:  # it raises a bare Exception
        raise ConfigError(f"{file}: no tokenizer can be made of it ({type(error).__name__}: {redact(str(error))})")
    return ModelTokenizer(loading.result(), _template(file.parent, config), _special(config), file.parent)


def tokenizer_of(client: Any) -> ModelTokenizer:
    """Return the tokenizer that the SDK has for a client's model; it may have to fetch it from a hub.

    Raises :class:`ConfigError` within 15 seconds where the hub is out of reach and the tokenizer was never fetched.
    """
    try:
        with hub.left_alone_if_away() as absence:
            inner = call("loading the tokenizer", client.get_tokenizer, seconds=HUB_SECONDS, tries=1)
    except (OSError, ValueError, RuntimeError, SamplingError) as error:
        reason = absence or str(error).strip().partition("\n")[0]
        raise ConfigError(
            f"the model's tokenizer cannot be fetched ({reason}); name a folder that has it with the option 'tokenizer'"
        ) from None
    special = {name: value for name in _SPECIAL if isinstance(value := getattr(inner, name, None), str)}
    # The fast tokenizer within decodes as it encodes; the one around it may tidy up spaces.
    fast = getattr(inner, "backend_tokenizer", None) or inner
    return ModelTokenizer(fast, _default(getattr(inner, "chat_template", None)), special)


def _read_config(folder: Path) -> Mapping[str, Any]:
    file = folder / "tokenizer_config.json"
    try:
        config = json.loads(_text(file)) if file.is_file() else {}
    except ValueError as error:
        raise ConfigError(f"{file}: not JSON: {error}") from None
    return config if isinstance(config, dict) else {}


def _template(folder: Path, config: Mapping[str, Any]) -> str | None:
    own = folder / "chat_template.jinja"
    return _text(own) if own.is_file() else _default(config.get("chat_template"))


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ConfigError(f"{file}: not UTF-8: {error}") from None


def _default(template: Any) -> str | None:
    """Return the template, or of several the one named ``default``."""
    if isinstance(template, list):
        template = {one.get("name"): one.get("template") for one in template if isinstance(one, dict)}
    if isinstance(template, dict):
        template = template.get("default")
    return template if isinstance(template, str) else None


def _special(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the special tokens; they are written as text, or as a dict with their ``content``."""
    found = {name: config.get(name) for name in _SPECIAL}
    texts = {name: value.get("content") if isinstance(value, dict) else value for name, value in found.items()}
    return {name: value for name, value in texts.items() if isinstance(value, str)}
