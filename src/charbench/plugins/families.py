"""Families of components: one class that owns all names that begin with its own and a colon."""

from __future__ import annotations

from collections.abc import Mapping

from charbench.components.base import Component
from charbench.components.containment import asked
from charbench.errors import ConfigError, PluginError
from charbench.plugins.component_checks import MEMBER, check_component


def member_of(family: type[Component], rest: str, bases: Mapping[type[Component], str]) -> type[Component]:
    """Return the member of a family that is called ``rest``, under its whole name.

    Raises :class:`ConfigError` where that can be no name, and :class:`PluginError` where the family gives no component.
    """
    name = f"{family.name}:{rest}"
    who = f"{family.kind} {name}"
    if not MEMBER.fullmatch(rest):
        example = f", such as {family.name}:{family.member_example}" if family.member_example else ""
        raise ConfigError(f"{who}: up to 100 letters, digits, '_', '-' and '/' are needed after the colon{example}")
    given = asked(who, family.member, rest)
    if given is None or not isinstance(given, type) or not issubclass(given, family) or given is family:
        raise PluginError(
            f"{family.__module__}.{family.__qualname__}.member() gave {given!r:.100}; a subclass is needed"
        )
    given.name, given.summary = name, given.one_line() or family.one_line()
    check_component(given, family.kind, bases, member=name)
    return given
