"""Format ``parquet`` of ``charbench export``: written a row group at a time, so that no export is in memory whole."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from charbench import ColumnKind, ExportedSamples, ExportedTable, NotSetUpError, Reporter

GROUP_ROWS = 20_000
GROUP_SAMPLES = 2_000
GROUP_CHARS = 32_000_000
"""A row group ends with so many rows (samples with their scores), or once its texts have so many characters."""


class ParquetReporter(Reporter):
    """Parquet, compressed: a row for each sample with its scores nested in it, or tidy tables."""

    name = "parquet"

    def export(self, samples: ExportedSamples) -> Iterator[bytes]:
        """Yield the samples, each with a list of its scores, and each of these with a list of its spans."""
        pa = _pyarrow()
        kinds = samples.kinds
        fields = [*_fields(kinds), pa.field("scores", pa.list_(_score_type()))]
        times = [name for name, kind in kinds.items() if kind == ColumnKind.TIME]

        def rows() -> Iterator[dict[str, Any]]:
            for row, scores in samples.rows_with_scores():
                read = {name: row[name] and datetime.fromisoformat(row[name]) for name in times}
                yield row | read | {"scores": [_score(score) for score in scores]}

        yield from _file(fields, rows(), GROUP_SAMPLES)

    def export_table(self, table: ExportedTable) -> Iterator[bytes]:
        """Yield the table."""
        rows = (dict(zip(table.columns, row, strict=True)) for row in table.rows())
        yield from _file(_fields(table.kinds), rows, GROUP_ROWS)


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        raise NotSetUpError(
            "pyarrow is missing, which --format parquet needs: pip install 'charbench[parquet]'"
        ) from None
    return pa


def _fields(kinds: Mapping[str, ColumnKind]) -> list[Any]:
    pa = _pyarrow()
    types = {
        ColumnKind.INTEGER: pa.int64(),
        ColumnKind.NUMBER: pa.float64(),
        ColumnKind.BOOLEAN: pa.bool_(),
        ColumnKind.TIME: pa.timestamp("us", tz="UTC"),
    }
    return [pa.field(name, types.get(kind, pa.string())) for name, kind in kinds.items()]


def _score_type() -> Any:
    pa = _pyarrow()
    text = pa.string()
    span = pa.struct({"start": pa.int64(), "end": pa.int64(), "marker": text, "tier": text, "flags": pa.list_(text)})
    words = dict.fromkeys(("scorer", "persona", "metric", "channel"), text)
    return pa.struct({**words, "value": pa.float64(), "why": text, "votes": text, "spans": pa.list_(span)})


def _score(score: Mapping[str, Any]) -> dict[str, Any]:
    spans = [
        {"start": start, "end": end, "marker": marker, "tier": tier, "flags": [str(flag) for flag in flags]}
        for start, end, marker, tier, *flags in score.get("spans", ())
    ]
    votes = json.dumps(score["votes"], ensure_ascii=False) if score.get("votes") else None
    return {**score, "spans": spans, "votes": votes}


def _file(fields: Iterable[Any], rows: Iterator[dict[str, Any]], most: int) -> Iterator[bytes]:
    """Yield a file in pieces, a row group in each."""
    pa = _pyarrow()
    from pyarrow import parquet

    schema = pa.schema(list(fields))
    texts = [field.name for field in schema if field.type == pa.string()]
    out = io.BytesIO()
    with parquet.ParquetWriter(pa.PythonFile(_Pieces(out), mode="w"), schema, compression="zstd") as writer:
        for group in _groups(rows, texts, most):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
            yield _taken(out)
    yield _taken(out)


class _Pieces:
    """A file to write to, from which the caller takes what was written; it tells positions as if nothing was taken."""

    def __init__(self, out: io.BytesIO) -> None:
        self._out = out
        self._position = 0
        self.closed = False

    def write(self, data: Any) -> int:
        self._position += len(data)
        return self._out.write(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Do nothing: all is written at once."""

    def close(self) -> None:
        self.closed = True


def _taken(out: io.BytesIO) -> bytes:
    data = out.getvalue()
    out.seek(0)
    out.truncate()
    return data


def _groups(rows: Iterator[dict[str, Any]], texts: Sequence[str], most: int) -> Iterator[list[dict[str, Any]]]:
    """Yield rows in groups that fit into memory, each text as UTF-8 can hold it."""
    group: list[dict[str, Any]] = []
    chars = 0
    for row in rows:
        for name in texts:
            if (value := row.get(name)) is not None:
                row[name] = value = _text(value)
                chars += len(value)
        group.append(row)
        if len(group) >= most or chars >= GROUP_CHARS:
            yield group
            group, chars = [], 0
    if group:
        yield group


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
