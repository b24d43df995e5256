"""What is allowed in a persona file, and will mislead all the same."""

from __future__ import annotations

from charbench.domain.persona import Marker, MarkerForm, Persona

_COMMON = """
a about after all also an and any are as at be because been but by can could did do does for from get had has have he
her here his how i if in into is it its just like make may me more most much my no not now of on one only or other our
out over she should so some such than that the their them then there these they this time to two up use very was way
we well were what when which who will with would you your
"""
COMMON = frozenset(_COMMON.split())
"""Words that stand in most English texts of some length, whoever wrote them."""


def advice(persona: Persona) -> list[str]:
    """Return a line for each thing that is sound, and yet gives figures that say little."""
    lines = []
    literal = [marker for marker in persona.markers if marker.form.literal]
    if not literal:
        lines.append("no markers that can be found: keyword cannot score it, only a judge can (markers, and rubric)")
    lines += [
        f"marker {marker.text!r} ({marker.tier}) is one of the commonest words: it is found in nearly every text"
        for marker in literal
        if _is_common(marker)
    ]
    if not persona.prompts:
        lines.append("no prompts: --prompts persona asks the five default ones")
    return lines


def _is_common(marker: Marker) -> bool:
    text = marker.text.casefold()
    return marker.form is MarkerForm.KEYWORD and (
        text in COMMON or (text.endswith("*") and any(word.startswith(text[:-1]) for word in COMMON))
    )
