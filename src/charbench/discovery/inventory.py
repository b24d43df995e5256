"""The checkpoints of each persona: the lab's inventory, counted from the checkpoints' kinds and names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from charbench.domain.checkpoint import Checkpoint, Kind
from charbench.domain.names import persona_from_name, tokens

_KIND_WORDS = frozenset({"dpo", "sft", "merged", "merge", "base", "sampler"})


@dataclass(slots=True)
class Holding:
    """One persona's checkpoints. Counted is what can be sampled; ``training_only`` can not.

    ``aliases`` counts those named by an alias, by alias and kind; ``variants`` holds what tells their names
    apart (``25pct``, ``8b``, ``final``); ``expiring`` counts those that expire within a week.
    """

    persona: str | None
    kinds: Counter[Kind] = field(default_factory=Counter)
    training_only: int = 0
    aliases: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    variants: dict[str, None] = field(default_factory=dict)
    expiring: int = 0

    @property
    def total(self) -> int:
        """How many can be sampled."""
        return sum(self.kinds.values())


def take_inventory(
    checkpoints: Iterable[Checkpoint], personas: Mapping[str, str], expiring: frozenset[str] = frozenset()
) -> list[Holding]:
    """Count checkpoints by persona, those with most first and those of no known persona last.

    ``personas`` maps names and aliases to personas; ``expiring`` are the URIs that expire soon.
    """
    holdings: dict[str | None, Holding] = {}
    for checkpoint in checkpoints:
        holding = holdings.setdefault(checkpoint.persona, Holding(checkpoint.persona))
        holding.expiring += checkpoint.uri in expiring
        if not checkpoint.sampleable:
            holding.training_only += 1
            continue
        holding.kinds[checkpoint.kind] += 1
        if checkpoint.persona:
            _note_name(holding, checkpoint, personas)
    return sorted(holdings.values(), key=lambda h: (h.persona is None, -h.total, h.persona or ""))


def _note_name(holding: Holding, checkpoint: Checkpoint, personas: Mapping[str, str]) -> None:
    called = persona_from_name(checkpoint.name, {alias: alias for alias in personas})
    if called and called != checkpoint.persona and personas[called] == checkpoint.persona:
        holding.aliases[called, checkpoint.kind] += 1
    taken = {*tokens(called or ""), *_KIND_WORDS}
    holding.variants.update({word: None for word in tokens(checkpoint.name) if word not in taken})


def notes_on(holding: Holding) -> str:
    """Return a persona's notes: names by alias, variants, what is only there for training, what expires."""
    notes = []
    if holding.aliases:
        aliases: dict[str, list[str]] = {}
        for (alias, kind), count in sorted(holding.aliases.items()):
            aliases.setdefault(alias, []).append(f"{count} {kind.value.upper() if kind is not Kind.UNKNOWN else '?'}")
        notes += [f"{' + '.join(counts)} named {alias}" for alias, counts in aliases.items()]
    if holding.variants:
        notes.append(", ".join(holding.variants))
    if holding.training_only:
        notes.append(f"{holding.training_only} more for training only")
    if holding.expiring:
        notes.append(f"{holding.expiring} expire within 7 days")
    return "; ".join(notes)
