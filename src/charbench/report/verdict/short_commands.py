"""Options of a command that names many checkpoints: patterns that select the same ones, else the first few."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from glob import escape
from itertools import takewhile
from shlex import quote

from charbench.domain.checkpoint import Checkpoint

MANY = 30
"""From more options on, a command is made shorter."""
FIRST = 5
"""So many checkpoints are named where no patterns select them."""


def with_options(command: str, names: Sequence[str], known: Sequence[Checkpoint]) -> str:
    """Return a command with ``-c`` options in place of ``{c}`` for checkpoints that these names select.

    Where they are many, patterns take their place that select the same of the ``known`` checkpoints; where it takes
    many patterns, too, the first few are named, and how the others can be given.
    """
    names = list(dict.fromkeys(names))
    shown = names if len(names) <= MANY else list(_patterns(names, known))
    more = len(names) - FIRST if len(shown) > MANY else 0
    made = command.replace("{c}", " ".join(f"-c {quote(one)}" for one in (names[:FIRST] if more else shown)))
    if not more:
        return made
    told = f"and {more:,} more checkpoints: charbench verdict --json has each one's command; -c takes patterns, too"
    return f"{made}; {told}" if "  # " in made else f"{made}  # {told}"


def _patterns(names: Sequence[str], known: Sequence[Checkpoint]) -> Iterator[str]:
    """Yield names and patterns that select the same checkpoints as ``names``, and none besides."""
    owners: dict[str, list[Checkpoint]] = {name: [] for name in names}
    for checkpoint in known:
        for text in {checkpoint.uri, checkpoint.name, checkpoint.served_name} - {None}:
            owners.setdefault(str(text), []).append(checkpoint)
    wanted = {one.uri for name in names for one in owners[name]}
    only = {text for text, mine in owners.items() if mine and all(one.uri in wanted for one in mine)}
    yield from _cover(sorted(owners), only, set(names))


def _cover(texts: Sequence[str], only: set[str], names: set[str]) -> Iterator[str]:
    """Yield what selects those of ``names`` that are among these sorted texts, and nothing but what is in ``only``."""
    mine = [text for text in texts if text in names]
    if len(mine) < 2:
        yield from mine
        return
    same = takewhile(lambda both: both[0] == both[1], zip(texts[0], texts[-1], strict=False))
    prefix = "".join(one for one, _ in same)
    if prefix and all(text in only for text in texts):
        yield f"{escape(prefix)}*"
        return
    by_next: dict[str, list[str]] = {}
    for text in texts:
        by_next.setdefault(text[len(prefix) : len(prefix) + 1], []).append(text)
    for part in by_next.values():
        yield from _cover(part, only, names)
