"""What a store holds as pandas data frames, for notebooks: ``from charbench import frames``.

A store is the lab's folder, the store's file, or a database URL. Rows are read page by page; a text that many rows
share is held once (pandas' categories), so that a frame takes little more memory than its own columns do.
Needs pandas: ``pip install 'charbench[frames]'``.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charbench.domain.sample_columns import ColumnKind
from charbench.errors import NotSetUpError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

    from charbench.components.reporter import ExportedTable
    from charbench.domain.checkpoint import Checkpoint
    from charbench.store.database import Database

__all__ = ["checkpoints", "samples", "scores", "spans"]
_PAGE = 2_000
"""Rows that are put into columns together."""


def samples(
    store: str | Path,
    *,
    persona: str | None = None,
    checkpoint: str | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return a row for each sample, with its texts, its state, tokens and latency.

    ``persona`` leaves the checkpoints of one persona and base models, ``checkpoint`` those of a URI, name or run;
    ``columns`` are those to read (None: all), which saves the memory of the others' texts. ``latency_seconds`` is in
    seconds, lengths are in characters, ``timestamp`` is in UTC. ``sampling`` is an ID of what was requested
    (``parameters``, as JSON): figures of two of them are not to be mixed. Samples that ``charbench forget`` took
    out are left out.

    Raises :class:`charbench.CharbenchError` where there is no store, no pandas, or nothing of such a name.
    """
    from charbench.report.tidy import sample_table

    database, chosen = _opened(store, persona, checkpoint)
    return _frame(sample_table(database, [one.uri for one in chosen]), columns)


