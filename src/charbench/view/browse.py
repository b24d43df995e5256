"""What the pages of samples show: reads them from the store by what their addresses ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.components.web_page import PageLink, SamplePage, SamplesPage, ScoredSample
from charbench.domain.checkpoint import Kind
from charbench.domain.headline import choose_headline
from charbench.errors import CharbenchError, UnknownNameError, UsageError
from charbench.report.export import sample_row, scores_of
from charbench.report.settings import words_of
from charbench.store.browse import Candidates, Found, Metric, Only, find_samples
from charbench.store.database import Database
from charbench.store.findings import read_checkpoints
from charbench.store.full_text import fts_query, matches
from charbench.store.noted_settings import find_setting
from charbench.store.sample_reader import SampleReader
from charbench.store.selection import groups_of_setting
from charbench.store.settings import Known, Setting, read_settings
from charbench.store.summaries import REMOVED, GroupTotals, group_totals, scored_metrics
from charbench.store.tables import samples
from charbench.view.search import Search

PARAMETERS = ("persona", "checkpoint", "setting", "only", "search", "channel")
"""Of the page of samples, beside ``before``."""
PAGE = 25
_KNOWN_CHECKPOINTS = 500
_LOOK_AT_IN_POSTGRESQL = 2_000
"""Texts of which PostgreSQL looks for the words while the user waits."""
_ONLY = {
    Only.ALL: "all samples",
    Only.THINKING: "character in the thinking and not in the response",
    Only.TRAIT: "character in the response",
    Only.NO_RESPONSE: "no response",
    Only.FAILED: "failed",
    Only.REFUSED: "refused",
}
_CHANNELS = {"": "thinking and response", "response": "response", "thinking": "thinking"}


@dataclass(frozen=True, slots=True)
class _Store:
    """What a page needs to know of the whole store."""

    groups: Sequence[GroupTotals]
    settings: Known
    scorings: Mapping[int, str]
    """The scorer of each scoring that is the newest of its scorer for a persona."""
    metric: Metric | None
    metric_name: str | None

    @classmethod
    def read(cls, connection: Connection, persona: str = "") -> _Store:
        """Read it; of ``persona`` samples have the character as that one's scorings say, else as any persona's do."""
        groups = [one for one in group_totals(connection) if one.condition != REMOVED]
        settings = read_settings(connection)
        newest = [mine[0] for mine in settings.by_persona.values() if mine]
        scorings = {one.id: one.scorer for setting in newest for one in setting.scorers.values()}
        chosen = choose_headline(scored_metrics(connection, set(scorings)))
        if chosen is None or not chosen.is_headline:
            return cls(groups, settings, scorings, None, None)
        of = {one.id for setting in newest if persona in ("", setting.persona) for one in setting.scorers.values()}
        mine = [number for number, scorer in scorings.items() if scorer == chosen.scorer and number in of]
        return cls(groups, settings, scorings, Metric(chosen.metric, mine), chosen.name)

    def is_of(self, group: GroupTotals, persona: str) -> bool:
        """Whether samples count for a persona: its own, and those of a base model that was scored for it."""
        if group.kind != Kind.BASE.value:
            return group.persona == persona
        return any(one.id == group.id for mine in self.settings.by_persona.get(persona, ()) for one in mine.groups)


class Browser:
    """Reads samples for the pages; a page is made from at most ``look_at`` samples."""

    def __init__(self, database: Database, look_at: int = 10_000) -> None:
        self._database, self._look_at = database, look_at
        self.search = Search(database) if database.path is not None else None

    def samples(self, asked: Mapping[str, str], links: Sequence[PageLink]) -> SamplesPage:
        """Return the page of samples for what its address asks for; a fault of the user's stands on the page."""
        chosen = {name: asked.get(name, "").strip() for name in PARAMETERS}
        with self._database.read() as connection:
            store = _Store.read(connection, chosen["persona"])
        choices, known = _choices(store)
        page = partial(
            SamplesPage, chosen=chosen, choices=choices, known_checkpoints=known, metric=store.metric_name, links=links
        )
        try:
            if (building := self._building(chosen)) is not None:
                return page((), lines=(building,), reload_after=2)
            with self._database.read() as connection:
                before = _before(asked.get("before", ""))
                found = self._find(connection, store, chosen, before)
                shown = _read(connection, found.ids, store)
        except CharbenchError as error:
            return page((), fault=str(error))
        older = None
        if found.next_before is not None:
            older = "samples?" + urlencode({**{k: v for k, v in chosen.items() if v}, "before": found.next_before})
        return page(shown, lines=self._said(store, found, chosen, before), older=older)

    def sample(self, key: str, links: Sequence[PageLink]) -> SamplePage:
        """Return the page of one sample; raises :class:`UnknownNameError` where there is none."""
        with self._database.read() as connection:
            store = _Store.read(connection)
            number = connection.scalar(sa.select(samples.c.id).where(samples.c.key == key))
            shown = _read(connection, [number] if number is not None else [], store)
        if not shown:
            raise UnknownNameError("sample", key[:80], [])
        return SamplePage(shown[0], store.metric_name, links)

    def end(self) -> None:
        """Stop what still goes on in the background."""
        if self.search is not None:
            self.search.end()

    def _building(self, chosen: Mapping[str, str]) -> str | None:
        """Bring the index up to date where it is needed, and return how far it is while it is not complete."""
        if not chosen["search"] or self.search is None:
            return None
        fts_query(chosen["search"])  # a fault in it is said first
        return self.search.bring_up_to_date()

    def _find(self, connection: Connection, store: _Store, chosen: Mapping[str, str], before: int | None) -> Found:
        if chosen["channel"] not in _CHANNELS:
            raise UnknownNameError("channel", chosen["channel"], [name for name in _CHANNELS if name])
        if chosen["only"] not in set(Only):
            raise UnknownNameError("filter", chosen["only"], [one.value for one in Only if one])
        find = partial(
            find_samples,
            connection,
            _groups(connection, store, chosen),
            only=Only(chosen["only"]),
            metric=store.metric,
            before=before,
            most=PAGE,
            look_at=self._look_at,
        )
        if not chosen["search"]:
            return find()
        if self.search is None:
            condition = matches(chosen["search"], chosen["channel"])
            return find(condition=condition, look_at=_LOOK_AT_IN_POSTGRESQL)
        newest: Candidates = partial(self.search.newest, fts_query(chosen["search"], chosen["channel"]))
        return find(among_these=newest)

    def _said(self, store: _Store, found: Found, chosen: Mapping[str, str], before: int | None) -> list[str]:
        lines = []
        if not found.ids and found.next_before is None:
            none = "No sample is like that." if before is None else "There are no older ones."
            lines.append(none if store.groups else "The store holds no samples.")
        elif len(found.ids) < PAGE and found.next_before is not None:
            lines.append(
                f"{len(found.ids):,} of the {found.looked_at:,} samples that were looked at; there are older ones."
            )
        if chosen["only"] in (Only.THINKING, Only.TRAIT):
            by = store.metric_name
            lines.append(f"Character: by {by}." if by else "No scorer has said of these samples whether they have it.")
        if chosen["search"] and self.search is not None:
            lines.append(self.search.cost)
        return lines


