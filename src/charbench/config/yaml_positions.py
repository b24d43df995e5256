"""Reads YAML with positions, so that a fault can be named by line and column.

YAML 1.2's idea of plain words: only ``true`` and ``false`` are booleans, so that ``yes``, ``no`` and
``on`` stay words, as a list of markers needs them.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charbench.errors import ConfigError

if TYPE_CHECKING:
    import yaml

Location = tuple[str | int, ...]
MAX_BYTES = 1_000_000
_MAX_DEPTH = 40
_MAX_NODES = 100_000
_NESTING = re.compile(r"[\[{]|[-?:]\s+(?=[-?])")
_MOST_NESTING = 1_000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What an escape may put into a text and no database can hold."""


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A YAML file's data, and where each part of it stands.

    ``positions`` maps a location (``("markers", "strong", 0)``) to its 1-based line and column.
    """

    path: str
    data: Any
    positions: dict[Location, tuple[int, int]] = field(default_factory=dict)

    def where(self, location: Location) -> str:
        """Return ``file:line:column`` of a location, or of the nearest part around it that exists."""
        while location and location not in self.positions:
            location = location[:-1]
        line, column = self.positions.get(location, (1, 1))
        return f"{self.path}:{line}:{column}"


def read_yaml(path: Path, shown: str | None = None) -> YamlFile:
    """Read one file; raises :class:`ConfigError` with file, line and column of the fault.

    ``shown`` is the path as messages show it. An empty file has the data None.
    """
    name = shown or str(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror or error}") from None
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{name}: more than {MAX_BYTES:,} bytes; too large for a YAML file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        at = f"{name}:{line}:{column}"
        raise ConfigError(f"{at}: not UTF-8 (byte 0x{content[error.start]:02x}); save it as UTF-8") from None
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str) -> YamlFile:
    """Parse YAML text; ``name`` is the file that messages name."""
    import yaml

    from charbench.config.yaml_loaders import FastLoader, Loader

    try:
        if len(_NESTING.findall(text)) <= _MOST_NESTING:  # libyaml overruns its stack on what nests too deeply
            with suppress(yaml.YAMLError):
                return _parse(FastLoader, text, name)
        return _parse(Loader, text, name)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ConfigError(f"{at}: not YAML: {_problem(error)}") from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        at = f"{name}:{line}:{column}"
        raise ConfigError(f"{at}: a character that YAML forbids (#x{error.character:04x})") from None
    except RecursionError:
        raise ConfigError(f"{name}:1:1: nested too deeply to be read; the limit is {_MAX_DEPTH} levels") from None


def _parse(loader_class: type[Any], text: str, name: str) -> YamlFile:
    loader = loader_class(text)
    try:
        node = loader.get_single_node()
        walker = _Walker(loader, name)
        return YamlFile(name, walker.build(node, ()) if node is not None else None, walker.positions)
    finally:
        loader.dispose()


def _problem(error: yaml.MarkedYAMLError) -> str:
    if "another document" in (error.problem or ""):
        return "a second document begins here ('---'); one file holds one"
    return f"{error.problem or error.context}{_advice(error)}"


def _advice(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or ""
    if "\\t" in problem:
        return "; indent with spaces, not tabs"
    if "mapping values are not allowed" in problem:
        return "; put text that holds ': ' into quotes"
    if "alias" in problem or "alias" in (error.context or ""):
        return "; put text that starts with '*' into quotes"
    return ""


class _Walker:
    """Builds plain data from YAML nodes and notes where each part stands."""

    def __init__(self, loader: Any, name: str) -> None:
        import yaml

        self._mappings, self._sequences = yaml.MappingNode, yaml.SequenceNode
        self.loader = loader
        self.name = name
        self.positions: dict[Location, tuple[int, int]] = {}
        self.nodes = 0

    def build(self, node: yaml.Node, location: Location) -> Any:
        self.nodes += 1
        if self.nodes > _MAX_NODES or len(location) > _MAX_DEPTH:
            limits = f"{_MAX_NODES:,} values, {_MAX_DEPTH} levels"
            what = "expands to more than can be meant (aliases of aliases?)"
            raise ConfigError(f"{self._at(node)}: {what}; the limits are {limits}")
        self.positions[location] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, self._mappings):
            return self._mapping(node, location)
        if isinstance(node, self._sequences):
            return [self.build(child, (*location, index)) for index, child in enumerate(node.value)]
        if unstorable := _UNSTORABLE.search(str(node.value)):
            which = f"\\u{ord(unstorable.group()):04x}"
            raise ConfigError(f"{self._at(node)}: holds {which}, which is no character of a text")
        try:
            return self.loader.construct_object(node)
        except (ValueError, LookupError, AttributeError):  # how PyYAML fails on !!int '', !!bool x, !!timestamp x
            kind = node.tag.rpartition(":")[2]
            raise ConfigError(f"{self._at(node)}: {str(node.value)[:60]!r} is no {kind}") from None

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[Any, Any]:
        data: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.build(key_node, (*location, "?"))
            if not isinstance(key, Hashable) or not isinstance(key, str | int):
                raise ConfigError(f"{self._at(key_node)}: a key must be a word, found {key!r}")
            if key in data:
                first = self.positions[(*location, key)][0]
                raise ConfigError(f"{self._at(key_node)}: {key!r} is defined twice (first in line {first})")
            data[key] = self.build(value_node, (*location, key))
            self.positions[(*location, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        return data

    def _at(self, node: yaml.Node) -> str:
        return f"{self.name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
