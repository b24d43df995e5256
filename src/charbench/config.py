"""The run's configuration: defaults < charbench.yaml < environment < command line.

Every value knows where it came from, so that a fault names the file and line, the variable or the option.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from charbench.errors import ConfigError, UsageError, suggest
from charbench.yamlfile import Location, YamlFile, read_yaml

FILE_NAME = "charbench.yaml"
PREFIX = "CHARBENCH_"
_ENV_ONLY = {"CHARBENCH_CONFIG"}
_COMPONENT_KINDS = ("source", "trainer", "sampler", "scorer", "perturbation")


PROMPT_SETS = ("default", "persona")
"""Prompt sets that are no files."""


class Price(BaseModel):
    """What a million tokens cost, in whatever currency."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: float = Field(0.0, ge=0)
    completion: float = Field(0.0, ge=0)


class RunConfig(BaseModel):
    """Everything that decides what a run does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lab: Path = Field(Path(), description="the folder to look in")
    store: str = Field("", description="database URL; empty: .charbench/charbench.db in the lab's folder")
    sources: list[str] = Field([], description="checkpoint sources to use; empty: all")
    trainers: list[str] = Field([], description="trainers to use; empty: none in run, all installed ones in train")
    samplers: list[str] = Field([], description="samplers to use; empty: recorded")
    scorers: list[str] = Field([], description="scorers to use; empty: keyword, refusal, identity-leak, repetition")
    perturbations: list[str] = Field([], description="perturbations that prompts are multiplied by; empty: none")
    personas: list[str] = Field([], description="only checkpoints of these personas; empty: all")
    checkpoints: list[str] = Field([], description="only these checkpoints (URI, name or run); empty: all")
    persona_dirs: list[Path] = Field([], description="further folders of persona files")
    disable_plugins: list[str] = Field([], description="plugins not to load")
    min_examples: int = Field(500, ge=0, description="least examples that a dataset needs for a job")
    include_buggy: bool = Field(False, description="make jobs of bad data too")
    max_refusal_share: float = Field(0.2, ge=0, le=1, description="share of refusals above which data is bad")
    prompts: str = Field("default", description="default (five), persona (each persona's own), or a file")
    epochs: int = Field(1, ge=1, le=10_000, description="times that each prompt is put to each checkpoint")
    recipe: Literal["paper", "quick"] = Field("paper", description="how jobs are trained")
    parallel: int = Field(1, ge=1, le=64, description="training jobs at once")
    force: bool = Field(False, description="train on data that the health gate refuses")
    retry_errors: list[str] = Field(
        ["timeout", "rate_limit", "connection", "server", "bad_response", "interrupted",
         "http_401", "http_402", "http_403", "http_404", "config"],
        description="kinds of failure that the next run tries again",
    )  # fmt: skip
    max_cost: float | None = Field(None, gt=0, description="most that one run may spend on sampling, by 'prices'")
    prices: dict[str, Price] = Field(
        {}, description="price of a million tokens, by checkpoint URI or base model; * stands for any text"
    )
    options: dict[str, dict[str, Any]] = Field(
        {}, description="components' options: {scorer.keyword: {cap: 3}}; see charbench plugins show NAME"
    )

    _document: YamlFile | None = PrivateAttr(None)
    _typed: frozenset[Location] = PrivateAttr(frozenset())
    _origin: dict[str, str] = PrivateAttr({})

    @property
    def store_url(self) -> str:
        """The store's database URL, with the default filled in."""
        if self.store:
            return self.store if "://" in self.store else f"sqlite:///{self.store}"
        return f"sqlite:///{(self.lab / '.charbench' / 'charbench.db').as_posix()}"

    @property
    def folder(self) -> Path:
        """Where charbench keeps its own files for this lab."""
        return self.lab / ".charbench"

    def options_for(self, kind: str, name: str) -> dict[str, Any]:
        """Return the options given for one component."""
        return self.options.get(f"{kind}.{name}", {})

    @contextmanager
    def naming(self, setting: str) -> Iterator[None]:
        """Let a fault of what ``setting`` names say where that stands: the file and line, or the variable.

        What was typed on the command line is in sight, and is not named again.
        """
        try:
            yield
        except (UsageError, ConfigError) as error:
            where = self._origin.get(setting, "")
            if not where or where.startswith("option "):
                raise
            if self._document is not None and where.startswith(f"{self._document.path}:"):
                where = self._document.where(self._location(setting, error))
            faults = error.faults if isinstance(error, ConfigError) else [str(error)]
            raise ConfigError([f"{where}: {fault}" for fault in faults]) from None

    def _location(self, setting: str, error: Exception) -> Location:
        """Return the place of the item that an error is about, in a setting that is a list of names."""
        assert self._document is not None
        items = self._document.data.get(setting) if isinstance(self._document.data, dict) else None
        name = getattr(error, "name", None)
        return (setting, items.index(name)) if isinstance(items, list) and name in items else (setting,)

    def where(self, component: str, location: Location) -> str:
        """Return what a message about a component's option begins with: its place in the file, if it is from there."""
        path = (component, *location)
        typed = any(path[: len(given)] == given for given in self._typed)
        return "" if typed or self._document is None else f"{self._document.where(('options', *path))}: "


