"""Which folders a checkpoint's weights are in: its adapter, and the base model that the adapter was trained on."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charbench import Checkpoint, ConfigError, FileFault, read_json

BASE = "base:"
FILE = "file:"
TINY = "tiny:base"
ADAPTER_CONFIG, MODEL_CONFIG = "adapter_config.json", "config.json"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
_LONGEST_CHAIN = 8
"""Adapters on top of one another; more of them are taken to be a circle."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's folder, and the adapters on it, the innermost first.

    ``said`` is what the last adapter calls the model that it was trained on; of a model by itself, what it is called.
    """

    base: Path
    adapters: tuple[Path, ...]
    said: str

    @property
    def adapter(self) -> Path | None:
        """The adapter that is the checkpoint itself; None where it is a whole model."""
        return self.adapters[-1] if self.adapters else None

    @property
    def top(self) -> Path:
        """The checkpoint's own folder."""
        return self.adapters[-1] if self.adapters else self.base


def is_local(checkpoint: Checkpoint, root: Path) -> bool:
    """Whether a checkpoint is a folder here, of a model that something names: the tiny lab's adapters name none."""
    if not checkpoint.uri.startswith(FILE) or checkpoint.base_model == TINY:
        return False
    if checkpoint.base_model is not None:
        return True
    folder = root / checkpoint.uri.removeprefix(FILE)
    try:
        said = read_json(folder / ADAPTER_CONFIG)
    except FileNotFoundError:
        return (folder / MODEL_CONFIG).is_file()
    except (FileFault, ValueError):
        return False
    return isinstance(said, dict) and bool(said.get("base_model_name_or_path"))


@dataclass(frozen=True, slots=True)
class ModelFolders:
    """Finds models' folders: ``root`` is the lab's, ``base_models`` says where base models lie, by name."""

    root: Path
    base_models: Mapping[str, str]
    who: str
    """Who asks, as options begin: ``sampler.transformers``."""
    allow_download: bool = False

    def find(self, checkpoint: Checkpoint) -> Weights:
        """Return the folders of a checkpoint; raises :class:`ConfigError`, in one line, where one is missing."""
        if checkpoint.uri.startswith(BASE):
            name = checkpoint.uri.removeprefix(BASE)
            return Weights(self.base(name, checkpoint.uri, self.root), (), name)
        folder = self.root / checkpoint.uri.removeprefix(FILE)
        adapters: list[Path] = []
        said, named = "", None
        while (config := _adapter_config(folder, checkpoint.uri)) is not None:
            adapters.insert(0, folder)
            named = config.get("base_model_name_or_path") or (checkpoint.base_model if len(adapters) == 1 else None)
            if not isinstance(named, str) or not named.strip():
                raise ConfigError(
                    f"{checkpoint.uri}: {folder / ADAPTER_CONFIG} names no base model (base_model_name_or_path)"
                )
            said = said or named
            if len(adapters) > _LONGEST_CHAIN:
                raise ConfigError(f"{checkpoint.uri}: its adapters are trained on one another in a circle")
            folder = self.base(named, checkpoint.uri, folder)
        if adapters:
            self._check_name(checkpoint, str(named), folder)
        if not (folder / MODEL_CONFIG).is_file():
            raise ConfigError(
                f"{checkpoint.uri}: {folder} holds no model: neither {ADAPTER_CONFIG} nor {MODEL_CONFIG} is there"
            )
        return Weights(folder, tuple(adapters), said or checkpoint.base_model or folder.name)

    def _check_name(self, checkpoint: Checkpoint, named: str, folder: Path) -> None:
        """Raise where an adapter names another base model than what else is known of the checkpoint.

        Weights of two models of one architecture fit each other: their names alone tell them apart. They are compared
        without owner and folders. The option ``base_models`` says what is the same.
        """
        known = checkpoint.base_model
        if known is None or named in self.base_models or folder == self.folder_of(known):
            return
        if _leaf(known) in (_leaf(named), _leaf(folder.name)):
            return
        raise ConfigError(
            f"{checkpoint.uri}: its {ADAPTER_CONFIG} names {named} as its base model, and elsewhere its base model is "
            f'{known}; where the two are the same, say where it is: -o \'{self.who}.base_models={{"{named}": '
            '"FOLDER"}\''
        )

    def base(self, name: str, whose: str, beside: Path) -> Path:
        """Return the folder of a base model that is called ``name`` in a file of the folder ``beside``."""
        if (given := self.base_models.get(name)) is not None:
            folder = self.root / Path(given).expanduser()
            if not folder.is_dir():
                raise ConfigError(f"option {self.who}.base_models: {name}: there is no folder {folder}")
            return folder
        return self.folder_of(name, beside) or self._cached(name, whose)

    def folder_of(self, name: str, beside: Path | None = None) -> Path | None:
        """Return the folder that a base model's name is the path of; None where it is none."""
        if name in self.base_models:
            return self.root / Path(self.base_models[name]).expanduser()
        if not name.strip():
            return None
        starts = [self.root, *([beside, beside.parent] if beside is not None else [])]
        for start in starts:
            try:
                folder = start / name.removeprefix(FILE)
                if any((folder / config).is_file() for config in (ADAPTER_CONFIG, MODEL_CONFIG)):
                    return folder
            except (OSError, ValueError):  # too long for a path, or with a NUL
                return None
        return None

    def _cached(self, name: str, whose: str) -> Path:
        """Return where Hugging Face's cache has a model, and fetch it where that is allowed."""
        mapped = f'-o \'{self.who}.base_models={{"{name}": "FOLDER"}}\''
        if not _HUB_NAME.fullmatch(name):
            raise ConfigError(f"{whose}: there is no folder {name}, its base model; say where it is: {mapped}")
        from huggingface_hub import snapshot_download

        files = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
        try:
            return Path(snapshot_download(name, local_files_only=not self.allow_download, allow_patterns=files))
        except (OSError, ValueError) as error:
            reason = str(error).strip().partition("\n")[0]
            fetching = self.allow_download and not os.environ.get("HF_HUB_OFFLINE")
            raise ConfigError(
                f"{whose}: its base model {name} cannot be fetched: {reason}"
                if fetching
                else f"{whose}: its base model {name} is not on this machine; say where it is: {mapped}, or let it be "
                f"fetched: -o {self.who}.allow_download=true{_offline()}"
            ) from None


def _leaf(name: str) -> str:
    """Return the last part of a model's name or path, in lower case."""
    return name.removeprefix(FILE).replace("\\", "/").rstrip("/").rpartition("/")[2].casefold()


def _offline() -> str:
    return " (and unset HF_HUB_OFFLINE)" if os.environ.get("HF_HUB_OFFLINE") else ""


def _adapter_config(folder: Path, whose: str) -> Mapping[str, Any] | None:
    """Return what an adapter says of itself; None where the folder is no adapter's."""
    if not folder.is_dir():
        raise ConfigError(f"{whose}: there is no folder {folder}")
    try:
        said = read_json(folder / ADAPTER_CONFIG)
    except FileNotFoundError:
        return None
    except FileFault as fault:
        raise ConfigError(f"{whose}: {folder / ADAPTER_CONFIG}: {fault.reason}") from None
    if not isinstance(said, dict):
        raise ConfigError(f"{whose}: {folder / ADAPTER_CONFIG}: a mapping is expected, not {type(said).__name__}")
    return said
