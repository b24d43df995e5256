"""Puts a configuration together: defaults < charbench.yaml < environment < command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from charbench.components.named_endpoints import NAME
from charbench.components.trust import ADDRESS_VARIABLE, OPTION, VARIABLE
from charbench.config.model import PROMPT_SETS, DiscoverConfig, EndpointEntry, Price, RunConfig
from charbench.config.verdict import VerdictConfig
from charbench.config.yaml_positions import Location, YamlFile, read_yaml
from charbench.errors import ConfigError, UsageError, suggest
from charbench.text.redaction import register_secrets_of, register_secrets_of_environment

FILE_NAME = "charbench.yaml"
PREFIX = "CHARBENCH_"
_ENV_ONLY = {"CHARBENCH_CONFIG"}
_NESTED: Mapping[str, type[BaseModel]] = {
    "discover": DiscoverConfig, "endpoints": EndpointEntry, "prices": Price, "verdict": VerdictConfig,
}  # fmt: skip
_FILE_ONLY = {"discover", "endpoints", "options", "prices", "verdict"}
_COMPONENT_KINDS = ("source", "trainer", "sampler", "scorer", "perturbation")


def load_config(
    overrides: Mapping[str, Any], options: tuple[str, ...], environment: Mapping[str, str], file: Path | None
) -> RunConfig:
    """Put the configuration together.

    ``overrides`` holds what the command line gave (None and empty: not given), ``options`` its ``-o``
    texts, ``file`` its ``--config``. Raises :class:`ConfigError` with every fault.
    """
    register_secrets_of_environment(environment)
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
    register_secrets_of(
        {name: values.get(name) for name in ("store", "options", "endpoints", "endpoint", "more_endpoints")}
    )
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_faults(error, document, origin)) from None
    config._document = document
    config._typed = frozenset(_path_of(text.partition("=")[0]) for text in options)
    config._origin = origin
    config._addresses = tuple(
        value for name, value in environment.items() if value and ADDRESS_VARIABLE.fullmatch(name)
    )
    _check_kinds_of_failure(config)
    _check_endpoints(config)
    return config


def _check_endpoints(config: RunConfig) -> None:
    """Raise where an endpoint's name could be taken for something else, or none has the name that is chosen."""
    for name in config.endpoints:
        if not NAME.fullmatch(name):
            with config.naming("endpoints"):
                raise UsageError(
                    f"endpoints: found the name {name!r}; up to 60 letters, digits, '.', '_' and '-' are needed"
                )
    if config.endpoint:
        with config.naming("endpoint"):
            config.named_endpoints().find(config.endpoint)
    for text in config.more_endpoints:
        config.named_endpoints().find(text)


def _check_kinds_of_failure(config: RunConfig) -> None:
    """Raise where a kind of failure looks like a slip: plugins have kinds of their own, so others may be meant."""
    for kind in config.retry_errors:
        known = RunConfig.model_fields["retry_errors"].default
        near = get_close_matches(kind, [*known, "other", "plugin_error", "refused"], n=1, cutoff=0.75)
        if near and kind not in near and not re.fullmatch(r"http_\d{3}", kind):
            with config.naming("retry_errors"):
                raise UsageError(f"retry_errors: no kind of failure {kind!r}; did you mean {near[0]!r}?")


def _flag(name: str) -> str:
    return {"disable_plugins": "no-plugin", "more_endpoints": "endpoint", "prompts": "prompts", "epochs": "epochs"}.get(
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
    if "more_endpoints" in document.data:
        where = document.where(("more_endpoints",))
        raise ConfigError(f"{where}: more_endpoints: it cannot be set in a file; give --endpoint NAME several times")
    if "trusted_hosts" in document.data:
        where = document.where(("trusted_hosts",))
        raise ConfigError(f"{where}: trusted_hosts: no file can say whom to trust; give {OPTION} HOST or {VARIABLE}")
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


def check_environment(environment: Mapping[str, str]) -> None:
    """Raise :class:`ConfigError` for each variable ``CHARBENCH_...`` that is no setting; empty ones are ignored."""
    known = sorted({*(PREFIX + name.upper() for name in RunConfig.model_fields), *_ENV_ONLY})
    faults: list[str] = []
    for variable, text in sorted(environment.items()):
        name = variable.removeprefix(PREFIX).lower()
        if not text or not variable.startswith(PREFIX) or variable in _ENV_ONLY:
            continue
        if name in _FILE_ONLY:
            faults.append(f"environment variable {variable}: set {name} in charbench.yaml; a variable cannot hold it")
        elif variable not in known:
            near = get_close_matches(variable, known, n=1, cutoff=0.75)
            hint = f"did you mean {near[0]}?" if near else "unset it, or see docs/reference/config.md for the settings"
            faults.append(f"environment variable {variable}: no such setting; {hint}")
    if faults:
        raise ConfigError(faults)


def _from_environment(environment: Mapping[str, str]) -> dict[str, tuple[str, Any]]:
    check_environment(environment)
    found: dict[str, tuple[str, Any]] = {}
    for variable, text in sorted(environment.items()):
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or variable in _ENV_ONLY or not text:
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
            raise UsageError(
                f"option -o {_shown(path)}: KIND.NAME.OPTION=VALUE is needed, such as scorer.keyword.cap=3"
            )
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
    from charbench.config.yaml_positions import parse_yaml

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
        fields = _NESTED[str(location[0])].model_fields
        return f"{'.'.join(map(str, location))}: no such field{suggest(str(location[-1]), sorted(fields))}"
    found, message = item.get("input"), str(item["msg"])
    shown = str(found) if isinstance(found, Path) else repr(found)
    return f"{location[0]}: found {shown}; {message[:1].lower()}{message[1:]}"


def _shown(path: str) -> str:
    """Return what stands before ``=`` as it may be repeated: what is no name of an option may be a secret."""
    return repr(path) if re.fullmatch(r"[a-z_.\-]{1,60}", path) else "(not shown, as no option has such a name)"