def load_config(
    overrides: Mapping[str, Any], options: tuple[str, ...], environment: Mapping[str, str], file: Path | None
) -> RunConfig:
    """Put the configuration together.

    ``overrides`` holds what the command line gave (None and empty: not given), ``options`` its ``-o``
    texts, ``file`` its ``--config``. Raises :class:`ConfigError` with every fault.
    """
    document = _read_file(overrides, environment, file)
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    if document is not None:
        values.update(_from_file(document))
        origin.update({name: document.where((name,)) for name in values})
    for name, (variable, value) in _from_environment(environment).items():
        values[name], origin[name] = value, f"environment variable {variable}"
    for name, value in overrides.items():
        if value is not None and value != () and value != []:
            if name == "disable_plugins":
                value = [*values.get(name, []), *value]
            values[name], origin[name] = value, f"option --{_flag(name)}"
    values["options"] = _with_options(values.get("options", {}), options)
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_faults(error, document, origin)) from None
    config._document = document
    config._typed = frozenset(_path_of(text.partition("=")[0]) for text in options)
    config._origin = origin
    _check_kinds_of_failure(config)
    return config


def _check_kinds_of_failure(config: RunConfig) -> None:
    """Raise where a kind of failure looks like a slip: plugins have kinds of their own, so others may be meant."""
    for kind in config.retry_errors:
        known = RunConfig.model_fields["retry_errors"].default
        near = get_close_matches(kind, [*known, "other", "plugin_error", "refused"], n=1, cutoff=0.75)
        if near and kind not in near and not re.fullmatch(r"http_\d{3}", kind):
            with config.naming("retry_errors"):
                raise UsageError(f"retry_errors: no kind of failure {kind!r}; did you mean {near[0]!r}?")


def _flag(name: str) -> str:
    return {"disable_plugins": "no-plugin", "prompts": "prompts", "epochs": "epochs"}.get(
        name, name.rstrip("s").replace("_", "-")
    )


def _read_file(overrides: Mapping[str, Any], environment: Mapping[str, str], file: Path | None) -> YamlFile | None:
    if file is None and environment.get("CHARBENCH_CONFIG"):
        file = Path(environment["CHARBENCH_CONFIG"])
        if not file.is_file():
            raise ConfigError(f"environment variable CHARBENCH_CONFIG: {file}: no such file")
    if file is None:
        file = Path(overrides.get("lab") or environment.get("CHARBENCH_LAB") or ".") / FILE_NAME
        if not file.exists():
            return None
    elif not file.is_file():
        raise ConfigError(f"option --config: {file}: no such file")
    return read_yaml(file)


