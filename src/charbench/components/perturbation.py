"""Perturbations: variants of a prompt, to see whether the character survives them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Awaitable, Iterable, Iterator
from typing import ClassVar, TypeAlias

from charbench.components.base import Component, ComponentKind
from charbench.components.calling import items
from charbench.components.containment import each
from charbench.domain.prompt import Prompt
from charbench.errors import PluginError

_SLUG = re.compile(r"[a-z0-9][a-z0-9_\-]*")
Variants: TypeAlias = Iterable[tuple[str, Prompt]] | AsyncIterable[tuple[str, Prompt]]


class Perturbation(Component):
    """Makes variants of a prompt. Their samples have a condition of their own, and enter no headline."""

    kind: ClassVar[ComponentKind] = ComponentKind.PERTURBATION

    def variants(self, prompt: Prompt) -> Variants | Awaitable[Variants]:
        """Yield (name of the variant, the prompt changed); the name is a slug, unique for a prompt.

        The changed prompt keeps the id and the family of the one it is made of: statistics pair by them. The
        samples' condition is ``<perturbation>:<variant>``. Yield nothing for a prompt that it does not fit.
        """
        raise NotImplementedError


def variants_of(perturbation: Perturbation, prompt: Prompt) -> Iterator[tuple[str, Prompt]]:
    """Yield what ``variants`` yields; raises :class:`PluginError` where that is not what it says."""
    who = f"perturbation {perturbation.name}"
    names: set[str] = set()
    for given in each(f"{who}: variants()", lambda: items(perturbation, perturbation.variants(prompt))):
        if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], Prompt)):
            raise PluginError(f"{who} gave {given!r:.100}; (name, Prompt) is needed")
        name, changed = given
        if not (isinstance(name, str) and _SLUG.fullmatch(name)):
            raise PluginError(f"{who} calls a variant {name!r}; a lower-case slug is needed (letters, digits, - and _)")
        if name in names:
            raise PluginError(f"{who} gave two variants named {name!r} of prompt {prompt.id!r}; names have to differ")
        names.add(name)
        if (changed.id, changed.family) != (prompt.id, prompt.family):
            raise PluginError(
                f"{who}, variant {name}: the prompt is {changed.id!r} of family {changed.family!r}; it has to keep "
                f"{prompt.id!r} and {prompt.family!r}: statistics pair by them"
            )
        yield name, changed