def _before(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > 18:
        raise UsageError(f"before: {text!r:.60} is not the number of a sample")
    return int(text)


def _groups(connection: Connection, store: _Store, chosen: Mapping[str, str]) -> Sequence[GroupTotals]:
    """Return the groups that are asked for. Raises :class:`UnknownNameError` for what the store does not have."""
    groups: Sequence[GroupTotals] = store.groups
    if name := chosen["setting"]:
        setting = find_setting(connection, store.settings, name)
        groups = groups_of_setting(connection, setting.persona, setting)
    if name := chosen["persona"]:
        groups = [one for one in groups if store.is_of(one, name)]
    if name := chosen["checkpoint"]:
        groups = [one for one in groups if name in (one.name, one.uri)]
        if not groups and not any(name in (one.name, one.uri) for one in store.groups):
            raise UnknownNameError("checkpoint", name, sorted({one.name for one in store.groups}))
    return groups


def _choices(store: _Store) -> tuple[dict[str, list[tuple[str, str]]], list[str]]:
    personas = sorted({one.persona for one in store.groups if one.persona})
    settings = [one for mine in store.settings.by_persona.values() for one in mine]
    return {
        "persona": [("", "all"), *((name, name) for name in personas)],
        "setting": [("", "all"), *((one.id, _setting(one)) for one in settings)],
        "only": [(one.value, said) for one, said in _ONLY.items()],
        "channel": list(_CHANNELS.items()),
    }, sorted({one.name for one in store.groups})[:_KNOWN_CHECKPOINTS]


def _setting(setting: Setting) -> str:
    words = words_of(setting)
    return f"{setting.id} of {setting.persona}: {words[:60]}{'…' if len(words) > 60 else ''}"


def _read(connection: Connection, ids: Sequence[int], store: _Store) -> list[ScoredSample]:
    """Return these samples in their order, each with the scores by the newest state of each scorer."""
    if not ids:
        return []
    given = scores_of(connection, ids, set(store.scorings))
    known = {checkpoint.uri: checkpoint for checkpoint in read_checkpoints(connection)}
    rows: dict[int, dict[str, Any]] = {
        stored.id: sample_row(stored, known[stored.sample.checkpoint])
        for stored in SampleReader().read(connection, ids)
    }
    return [(rows[number], given.get(number, [])) for number in ids if number in rows]