def _from_file(document: YamlFile) -> dict[str, Any]:
    if document.data is None:
        return {}
    if not isinstance(document.data, dict):
        raise ConfigError(f"{document.path}:1:1: a mapping is needed, such as 'scorers: [keyword]'")
    known = sorted(RunConfig.model_fields)
    if faults := [
        f"{document.where((name,))}: no such setting {name!r}{suggest(str(name), known)}"
        for name in document.data
        if name not in RunConfig.model_fields
    ]:
        raise ConfigError(faults)
    values = dict(document.data)
    folder = Path(document.path).parent
    for name in ("lab", "persona_dirs"):
        if isinstance(values.get(name), str):
            values[name] = folder / values[name]
        elif isinstance(values.get(name), list):
            values[name] = [folder / item if isinstance(item, str) else item for item in values[name]]
    if isinstance(values.get("store"), str) and values["store"] and "://" not in values["store"]:
        values["store"] = str(folder / values["store"])
    if isinstance(values.get("prompts"), str) and values["prompts"] not in ("", *PROMPT_SETS):
        values["prompts"] = str((folder / values["prompts"]).absolute())
    values.setdefault("lab", folder)
    return values


def _from_environment(environment: Mapping[str, str]) -> dict[str, tuple[str, Any]]:
    found: dict[str, tuple[str, Any]] = {}
    for variable, text in sorted(environment.items()):
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or variable in _ENV_ONLY or not text or name == "options":
            continue
        if name not in RunConfig.model_fields:
            # Plugins and tests have variables of their own: only what looks like one of ours is a mistake.
            if near := get_close_matches(name, list(RunConfig.model_fields), n=1, cutoff=0.8):
                raise ConfigError(
                    f"environment variable {variable}: no such setting; did you mean {PREFIX}{near[0].upper()}?"
                )
            continue
        annotation = str(RunConfig.model_fields[name].annotation)
        is_list = annotation.startswith("list")
        found[name] = (
            variable,
            [part.strip() for part in text.split(",") if part.strip()] if is_list else text,
        )
    return found


def _with_options(given: Any, texts: tuple[str, ...]) -> Any:
    """Lay the command line's ``kind.name.option=value`` over the file's options."""
    if not texts:
        return given
    if not isinstance(given, dict) or not all(isinstance(value, dict) for value in given.values()):
        return given  # validating it will say what is wrong
    merged = deepcopy(given)
    for text in texts:
        path, equals, value = text.partition("=")
        parts = path.split(".")
        if not equals or len(parts) < 3 or parts[0] not in _COMPONENT_KINDS:
            raise UsageError(f"option -o {text!r}: KIND.NAME.OPTION=VALUE is needed, such as scorer.keyword.cap=3")
        target = merged.setdefault(f"{parts[0]}.{parts[1]}", {})
        for part in parts[2:-1]:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                raise UsageError(f"option -o {text!r}: {part!r} has a value already, and nothing below it")
        target[parts[-1]] = _value(value)
    return merged


def _path_of(dotted: str) -> Location:
    """Return ``scorer.keyword.cap`` as ``("scorer.keyword", "cap")``."""
    kind, name, *path = dotted.split(".")
    return (f"{kind}.{name}", *path)


def _value(text: str) -> Any:
    """Read an option's value as YAML would: numbers, true/false, [lists]; else plain text."""
    from charbench.yamlfile import parse_yaml

    try:
        return parse_yaml(text, "-o").data
    except ConfigError:
        return text


def _faults(error: ValidationError, document: YamlFile | None, origin: Mapping[str, str]) -> list[str]:
    faults = []
    for item in error.errors(include_url=False):
        location: Location = item["loc"]
        name = str(location[0])
        where = origin.get(name, name)
        if document is not None and where.startswith(f"{document.path}:"):
            where = document.where(location)
        faults.append(f"{where}: {_explain(location, item)}")
    return faults


def _explain(location: Location, item: Any) -> str:
    if item["type"] == "extra_forbidden":
        return f"{'.'.join(map(str, location))}: no such field{suggest(str(location[-1]), sorted(Price.model_fields))}"
    found, message = item.get("input"), str(item["msg"])
    shown = str(found) if isinstance(found, Path) else repr(found)
    return f"{location[0]}: found {shown}; {message[:1].lower()}{message[1:]}"
