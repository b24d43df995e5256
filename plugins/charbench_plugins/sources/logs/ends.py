"""Settles whether URLs at their lines' ends go on in the next line, from what the rest of the log says.

The rules are asked in order, and the first that knows an answer gives it: True if the URL goes on, False if
it ends with its line. Names come first (what the log calls the checkpoint elsewhere, and the words that
names are made of), widths second (at which width a console was seen to break lines). Where no rule knows,
the URL stays open, since a guess would be a checkpoint that does not exist.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from charbench import TinkerPath
from charbench_plugins.sources.logs.line_shapes import ENDINGS, is_word, known_words, words_of
from charbench_plugins.sources.logs.wrapped import LineEnd, Mention

USUAL_WIDTHS = frozenset({80, 100, 120, 132, 160, 200})


@dataclass(frozen=True, slots=True)
class _Known:
    """What a log says elsewhere."""

    paths: set[tuple[str, str]]
    """Runs and names of URLs whose end is certain."""
    words: set[str]
    cuts: dict[tuple[str, str], set[tuple[str, str] | None]]
    """For each URL that some open one is if it goes on: what those would be if they ended."""
    widths: set[int]
    """Widths at which a URL was broken."""
    lengths: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """For each width of lines with an open URL: the lengths of the names there."""


def settle(mentions: Sequence[Mention], run: str, width: int | None) -> list[bool | None]:
    """Tell for each URL whether it goes on in the next line; None where that cannot be told.

    ``run`` is the log's name, whose words names are made of; ``width`` the console's where the user knows it,
    0 where it broke no lines.
    """
    known = _know(mentions, run)
    verdicts = [_by_name(mention, known) if mention.end else False for mention in mentions]
    for mention, verdict in zip(mentions, verdicts, strict=True):
        if mention.end and verdict:
            known.widths.add(mention.end.width)
        if mention.end and mention.short:
            known.lengths[mention.end.width].add(len(mention.short.name))
    for number, mention in enumerate(mentions):
        if mention.end and width is not None:
            verdicts[number] = mention.end.width == width
        elif mention.end and verdicts[number] is None:
            verdicts[number] = _by_width(mention, mention.end, known)
    return verdicts


def _know(mentions: Iterable[Mention], run: str) -> _Known:
    certain = {mention.short for mention in mentions if not mention.end and mention.short}
    cuts = defaultdict(set)
    for mention in mentions:
        if mention.end and mention.long:
            cuts[_key(mention.long)].add(_key(mention.short) if mention.short else None)
    return _Known(
        paths={_key(path) for path in certain},
        words=known_words({path.name for path in certain} | {run}),
        cuts=cuts,
        widths={mention.broken_at for mention in mentions if mention.broken_at is not None},
    )


def _key(path: TinkerPath) -> tuple[str, str]:
    return path.run, path.plain_name


def _by_name(mention: Mention, known: _Known) -> bool | None:
    """Tell from names, None if they do not tell."""
    short, long, end = mention.short, mention.long, mention.end
    assert end is not None
    if long and (_key(long) in known.paths or len(known.cuts[_key(long)]) > 1):
        return None if short and _key(short) in known.paths else True
    continues_number = short is not None and short.name[-1:].isdigit() and end.rest[0].isdigit()
    if short and _key(short) in known.paths and not continues_number:
        return False
    if end.near.starts:
        return False
    if short is None:
        return None
    last = words_of(short.name)[-1]
    if long and not is_word(last, known.words) and is_word(last + words_of(end.rest.rstrip(":"))[0], known.words):
        return True
    return False if is_word(last, known.words) and not end.rest[0].isdigit() else None


def _by_width(mention: Mention, end: LineEnd, known: _Known) -> bool | None:
    """Tell from the width of the line, None if it does not tell."""
    if end.rest.endswith(":"):
        return None  # a key, or the end of a name that a colon follows
    if end.width in known.widths:
        return True
    if end.near.longer:
        return None if end.width in USUAL_WIDTHS else False
    if end.near.cut or end.width in USUAL_WIDTHS or len(known.lengths[end.width]) > 1:
        return True
    first, *others = words_of(end.rest)
    like_a_name = end.rest == end.next_line and not ENDINGS.isdisjoint(others) and first not in known.words
    return True if mention.long and like_a_name else None
