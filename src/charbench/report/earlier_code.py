"""Scores and samples that an earlier version of a plugin's code has made: named below every table that shows them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from charbench.components.base import ComponentKind
from charbench.components.source_digest import source_digest
from charbench.plugins.manager import Plugins
from charbench.store.code_versions import is_earlier, sampler_versions
from charbench.store.settings import Setting
from charbench.text.enumeration import short_list

Today = Callable[[ComponentKind, str], str | None]
"""Returns the digest of a component's code as it is installed; None: it is not, or its version alone counts."""
MOST = 3


@dataclass(frozen=True, slots=True)
class EarlierCode:
    """What a scorer or sampler has made with earlier code; ``personas`` is empty for a sampler.

    ``is_part``: some of it was made with today's.
    """

    kind: ComponentKind
    name: str
    personas: tuple[str, ...] = ()
    is_part: bool = False


def installed(plugins: Plugins) -> Today:
    """Return what tells the code of the components that are installed."""

    def today(kind: ComponentKind, name: str) -> str | None:
        component = plugins.find(kind, name)
        return source_digest(component) if component is not None else None

    return today


def unknown(_kind: ComponentKind, _name: str) -> None:
    """Tell nothing of any component's code."""


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
    personas: dict[str, list[str]] = {}
    for persona, setting in settings.items():
        for name, one in setting.scorers.items():
            wanted = one.version is not None and (scorers is None or name in scorers)
            if wanted and is_earlier(one.version, today(ComponentKind.SCORER, name)):
                personas.setdefault(name, []).append(persona)
    found = [EarlierCode(ComponentKind.SCORER, name, tuple(mine)) for name, mine in sorted(personas.items())]
    for name, versions in sorted(sampler_versions(connection, sorted(set(groups))).items()):
        now = today(ComponentKind.SAMPLER, name)
        if now is not None and any(one != [now] for one in versions):
            found.append(EarlierCode(ComponentKind.SAMPLER, name, is_part=any(now in one for one in versions)))
    return found


def earlier_lines(found: Sequence[EarlierCode]) -> list[str]:
    """Return a line for the scorers of the same personas, and one for each sampler."""
    scorers: dict[tuple[str, ...], list[str]] = {}
    for one in found:
        if one.kind is ComponentKind.SCORER:
            scorers.setdefault(one.personas, []).append(one.name)
    lines = [_of_scorers(names, personas) for personas, names in scorers.items()]
    return lines + [_of_sampler(one) for one in found if one.kind is ComponentKind.SAMPLER]


def _of_scorers(names: Sequence[str], personas: Sequence[str]) -> str:
    several = len(names) > 1
    who = f"scorers {short_list(names, len(names))}" if several else f"scorer {names[0]}"
    options = " ".join(f"--scorer {name}" for name in names)
    return (
        f"Old scores: {who} gave those of {short_list(personas, MOST)} before {'their' if several else 'its'} code "
        f"changed; to score them by today's: charbench score {options} --rescore, with the same -o options "
        "(--keep-scores: they are as good)."
    )


def _of_sampler(one: EarlierCode) -> str:
    which = "some of these samples" if one.is_part else "these samples"
    return (
        f"Sampler {one.name} took {which} before its code changed; they stay. Where the same request is now sent "
        "differently, increase its version: it is then asked again."
    )
