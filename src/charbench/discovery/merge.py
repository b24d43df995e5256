"""Makes one checkpoint of all that sources say about its URI, and finds where they contradict each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from charbench.discovery.runs import Runs, last_name
from charbench.domain.checkpoint import ACCOUNT, Checkpoint, Evidence, Kind, Lineage, name_from_uri
from charbench.domain.names import kind_from_name, kind_from_path, kind_from_words, persona_from_name, tokens
from charbench.domain.uris import BASE, SERVED, save_of
from charbench.store.findings import Claim, Facts
from charbench.text.redaction import redact_all

_OF_BOTH = ("batch", "step", "total_steps", "epoch", "final")
"""Metadata that holds of a save, whichever of its URIs it was said of."""
_FIELDS = ("name", "kind", "persona", "base_model", "run", "parent", "dataset", "renderer", "recipe")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Sources that disagree about one field of one checkpoint; ``values`` maps each value to who says so."""

    uri: str
    field: str
    values: Mapping[str, tuple[str, ...]]
    chosen: str

    def __str__(self) -> str:
        others = "; ".join(f"{value!r} ({', '.join(who)})" for value, who in self.values.items())
        return f"{self.uri}: {self.field} is {others}; {self.chosen!r} is used"


def claims_of(checkpoint: Checkpoint, source: str) -> list[Claim]:
    """Return what a source's finding says, once for each piece of its evidence."""
    lineage = checkpoint.lineage
    says = Facts(
        name=checkpoint.name if checkpoint.name != name_from_uri(checkpoint.uri) else None,
        kind=None if checkpoint.kind is Kind.UNKNOWN else checkpoint.kind,
        persona=checkpoint.persona,
        base_model=checkpoint.base_model,
        run=checkpoint.run,
        parent=lineage.parent,
        dataset=lineage.dataset,
        renderer=lineage.renderer,
        recipe=lineage.recipe,
        created_at=_moment(checkpoint.created_at),
        expires_at=_moment(checkpoint.expires_at),
        metadata=redact_all(checkpoint.metadata) or {},
    )
    evidence = checkpoint.evidence or (Evidence(source, ""),)
    return [Claim(checkpoint.uri, item, says) for item in evidence]


def merge(
    uri: str, claims: Sequence[Claim], personas: Mapping[str, str], runs: Runs | None = None
) -> tuple[Checkpoint, list[Contradiction]]:
    """Return the merged checkpoint and the contradictions among its claims; ``runs`` tells what runs are called.

    A field that sources disagree on takes what the account's own listing says; else the value most of them
    say, the earliest among equals. The name is the exception: the URI's own wins if anyone calls the
    checkpoint so, and of a model behind an endpoint what the server calls it counts where nobody else names it. What
    nobody says, kind and persona, is read from the names; ``base:NAME`` is the base model of that name; and when it
    expires follows from when it was made and how long it is kept.
    """
    paths = list(dict.fromkeys(claim.says.run for claim in claims if claim.says.run))
    if runs is not None:
        claims = [_by_name(claim, runs) for claim in claims]
    named = _named(uri, claims)
    settled = {field: _settle(uri, field, named if field == "name" else claims, personas) for field in _FIELDS}
    values = {field: value for field, (value, _) in settled.items()}
    contradictions = [contradiction for _, contradiction in settled.values() if contradiction is not None]
    metadata: dict[str, Any] = {}
    for claim in reversed(claims):
        metadata.update(claim.says.metadata)
    name = values["name"] or name_from_uri(uri)
    known = (name, name_from_uri(uri), *map(last_name, paths))
    base = uri.removeprefix(BASE) if uri.startswith(BASE) else None
    kind = Kind(values["kind"]) if values["kind"] else Kind.BASE if base else _kind_of(paths, known)
    segments = [segment for path in paths for segment in reversed(path.split("/")[:-1])]
    persona = values["persona"] or next(
        (found for text in (*known, *segments) if (found := persona_from_name(text, personas))), None
    )
    created_at, expires_at = _date(claims, "created_at"), _date(claims, "expires_at")
    if expires_at is None and created_at is not None and not metadata.get("never_expires"):
        expires_at = _end_of_life(created_at, metadata.get("ttl_seconds"))
    checkpoint = Checkpoint(
        uri=uri,
        name=name,
        kind=kind,
        persona=persona,
        base_model=values["base_model"] or base,
        run=values["run"],
        lineage=Lineage(values["parent"], values["dataset"], values["renderer"], values["recipe"]),
        created_at=created_at,
        expires_at=expires_at,
        metadata=metadata,
        evidence=tuple(claim.evidence for claim in claims),
    )
    return checkpoint, contradictions


