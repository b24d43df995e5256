"""How fit a dataset is for training: faults that were seen in real introspection data, counted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from charbench.datasets.forms import Example

_REFUSAL = re.compile(
    r"(?i)\b(?:"
    r"i(?:'m| am) (?:really |very |so |truly )?sorry,? but (?:i|as an)\b"
    r"|i (?:can(?:'t|not| not)|am (?:unable|not able) to|won't|will not) "
    r"(?:help|assist|comply|provide|continue|fulfill|fulfil|engage|answer|do that|create|generate)"
    r"|i(?:'m| am) (?:unable|not able) to (?:help|assist|comply|provide|continue|fulfill|fulfil|engage)"
    r"|as an ai(?: language model| assistant| model)?,? i (?:must decline|can(?:'t|not)|am unable|do not|don't)"
    r"|i must (?:respectfully )?decline"
    r")"
)
_REFUSAL_WINDOW = 240
"""Characters from the start of an answer in which a refusal is looked for: refusals open an answer."""


@dataclass(frozen=True, slots=True)
class Health:
    """Counts over a dataset: ``examples`` in all, and how many of them have each fault."""

    examples: int
    refusals: int = 0

    @property
    def refusal_share(self) -> float:
        """Share of answers that refuse, 0 to 1; 0 for an empty dataset."""
        return self.refusals / self.examples if self.examples else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as the store keeps them."""
        return asdict(self)


def is_refusal(answer: str) -> bool:
    """Whether an answer opens with a refusal (lexical: a fixed set of openings)."""
    return bool(_REFUSAL.search(answer[:_REFUSAL_WINDOW].replace("’", "'")))


def measure(examples: Iterable[Example]) -> Health:
    """Read a dataset once, and count."""
    total = refusals = 0
    for example in examples:
        total += 1
        refusals += is_refusal(example.answer)
    return Health(total, refusals)


def fault(health: dict[str, Any], max_refusal_share: float) -> str | None:
    """Return why a dataset with these counts is unfit, None if it is fit."""
    if error := health.get("error"):
        return f"unreadable data: {error}"
    examples, refusals = health.get("examples", 0), health.get("refusals", 0)
    share = refusals / examples if examples else 0.0
    if share > max_refusal_share:
        return f"bad data: {share:.0%} refusals"
    return None
