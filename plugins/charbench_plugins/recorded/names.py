"""Names that recordings give for checkpoints: a row under the name of one with the URI of another is misfiled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from charbench import SourceProblem, short_list
from charbench_plugins.ways_of_asking import WaysTogether


@dataclass(slots=True)
class _Rows:
    """Rows that name a URI in one way: how many, and where the first one is."""

    file: str
    line: int
    count: int = 0


@dataclass(slots=True)
class NamesOfUris:
    """By URI: the names that rows give for it."""

    _named: dict[str, dict[str, _Rows]] = field(default_factory=dict)

    def add(self, uri: str, name: str, file: str, line: int) -> None:
        """Count one row."""
        names = self._named.setdefault(uri, {})
        rows = names.get(name)
        if rows is None:
            rows = names[name] = _Rows(file, line)
        rows.count += 1

    def problems(self) -> Iterator[SourceProblem]:
        """Yield rows whose name most rows give for another URI than theirs, once for each name and URI.

        Names may repeat, and one checkpoint may have several: neither alone is odd.
        """
        usual = {uri: max(names, key=lambda name: names[name].count) for uri, names in self._named.items()}
        owner: dict[str, str] = {}
        for uri, name in usual.items():
            owner.setdefault(name, uri)
        for uri, names in self._named.items():
            for name, rows in names.items():
                if name and name != usual[uri] and (other := owner.get(name)) is not None:
                    which, they = ("this row has", "it counts")
                    if rows.count > 1:
                        which, they = f"{rows.count:,} rows have", "they count"
                    yield SourceProblem(
                        rows.file,
                        f"{which} the name {name}, which is that of {other}, and the URI {uri} of {usual[uri]}: "
                        f"misfiled? By the URI {they} for {usual[uri]}",
                        rows.line,
                    )


def sampled_in_several_ways(together: WaysTogether) -> Iterator[SourceProblem]:
    """Yield each URI whose answers were sampled in several ways, as far as they count together."""
    for uri, places in together.several():
        told = [f"{said} ({file}:{line})" for said, (file, line) in places.items()]
        last, line = list(places.values())[-1]
        where = " in one of the files" if len({file for file, _ in places.values()}) > 1 else ""
        message = (
            f"the samples of {uri} were taken with {short_list(told)} and count together, as no question was asked in "
            f"both ways; a column condition{where} keeps them apart"
        )
        yield SourceProblem(last, message, line)
