"""PyYAML's safe loaders with YAML 1.2's booleans and numbers; apart, as commands without a YAML file need no PyYAML."""

from __future__ import annotations

import re

import yaml


class Loader(yaml.SafeLoader):
    """The loader in Python, whose messages say what is wrong."""


class FastLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same in C, where PyYAML was built so; its messages say less, so faults are told by the other."""


Loader.yaml_implicit_resolvers = {}
FastLoader.yaml_implicit_resolvers = Loader.yaml_implicit_resolvers
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))