def scores(
    store: str | Path,
    *,
    persona: str | None = None,
    checkpoint: str | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return a row for each score: its sample's ``key``, checkpoint and prompt; scorer, metric, channel and value.

    ``value`` is None (NaN) where the scorer could not tell. ``has_trait`` is whether it reaches ``threshold``, None
    where there is no value or no threshold. ``persona`` is the one that was scored for. A scorer that was set up
    anew (other markers, another judge) has another ``scoring``; those with ``newest_scoring`` are of today's.
    Parameters and errors are those of :func:`samples`.
    """
    from charbench.report.tidy import score_table

    database, chosen = _opened(store, persona, checkpoint)
    return _frame(score_table(database, [one.uri for one in chosen]), columns)


def spans(
    store: str | Path,
    *,
    persona: str | None = None,
    checkpoint: str | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return a row for each span that a score rests on.

    ``start`` and ``end`` count the characters of the channel's text, ``text`` is what stands there. A span with
    ``flags`` (negated, quoted, ...) does not count. Parameters and errors are those of :func:`samples`.
    """
    from charbench.report.tidy import span_table

    database, chosen = _opened(store, persona, checkpoint)
    return _frame(span_table(database, [one.uri for one in chosen]), columns)


def checkpoints(
    store: str | Path,
    *,
    persona: str | None = None,
    checkpoint: str | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return a row for each checkpoint: its lineage, and how many samples it has and how many of them failed.

    ``sampler_path`` is its URI, under the name that samples have it by. Parameters and errors are those of
    :func:`samples`.
    """
    from charbench.report.tidy import checkpoint_table

    database, chosen = _opened(store, persona, checkpoint)
    return _frame(checkpoint_table(database, chosen), columns)


def _opened(store: str | Path, persona: str | None, checkpoint: str | None) -> tuple[Database, list[Checkpoint]]:
    _pandas()
    from charbench.run.plan import select_checkpoints
    from charbench.store.database import Database
    from charbench.store.findings import read_checkpoints

    database = Database.open(_url(store), create=False)
    with database.read() as connection:
        known = read_checkpoints(connection)
    personas = sorted({one.persona for one in known if one.persona})
    if persona is not None and persona not in personas:
        raise UnknownNameError("persona", persona, personas)
    chosen = select_checkpoints(known, [checkpoint] if checkpoint else [], [persona] if persona else [])
    return database, chosen


def _url(store: str | Path) -> str:
    if "://" in str(store):
        return str(store)
    path = Path(store)
    return f"sqlite:///{(path / '.charbench' / 'charbench.db' if path.is_dir() else path).as_posix()}"


def _pandas() -> Any:
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise NotSetUpError(
            f"{error.name} is missing, which charbench.frames needs: pip install 'charbench[frames]'"
        ) from None
    return pd


def _frame(table: ExportedTable, columns: Sequence[str] | None) -> pd.DataFrame:
    from charbench.store.dialect import chunks

    pd = _pandas()
    names = list(table.columns if columns is None else columns)
    for name in names:
        if name not in table.kinds:
            raise UnknownNameError("column", name, table.columns)
    builders = [_BUILDERS[table.kinds[name]]() for name in names]
    for page in chunks(table.rows(names), _PAGE):
        for builder, values in zip(builders, zip(*page, strict=True), strict=True):
            builder.add(values)
    made = {}
    for name in reversed(names):
        made[name] = builders.pop().finish(pd)
    return pd.DataFrame({name: made.pop(name) for name in names})


class _Categories:
    """Texts that many rows share: each is held once."""

    def __init__(self) -> None:
        self._codes = array("i")
        self._numbers: dict[Any, int] = {}

    def add(self, values: Iterable[Any]) -> None:
        numbers = self._numbers
        self._codes.extend(-1 if value is None else numbers.setdefault(_text(value), len(numbers)) for value in values)

    def finish(self, pd: Any) -> Any:
        import numpy as np

        codes = np.frombuffer(self._codes, dtype=np.int32) if self._codes else np.empty(0, dtype=np.int32)
        return pd.Categorical.from_codes(codes, pd.Index(list(self._numbers), dtype="str"))


class _Values:
    """Any other values, as a pandas type takes them that has a place for None."""

    dtype = "string"

    def __init__(self) -> None:
        self._values: list[Any] = []

    def add(self, values: Iterable[Any]) -> None:
        self._values.extend(map(_text, values))

    def finish(self, pd: Any) -> Any:
        made = pd.array(self._values, dtype=self.dtype)
        self._values = []
        return made


class _Booleans(_Values):
    dtype = "boolean"

    def add(self, values: Iterable[Any]) -> None:
        self._values.extend(values)


class _Times(_Values):
    def add(self, values: Iterable[Any]) -> None:
        self._values.extend(values)

    def finish(self, pd: Any) -> Any:
        return pd.to_datetime(pd.Series(self._values, dtype="datetime64[us]")).dt.tz_localize("UTC")


class _Numbers:
    """Floats; None is NaN."""

    def __init__(self) -> None:
        self._values = array("d")

    def add(self, values: Iterable[Any]) -> None:
        self._values.extend(float("nan") if value is None else value for value in values)

    def finish(self, pd: Any) -> Any:
        import numpy as np

        return np.array(self._values, dtype=float)


class _Integers(_Numbers):
    """Whole numbers of up to 53 bits; None is a missing value."""

    def finish(self, pd: Any) -> Any:
        import numpy as np

        values = np.array(self._values, dtype=float)
        missing = np.isnan(values)
        whole = np.where(missing, 0, values).astype(np.int64)
        return pd.arrays.IntegerArray(whole, missing) if missing.any() else whole


_BUILDERS: Mapping[ColumnKind, Callable[[], _Categories | _Values | _Numbers]] = {
    ColumnKind.CATEGORY: _Categories,
    ColumnKind.TEXT: _Values,
    ColumnKind.INTEGER: _Integers,
    ColumnKind.NUMBER: _Numbers,
    ColumnKind.BOOLEAN: _Booleans,
    ColumnKind.TIME: _Times,
}


def _text(value: Any) -> str | None:
    """Return a value as text; what is neither text nor None is JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