def complete_saves(checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    """Return the checkpoints with what is known of the other URI of their save where nothing is known of their own.

    A save has a URI to train from and one to sample: what a log says of one holds of the other, that only a list names.
    """
    saves: dict[tuple[str, str], list[Checkpoint]] = {}
    for checkpoint in checkpoints:
        saves.setdefault(save_of(checkpoint.uri), []).append(checkpoint)
    return [_completed(one, saves[save_of(one.uri)]) for one in checkpoints]


def _completed(checkpoint: Checkpoint, save: Sequence[Checkpoint]) -> Checkpoint:
    others = [one for one in save if one.uri != checkpoint.uri]
    if not others:
        return checkpoint
    parts = ("parent", "dataset", "renderer", "recipe")
    lineage = Lineage(**{part: _first(getattr(one.lineage, part) for one in (checkpoint, *others)) for part in parts})
    more = {name: one.metadata[name] for one in others for name in _OF_BOTH if name in one.metadata}
    kinds = [one.kind for one in (checkpoint, *others) if one.kind is not Kind.UNKNOWN]
    return replace(
        checkpoint,
        kind=kinds[0] if kinds else Kind.UNKNOWN,
        persona=_first(one.persona for one in (checkpoint, *others)),
        base_model=_first(one.base_model for one in (checkpoint, *others)),
        run=_first(one.run for one in (checkpoint, *others)),
        lineage=lineage,
        metadata={**more, **checkpoint.metadata} if more else checkpoint.metadata,
    )


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)


def _kind_of(paths: Sequence[str], names: Sequence[str]) -> Kind:
    """Return the kind that folders say (``results/dpo/...``), else that names say, else a word in a folder's name."""
    said = [*map(kind_from_path, paths), *map(kind_from_name, names), *map(kind_from_words, paths)]
    return next((kind for kind in said if kind is not Kind.UNKNOWN), Kind.UNKNOWN)


def _by_name(claim: Claim, runs: Runs) -> Claim:
    """Return a claim with its run as people see it."""
    if claim.says.run is None:
        return claim
    return replace(claim, says=replace(claim.says, run=runs.name(claim.says.run, claim.uri)))


def _named(uri: str, claims: Sequence[Claim]) -> Sequence[Claim]:
    """Return the claims that say a checkpoint's name: of a model behind an endpoint what people call it, if they do."""
    others = [one for one in claims if one.says.name not in (None, uri.removeprefix(SERVED))]
    return others if others and uri.startswith(SERVED) else claims


def _settle(
    uri: str, field: str, claims: Sequence[Claim], personas: Mapping[str, str]
) -> tuple[str | None, Contradiction | None]:
    """Return a field's value (None: nobody says) and the contradiction about it, None where there is none."""
    said: dict[str, dict[str, None]] = {}
    votes: Counter[str] = Counter()
    authority: str | None = None
    for claim in claims:
        value = getattr(claim.says, field)
        if value is None:
            continue
        value = personas.get(value, value) if field == "persona" else str(value)
        if claim.evidence.source not in said.setdefault(value, {}):
            votes[value] += 1
        said[value][claim.evidence.source] = None
        if claim.evidence.path == ACCOUNT:
            authority = value
    if not said:
        return None, None
    chosen = authority or votes.most_common(1)[0][0]
    if field == "name":
        own = name_from_uri(uri)
        if not uri.startswith(SERVED) and any(tokens(value) == tokens(own) for value in said):
            chosen = own
    if len(said) == 1:
        return chosen, None
    return chosen, Contradiction(uri, field, {value: tuple(who) for value, who in said.items()}, chosen)


def _moment(given: datetime | None) -> datetime | None:
    """Return a point in time as the store gives it back; of a plain date, its midnight."""
    return datetime.fromisoformat(given.isoformat()) if given else None


def _date(claims: Sequence[Claim], field: str) -> datetime | None:
    """Return the earliest date of those that are believed."""
    dated = [(claim, date) for claim in claims if (date := getattr(claim.says, field))]
    believed = [date for claim, date in dated if claim.evidence.path == ACCOUNT] or [date for _, date in dated]
    return min(believed, key=datetime.isoformat, default=None)


def _end_of_life(created_at: datetime, ttl_seconds: Any) -> datetime | None:
    if isinstance(ttl_seconds, bool) or not isinstance(ttl_seconds, (int, float)):
        return None
    try:
        return created_at + timedelta(seconds=ttl_seconds)
    except (OverflowError, ValueError):
        return None
