"""Built-in perturbations: does the character survive perturbed prompts?"""

from __future__ import annotations

from collections.abc import Iterable

from charbench import Perturbation, hookimpl


@hookimpl
def charbench_perturbations() -> Iterable[type[Perturbation]]:
    """Return the built-in perturbations."""
    from charbench_plugins.perturbations import framing, turns, wording

    return [
        framing.BreakCharacter,
        framing.Politeness,
        wording.Paraphrase,
        framing.AddedContext,
        wording.OtherLanguage,
        turns.SecondTurn,
        turns.NeutralAssistant,
    ]
