"""Built-in perturbations: does the character survive being asked otherwise?"""

from __future__ import annotations

from collections.abc import Iterable

from charbench import Perturbation, hookimpl


@hookimpl
def charbench_perturbations() -> Iterable[type[Perturbation]]:
    """Return the built-in perturbations."""
    from charbench_plugins.perturbations import framing, turns

    return [
        framing.BreakCharacter,
        framing.Politeness,
        framing.Paraphrase,
        framing.AddedContext,
        framing.OtherLanguage,
        turns.SecondTurn,
        turns.NeutralAssistant,
    ]
