"""What became of recorded samples whose files were edited: those of rows that are gone leave every report.

Nothing is deleted: such samples and their scores stay in the store, as after ``charbench forget``, and are back in
reports as soon as their rows are back. Files that are not there, or that cannot be read whole, take nothing away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.keys import digest
from charbench.store.dialect import among, chunks
from charbench.store.removal import Removal, remove, restore_samples
from charbench.store.tables import checkpoints, groups, removals, removed_samples, samples, samplings

CHECKPOINTS = 20
"""So many are looked through together."""
WHAT = "rows gone from "
"""What the removal of samples whose rows are gone is called, before the name of the file."""
_IS_OF_ROWS = removals.c.what.startswith(WHAT, autoescape=True)


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file of recordings as it is now: by sample key a digest of what the row says.

    ``whole``: every row of it could be read, so that a sample that is not in it has lost its row.
    """

    path: str
    rows: Mapping[str, str]
    whole: bool
    also: Mapping[str, Collection[str]] = field(default_factory=dict)
    """What further rows of the same key say, where they say something else: any of them can be the one stored."""


@dataclass(slots=True)
class Edited:
    """What is to be done about the stored samples of edited files."""

    gone: dict[int, str] = field(default_factory=dict)
    """Samples whose rows are gone, with the file that they were read from."""
    changed: dict[int, tuple[str, str, str, str]] = field(default_factory=dict)
    """Samples whose rows say something else under the same key: the key, both digests, and the file."""
    back: list[int] = field(default_factory=list)
    """Samples whose rows are back."""
    forgotten: list[int] = field(default_factory=list)
    """Samples whose rows are back, and which stay out of reports as the user has removed them too."""
    noted: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    """Samples that were not known to come from a file, or come from another one now: file and digest."""
    kept: Counter[str] = field(default_factory=Counter)
    """By file: samples without a row that are kept, as the file cannot be read whole."""
    again: bool = False
    """Whether there are rows to be read in now that their keys are free."""

    @property
    def is_any(self) -> bool:
        """Whether a report changes."""
        return bool(self.gone or self.changed or self.back or self.forgotten)

    def lines(self) -> list[str]:
        """Return what the user should know."""
        lines = []
        gone, changed = Counter(self.gone.values()), Counter(path for *_, path in self.changed.values())
        for path in sorted({*gone, *changed}):
            rows = [f"{gone[path]:,} of rows that it no longer has"] if gone[path] else []
            rows += [f"{changed[path]:,} of rows that say something else now"] if changed[path] else []
            lines.append(
                f"{path} was edited: earlier samples are taken out of reports, {' and '.join(rows)}; they and their "
                "scores stay in the store, and are back when their rows are"
            )
        if self.back:
            count = "1 sample is" if len(self.back) == 1 else f"{len(self.back):,} samples are"
            lines.append(f"{count} in reports again, as the recorded rows are back.")
        return lines

    def kept_lines(self) -> list[str]:
        """Return what the user should know of samples that are kept because their file cannot be read whole."""
        return [
            f"{path}: {count:,} samples have no row in it any more, and are kept, as other rows of it cannot be read"
            for path, count in sorted(self.kept.items())
        ]


def find_edited(connection: Connection, sampler: str, uris: Sequence[str], files: Sequence[ReadFile]) -> Edited:
    """Compare the stored recordings of these checkpoints with the files as they are now."""
    by_path = {file.path: file for file in files}
    first = _FirstRows(files)
    found = Edited()
    for row in _stored(connection, sampler, uris):
        source = by_path.get(row.source_file or "")
        is_removed = row.is_gone or row.is_forgotten
        if not is_removed and source is not None and row.key in source.rows:
            says = source.rows[row.key]
            if row.row_digest == says or row.row_digest in source.also.get(row.key, ()):
                continue
            now: tuple[str, str] | None = (source.path, says)
        else:
            now = first.get(row.key)
        if is_removed:
            if row.is_gone and now and row.row_digest in (None, now[1]):
                (found.forgotten if row.is_forgotten else found.back).append(row.id)
            continue
        if now is None:
            if source is not None and source.whole:
                found.gone[row.id] = source.path
            elif source is not None:
                found.kept[source.path] += 1
        elif row.source_file is None or row.row_digest is None:
            found.noted[row.id] = now
        elif source is None:  # its own file is not there: another one has the row, whatever it says besides
            found.noted[row.id] = (now[0], row.row_digest)
        elif now[1] != row.row_digest:
            found.changed[row.id] = (row.key, row.row_digest, now[1], now[0])
        elif now[0] != row.source_file:
            found.noted[row.id] = now
    return found


@dataclass(slots=True)
class _FirstRows:
    """The first file that has a row of each key; put together when it is asked for, which edits alone need."""

    files: Sequence[ReadFile]
    _known: dict[str, tuple[str, str]] | None = None

    def get(self, key: str) -> tuple[str, str] | None:
        """Return the file and what the row says; None where no file has it."""
        if self._known is None:
            self._known = {}
            for file in self.files:
                for one, says in file.rows.items():
                    self._known.setdefault(one, (file.path, says))
        return self._known.get(key)


def take_out(connection: Connection, edited: Edited) -> None:
    """Take the samples of rows that are gone out of every report, and put those back whose rows are back."""
    for number, (path, says) in edited.noted.items():
        values = {"source_file": path, "row_digest": says}
        connection.execute(sa.update(samples).where(samples.c.id == number).values(values))
    restore_samples(connection, [*edited.back, *edited.forgotten], _IS_OF_ROWS)
    by_path: dict[str, list[int]] = {}
    for number, path in edited.gone.items():
        by_path.setdefault(path, []).append(number)
    for number, (key, said, _, path) in edited.changed.items():  # the key is the corrected row's now
        connection.execute(sa.update(samples).where(samples.c.id == number).values(key=digest(key, said)))
        by_path.setdefault(path, []).append(number)
    for path, numbers in sorted(by_path.items()):
        remove(connection, Removal(f"{WHAT}{path}", sorted(numbers), {}, 0, 0))
    for key, _, says, path in edited.changed.values():
        earlier = connection.scalar(sa.select(samples.c.id).where(samples.c.key == digest(key, says)))
        if earlier is None:
            edited.again = True
            continue
        values = {"key": key, "source_file": path}
        connection.execute(sa.update(samples).where(samples.c.id == earlier).values(values))
        restore_samples(connection, [earlier], _IS_OF_ROWS)


def _stored(connection: Connection, sampler: str, uris: Sequence[str]) -> Iterator[Any]:
    """Yield the stored samples as they are read: of a large store there are too many to hold."""
    of_this = sa.select(removals.c.id).join(removed_samples, removed_samples.c.removal_id == removals.c.id)
    of_this = of_this.where(removed_samples.c.sample_id == samples.c.id).correlate(samples)
    query = (
        sa.select(
            samples.c.id, samples.c.key, samples.c.source_file, samples.c.row_digest,
            of_this.where(_IS_OF_ROWS).exists().label("is_gone"),
            of_this.where(sa.not_(_IS_OF_ROWS)).exists().label("is_forgotten"),
        )
        .join(groups, groups.c.id == samples.c.group_id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
        .where(samplings.c.sampler == sampler)
        .order_by(samples.c.id)
    )  # fmt: skip
    for part in chunks(uris, CHECKPOINTS):
        mine = query.where(among(connection, checkpoints.c.uri, part)).execution_options(yield_per=1000)
        yield from connection.execute(mine)
