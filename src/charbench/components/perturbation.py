"""Perturbations: the same prompt put otherwise, to see whether the character survives it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from charbench.components.base import Component, ComponentKind
from charbench.domain.prompt import Prompt


class Perturbation(Component):
    """Makes variants of a prompt. Their samples have a condition of their own, and enter no headline."""

    kind: ClassVar[ComponentKind] = ComponentKind.PERTURBATION

    def variants(self, prompt: Prompt) -> Iterable[tuple[str, Prompt]]:
        """Yield (name of the variant, the prompt changed); the name is a slug, unique for a prompt.

        The changed prompt keeps the id and the family of the one it is made of: statistics pair by them. The
        samples' condition is ``<perturbation>:<variant>``. Yield nothing for a prompt that it does not fit.
        """
        raise NotImplementedError
