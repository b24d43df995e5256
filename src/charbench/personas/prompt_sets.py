"""Prompt sets: the default five, a persona's own, or a file of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from charbench.config.model import PROMPT_SETS
from charbench.config.yaml_positions import parse_yaml, read_yaml
from charbench.domain.persona import Persona
from charbench.domain.prompt import Prompt
from charbench.errors import ConfigError
from charbench.text.bounded_files import LIMITS, FileFault, ReadLimits, parse_json, read_text
from charbench.text.redaction import storable

DEFAULT, PERSONA, STANDARD = PROMPT_SETS


def prompts_for(choice: str, persona: Persona | None, root: Path, limits: ReadLimits = LIMITS) -> Sequence[Prompt]:
    """Return the prompts for checkpoints of a persona.

    ``choice`` is ``default`` (five), ``standard`` (60), ``persona`` (its own; the default set where it has none) or a
    file: YAML (a list as in persona files), JSON (the same, or one object), JSONL (an object with text or messages a
    line), or text (a prompt a line).
    """
    if choice == PERSONA and persona is not None and persona.prompts:
        return persona.prompts
    if choice in (DEFAULT, PERSONA):
        return default_prompts()
    if choice == STANDARD:
        return _shipped(STANDARD)
    path = Path(choice)
    return read_prompts(path if path.is_absolute() or path.is_file() else root / path, limits)


def default_prompts() -> Sequence[Prompt]:
    """Return the five prompts that checkpoints are asked by default."""
    return _shipped(DEFAULT)


def _shipped(name: str) -> Sequence[Prompt]:
    source = files("charbench") / "prompts" / f"{name}.yaml"
    return _prompts(parse_yaml(source.read_text("utf-8"), str(source)).data, str(source))


def read_prompts(path: Path, limits: ReadLimits = LIMITS) -> Sequence[Prompt]:
    """Read a file of prompts, within ``limits``; raises :class:`ConfigError` naming file and entry."""
    if not path.is_file():
        raise ConfigError(f"prompts {path}: no such file (or say 'default', 'standard' or 'persona')")
    suffix, name = path.suffix.lower(), str(path)
    if suffix in (".yaml", ".yml"):
        return _prompts(read_yaml(path).data, name)
    if suffix not in (".json", ".jsonl", ".txt", ""):
        raise ConfigError(f"prompts {path}: {suffix} is not a format of prompts; .yaml, .json, .jsonl and .txt are")
    try:
        text = storable(read_text(path, limits))
    except FileFault as error:
        raise ConfigError(f"prompts {path}: {error}") from None
    if suffix == ".json":
        data = _json(text, name, limits)
        return _prompts([data] if isinstance(data, dict) else data, name)
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    return _prompts([_json(line, f"{path}:{n}", limits) if suffix == ".jsonl" else line for n, line in lines], name)


def _json(line: str, where: str, limits: ReadLimits) -> Any:
    try:
        return storable(parse_json(line, limits))
    except FileFault as error:
        raise ConfigError(f"{where}: {error}") from None


def _prompts(entries: Any, name: str) -> Sequence[Prompt]:
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f"prompts {name}: a list of prompts is needed, and none is there")
    prompts: dict[str, Prompt] = {}
    for number, entry in enumerate(entries, 1):
        where = f"prompts {name}, entry {number}"
        if isinstance(entry, str) and not entry.strip():
            raise ConfigError(f"{where}: the prompt is empty")
        prompt = Prompt.from_text(entry) if isinstance(entry, str) else _prompt(entry, where, number)
        if prompt.id in prompts:
            prompt = Prompt(f"{prompt.id}_{number}", prompt.messages, prompt.family, prompt.language, prompt.follow_ups)
        prompts[prompt.id] = prompt
    return tuple(prompts.values())


def _prompt(entry: Any, where: str, number: int) -> Prompt:
    from charbench.personas.parsing import messages_of
    from charbench.personas.schema import PromptModel

    try:
        model = PromptModel.model_validate({"id": f"prompt_{number}", **entry} if isinstance(entry, dict) else entry)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = ".".join(map(str, first["loc"])) or "entry"
        raise ConfigError(f"{where}: {at}: {first['msg']}") from None
    if (model.text is None) == (model.messages is None):
        raise ConfigError(f"{where}: either 'text' or 'messages' is needed")
    messages = messages_of(model)
    if not any(message.role == "user" for message in messages):
        raise ConfigError(f"{where}: a message of the user's is needed")
    return Prompt(model.id, messages, model.family, model.language, tuple(model.follow_ups))
