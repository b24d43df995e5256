"""Scores and samples that earlier code or other criteria have made: named below every table that shows them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from charbench.components.base import ComponentKind
from charbench.components.scorer import BaseScorer
from charbench.components.source_digest import source_digest
from charbench.domain.measurement import Measurement
from charbench.errors import CharbenchError
from charbench.scoring.set_up import options_of, same_scores, set_up
from charbench.store.code_versions import is_earlier, sampler_versions
from charbench.store.settings import ScoredBy, Setting
from charbench.text.enumeration import short_list

if TYPE_CHECKING:
    from charbench.run.session import Session

MOST = 3


@dataclass(frozen=True, slots=True)
class EarlierCode:
    """What a scorer or sampler has made with earlier code; ``personas`` is empty for a sampler.

    ``is_part``: some of it was made with today's. ``by_criteria``: the code may be the same, and what the scorer goes
    by is not (the persona's markers or rubric, or the scorer's version).
    """

    kind: ComponentKind
    name: str
    personas: tuple[str, ...] = ()
    is_part: bool = False
    by_criteria: bool = False


class Today:
    """What tells how components are today; this one tells nothing."""

    def code(self, _kind: ComponentKind, _name: str) -> str | None:
        """Return the digest of a component's code; None: it is not installed, or its version alone counts."""
        return None

    def goes_by_other(self, _by: ScoredBy, _persona: str) -> bool:
        """Whether a scorer is known to score a persona by other criteria today than it did."""
        return False


class Installed(Today):
    """What tells how components are today: those that are installed, and the personas as their files are."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def code(self, kind: ComponentKind, name: str) -> str | None:
        """Return the digest of a component's code; None: it is not installed, or its version alone counts."""
        component = self._session.plugins.find(kind, name)
        return source_digest(component) if component is not None else None

    def goes_by_other(self, by: ScoredBy, persona: str) -> bool:
        """Whether a scorer is known to score a persona by other criteria today than it did.

        Of a scorer that has to be prepared to tell, it is known by what was measured; else not. It is not known of a
        persona without a file, where the scorer needs one.
        """
        known = self._session.personas.all.get(persona)
        try:
            made = self._session.scorer(by.scorer)
            if made is None:
                return False
            if not _tells_unprepared(type(made)):
                then = self._session.measured_by(made, persona, by.fingerprint)
                return then != self._session.measured_by(made, persona)
            if known is None:
                return False
            return by.protocol != made.version or by.fingerprint != set_up(made, known)[1]
        except CharbenchError:
            return False

    def measured(self, by: ScoredBy, persona: str) -> Measurement | None:
        """Return how well a scorer told a persona, as it was set up when it scored; None: unknown."""
        made = self._session.scorer(by.scorer)
        if made is not None and not _is_set_up(made, by):
            fields = type(made).Config.model_fields
            given = self._session.config.options_for(ComponentKind.SCORER.value, by.scorer)
            options = {**given, **{name: value for name, value in by.config.items() if name in fields}}
            try:
                made = self._session.plugins.create(ComponentKind.SCORER, by.scorer, options)
            except CharbenchError:
                return None
        if made is None or not _is_set_up(made, by):
            return None
        if _tells_unprepared(type(made)) and self.goes_by_other(by, persona):
            return None
        return self._session.measured_by(made, persona, by.fingerprint)


def _tells_unprepared(scorer: type[BaseScorer]) -> bool:
    """Whether a scorer's fingerprint can be asked for without :meth:`~charbench.Scorer.prepare`."""
    return scorer.measured is BaseScorer.measured or scorer.prepare is BaseScorer.prepare


def _is_set_up(scorer: BaseScorer, by: ScoredBy) -> bool:
    return same_scores(scorer, options_of(scorer), by.config)


def earlier_code(
    connection: Connection,
    settings: Mapping[str, Setting],
    groups: Iterable[int],
    today: Today,
    scorers: Collection[str] | None = None,
) -> list[EarlierCode]:
    """Return what in these settings, by persona, and in these groups was made by earlier code.

    ``scorers`` limits it to the scores of these.
    """
    return earlier_scores(settings, today, scorers) + earlier_samples(connection, groups, today)


def earlier_samples(connection: Connection, groups: Iterable[int], today: Today) -> list[EarlierCode]:
    """Return the samplers that took samples of these groups with earlier code."""
    found = []
    for name, versions in sorted(sampler_versions(connection, sorted(set(groups))).items()):
        now = today.code(ComponentKind.SAMPLER, name)
        if now is not None and any(one != [now] for one in versions):
            found.append(EarlierCode(ComponentKind.SAMPLER, name, is_part=any(now in one for one in versions)))
    return found


def earlier_scores(
    settings: Mapping[str, Setting], today: Today, scorers: Collection[str] | None = None
) -> list[EarlierCode]:
    """Return the scorers whose scores in these settings are by earlier code or other criteria; of ``scorers`` alone."""
    personas: dict[tuple[str, bool], list[str]] = {}
    for persona, setting in settings.items():
        for name, one in setting.scorers.items():
            if scorers is not None and name not in scorers:
                continue
            if is_earlier(one.version, today.code(ComponentKind.SCORER, name)):
                personas.setdefault((name, False), []).append(persona)
            elif today.goes_by_other(one, persona):
                personas.setdefault((name, True), []).append(persona)
    return [
        EarlierCode(ComponentKind.SCORER, name, tuple(mine), by_criteria=by_criteria)
        for (name, by_criteria), mine in sorted(personas.items())
    ]


def rescoring_command(one: EarlierCode, persona: str) -> str:
    """Return the command that scores a persona by a scorer as it is today."""
    return f"charbench score -p {quote(persona)} --scorer {quote(one.name)}{'' if one.by_criteria else ' --rescore'}"


def earlier_lines(found: Sequence[EarlierCode]) -> list[str]:
    """Return a line for the scorers of the same personas, and one for each sampler."""
    scorers: dict[tuple[tuple[str, ...], bool], list[str]] = {}
    for one in found:
        if one.kind is ComponentKind.SCORER:
            scorers.setdefault((one.personas, one.by_criteria), []).append(one.name)
    lines = [_of_scorers(names, personas, by_criteria) for (personas, by_criteria), names in scorers.items()]
    return lines + [_of_sampler(one) for one in found if one.kind is ComponentKind.SAMPLER]


def _of_scorers(names: Sequence[str], personas: Sequence[str], by_criteria: bool) -> str:
    several = len(names) > 1
    who = f"scorers {short_list(names, len(names))}" if several else f"scorer {names[0]}"
    score = "charbench score " + " ".join(f"--scorer {name}" for name in names)
    how, again = (
        "by other criteria than today's (the persona's file, or the scorer's version, has changed)",
        f"{score}, with the same -o options",
    )
    if not by_criteria:
        how = f"before {'their' if several else 'its'} code changed"
        again = f"{score} --rescore, with the same -o options (--keep-scores: they are as good)"
    return f"Old scores: {who} gave those of {short_list(personas, MOST)} {how}; to score them by today's: {again}."


def _of_sampler(one: EarlierCode) -> str:
    which = "some of these samples" if one.is_part else "these samples"
    return (
        f"Sampler {one.name} took {which} before its code changed; they stay. Where the same request is now sent "
        "differently, increase its version: it is then asked again."
    )
