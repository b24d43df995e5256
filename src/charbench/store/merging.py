"""Merges one store into another: rows that the other lacks are added under its own numbers, totals included.

A row is known by its natural key (a sample's key, a checkpoint's URI, ...). Merging the same store again adds nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.dataset import JobStatus
from charbench.store import tables as t
from charbench.store.code_versions import key_of_code, note_code
from charbench.store.dialect import add_totals, among, insert, insert_tuples
from charbench.store.prompt_totals import AnswersByPrompt, count_scores
from charbench.store.sample_reader import SampleReader
from charbench.store.samples import add_group_totals, count_answer, count_sample, forget_failures
from charbench.store.scores import totals_of
from charbench.store.served import count_provenances
from charbench.store.summaries import REMOVED

CHUNK = 500
Row = dict[str, Any]
Numbers = dict[int, int]
"""A row's number in the old store, and its number in the new one."""


@dataclass(slots=True)
class Added:
    """How many results a merge has added."""

    samples: int = 0
    scored: int = 0
    """Samples that a scorer has scored, counted once a scorer."""
    games: int = 0


def merge(old: Connection, new: Connection) -> Added:
    """Add to ``new`` what ``old`` has and it lacks; return what was added."""
    return _Merge(old, new).everything()


@dataclass
class _Merge:
    old: Connection
    new: Connection
    runs: Numbers = field(default_factory=dict)
    samples: dict[int, tuple[int, int]] = field(default_factory=dict)
    """A sample's number in the old store; its number and its group's in the new one."""
    added: Added = field(default_factory=Added)

    def everything(self) -> Added:
        self.runs = self._numbers(t.runs, ("host", "pid", "process_started", "started_at"))
        checkpoints = self._numbers(t.checkpoints, ("uri",))
        self._add(t.evidence, checkpoint_id=checkpoints)
        self._add(t.datasets)
        self._add(t.endpoint_addresses)
        self._add(t.training_runs)
        prompts = self._numbers(t.prompts, ("key", "prompt_id", "family"))
        samplings = self._numbers(t.samplings, ("key",), last_run_id=self.runs)
        self._codes_of_samplers(samplings)
        empty = dict.fromkeys(t.GROUP_TOTALS, 0)
        links = {"checkpoint_id": checkpoints, "sampling_id": samplings}
        groups = self._numbers(t.groups, tuple(links), empty, **links)
        self._samples(groups, prompts, self._numbers(t.provenances, ("key",)))
        self._removals(groups)
        scorings = self._numbers(t.scorings, ("key",), last_run_id=self.runs)
        series = self._numbers(t.series, ("scoring_id", "metric", "channel"), scoring_id=scorings)
        self._scores(scorings, series)
        whole = {number: one for number, (one, _) in self.samples.items()}
        links = {"scoring_id": scorings, "first_id": whole, "second_id": whole, "run_id": self.runs}
        self.added.games = self._add(t.games, **links)
        self._add(t.label_items, sample_id=whole)
        self._add(t.label_chances)
        self._add(t.labels)
        self._training()
        self._diagnoses()
        return self.added

    # Rows that are added as they are, but for the numbers that they refer to.

    def _add(self, table: sa.Table, **links: Numbers) -> int:
        """Return how many rows the new store did not have."""
        added = 0
        for rows in self._rows(table, links):
            statement = insert(self.new, table).on_conflict_do_nothing().returning(sa.literal(1))
            added += len(self.new.execute(statement, [_without_number(row) for row in rows]).all())
        return added

    def _numbers(self, table: sa.Table, key: tuple[str, ...], fixed: Row | None = None, /, **links: Numbers) -> Numbers:
        """Add a table's rows, and return the number of each in both stores."""
        old: dict[tuple[Any, ...], int] = {}
        for rows in self._rows(table, links):
            old.update({tuple(row[name] for name in key): row["id"] for row in rows})
            known = {one[1:] for one in self._keys(table, key)}
            missing = [row for row in rows if tuple(row[name] for name in key) not in known]
            if missing:
                values = [_without_number(row) | (fixed or {}) for row in missing]
                self.new.execute(insert(self.new, table).on_conflict_do_nothing(), values)
        return {old[one[1:]]: one[0] for one in self._keys(table, key) if one[1:] in old}

    def _keys(self, table: sa.Table, key: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
        query = sa.select(table.c.id, *(table.c[name] for name in key))
        return (tuple(row) for row in self.new.execute(query))

    def _rows(self, table: sa.Table, links: dict[str, Numbers], where: Any = None) -> Iterator[list[Row]]:
        """Yield a table's rows in chunks, with the new numbers; one that refers to what is not there is left out."""
        query = sa.select(table).order_by(*table.primary_key)
        result = self.old.execute(query if where is None else query.where(where))
        for part in result.partitions(CHUNK):
            rows = [dict(row._mapping) for row in part]
            for row in rows:
                row.update({name: numbers.get(row[name]) for name, numbers in links.items()})
            if table is t.scorings:
                self._keep_codes_apart(rows)
            if kept := [row for row in rows if all(row[name] is not None for name in links)]:
                yield kept

    # Versions of the code of plugins.

    def _keep_codes_apart(self, scorings: Sequence[Row]) -> None:
        """Give those a key of their own whose scores are by other code than those under their key in the new store."""
        query = sa.select(t.scorings.c.key, t.scorings.c.version)
        known = {row.key: row.version for row in self.new.execute(query)}
        for row in scorings:
            there, version = known.get(row["key"]), row["version"]
            if there and version and set(there.split()).isdisjoint(version.split()):
                row["key"] = key_of_code(row["key"], version.split()[0])

    def _codes_of_samplers(self, samplings: Numbers) -> None:
        """Note which versions of the samplers' code have made samples, in either store."""
        query = sa.select(t.samplings.c.id, t.samplings.c.version).where(t.samplings.c.version.is_not(None))
        for number, version in self.old.execute(query):
            for code in version.split():
                note_code(self.new, t.samplings, samplings[number], code)

    # Samples and scores, which totals are kept of.

    def _samples(self, groups: Numbers, prompts: Numbers, provenances: Numbers) -> None:
        reader = SampleReader()
        for rows in self._rows(t.samples, {"group_id": groups, "prompt_id": prompts, "run_id": self.runs}):
            for row in rows:
                row["provenance_id"] = provenances.get(row["provenance_id"])
            totals: dict[int, Row] = {}
            answers = AnswersByPrompt()
            forget_failures(self.new, [row["key"] for row in rows if row["error_kind"] is None], totals)
            statement = insert(self.new, t.samples).on_conflict_do_nothing().returning(t.samples.c.id)
            fresh = list(self.new.scalars(statement, [_without_number(row) for row in rows]))
            for stored in reader.read(self.new, sorted(fresh)):
                count_sample(totals, stored.group_id, stored.sample, +1)
                count_answer(answers, stored.group_id, stored.prompt_id, stored.sample)
            add_group_totals(self.new, totals)
            taken = sa.select(t.samples.c.group_id, t.samples.c.provenance_id).where(
                among(self.new, t.samples.c.id, sorted(fresh))
            )
            count_provenances(self.new, self.new.execute(taken).mappings().all(), +1)
            answers.add(self.new)
            self.added.samples += len(fresh)
            keys = [row["key"] for row in rows]
            query = sa.select(t.samples.c.key, t.samples.c.id, t.samples.c.group_id)
            found = {one.key: (one.id, one.group_id)
                     for one in self.new.execute(query.where(among(self.new, t.samples.c.key, keys)))}  # fmt: skip
            self.samples.update({row["id"]: found[row["key"]] for row in rows})

    def _removals(self, groups: Numbers) -> None:
        """Note which removals have the samples that are removed in both stores, so that they can be restored."""
        query = sa.select(t.groups.c.id).join(t.samplings, t.samplings.c.id == t.groups.c.sampling_id)
        of_removed = set(self.new.scalars(query.where(t.samplings.c.condition == REMOVED)))
        removed = {number: one for number, (one, group) in self.samples.items() if group in of_removed}
        removals = self._numbers(t.removals, ("what", "at"))
        self._add(t.removed_samples, sample_id=removed, removal_id=removals, group_id=groups)

    def _scores(self, scorings: Numbers, series: Numbers) -> None:
        links = {"sample_id": {old: new for old, (new, _) in self.samples.items()}, "scoring_id": scorings}
        group_of = dict(self.samples.values())
        declared = self.new.execute(sa.select(t.series.c.id, t.series.c.threshold))
        thresholds = {row.id: row.threshold for row in declared}
        for rows in self._rows(t.scored, links):
            statement = insert(self.new, t.scored).on_conflict_do_nothing()
            added = self.new.execute(
                statement.returning(t.scored.c.id, t.scored.c.sample_id, t.scored.c.scoring_id),
                [_without_number(row) for row in rows],
            )
            numbers = {(one.sample_id, one.scoring_id): one.id for one in added}
            self.added.scored += len(numbers)
            fresh = {row["id"]: row for row in rows if (row["sample_id"], row["scoring_id"]) in numbers}
            values: list[tuple[int, int, float | None]] = []
            given: defaultdict[tuple[int, int], list[float | None]] = defaultdict(list)
            query = sa.select(t.scores).where(among(self.old, t.scores.c.scored_id, list(fresh)))
            for score in self.old.execute(query):
                row, number = fresh[score.scored_id], series[score.series_id]
                values.append((numbers[row["sample_id"], row["scoring_id"]], number, score.value))
                given[number, group_of[row["sample_id"]]].append(score.value)
            insert_tuples(self.new, t.scores, values)
            summed = [
                {"series_id": number, "group_id": group, **asdict(totals_of(mine, thresholds[number]))}
                for (number, group), mine in given.items()
            ]
            add_totals(self.new, t.score_totals, ("series_id", "group_id"), summed)
            count_scores(self.new, among(self.new, t.scored.c.id, list(numbers.values())), +1)

    # Training: a job's own attempts are kept together; a state or a result that the other lacks is taken over.

    def _training(self) -> None:
        known = {row.job_id: row for row in self.new.execute(sa.select(t.jobs))}
        for rows in self._rows(t.jobs, {}):
            for row in rows:
                mine = known.get(row["job_id"])
                if mine is None:
                    self.new.execute(sa.insert(t.jobs), [_without_number(row)])
                elif mine.status != JobStatus.COMPLETE.value and _is_further(row, mine):
                    values = {name: value for name, value in row.items() if name not in ("id", "job_id")}
                    values["attempts"] = max(row["attempts"], mine.attempts)
                    self.new.execute(sa.update(t.jobs).where(t.jobs.c.job_id == row["job_id"]).values(**values))
        self._add(t.training_steps)
        self._add_unequal(t.training_states, ("job_id", "uri"))

    def _diagnoses(self) -> None:
        self._add_unequal(t.diagnoses, ("checkpoint", "persona", "sampler", "cause", "at"))

    def _add_unequal(self, table: sa.Table, key: Sequence[str]) -> None:
        """Add the rows of a table without a key of its own that differ in these columns from all that are there."""
        same: Callable[[Any], tuple[Any, ...]] = lambda row: tuple(row[name] for name in key)  # noqa: E731
        known = {same(row._mapping) for row in self.new.execute(sa.select(table))}
        for rows in self._rows(table, {}):
            if fresh := [_without_number(row) for row in rows if same(row) not in known]:
                self.new.execute(sa.insert(table), fresh)


def _is_further(row: Row, mine: Any) -> bool:
    return bool(row["status"] == JobStatus.COMPLETE.value or row["attempts"] > mine.attempts)


def _without_number(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "id"}
