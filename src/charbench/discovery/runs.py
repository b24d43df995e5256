"""Which training runs there are: each is a path, and what is said of one at several places is put together.

A run is identified by its path, relative to the lab: a log's (without its end) or a log folder's. Two paths are one run
where they saved under the same run ids, or where a log and a folder have the same last name, no other log or folder
has it, and not both saved something. What names a run by its last name alone (a registry, an account's notes, data in
``artifacts/X/``) joins the one run that has it; where several do, it joins none.

People see a run's last name where it is unique and more than numbers (as ``12-00-00`` of Hydra), else its path.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from charbench.domain.dataset import TrainingRun
from charbench.domain.uris import TinkerPath
from charbench.store import findings
from charbench.store.findings import Claim

_NUMBERS = re.compile(r"[\d\s.:_-]+")


def last_name(path: str) -> str:
    """Return the last name of a run's path."""
    return path.rstrip("/").rpartition("/")[2] or path


@dataclass(slots=True)
class _Place:
    """A path under which a run is known: what it saved, and whether it is a log's, a folder's, or a bare name."""

    path: str
    ids: set[str] = field(default_factory=set)
    is_log: bool = False
    is_folder: bool = False


class Runs:
    """The lab's runs, and what each is called."""

    def __init__(self, claims: Mapping[str, Sequence[Claim]], found: Iterable[TrainingRun]) -> None:
        self._places: dict[str, _Place] = {}
        for uri, said in claims.items():
            for claim in said:
                if claim.says.run:
                    place = self._place(claim.says.run)
                    place.ids.add(_run_id(uri))
                    self._note_form(place, claim.evidence.path)
        for run in found:
            self._note_form(self._place(run.name), run.evidence.path)
        self._parent: dict[str, str] = {path: path for path in self._places}
        self._owner: dict[str, str] = {}
        self._join_by_id()
        self._join_by_name()
        self._names = self._name_all()

    def name(self, path: str, uri: str | None = None) -> str:
        """Return what the run at a path is called; ``uri`` is what it saved, where a log tells of several runs."""
        owner = self._owner.get(_run_id(uri)) if uri else None
        return self._names.get(self._root(owner or path), path)

    def named(self, path: str) -> list[str]:
        """Return the runs that data in folder ``path``, or of a run of that name, may be for, by what they are called.

        The one that is or holds the folder, else all that have its last name.
        """
        folder = path
        while folder:
            if folder in self._places and (folder == path or self._places[folder].is_folder):
                return [self.name(folder)]
            folder = folder.rpartition("/")[0]
        wanted = last_name(path)
        roots = {self._root(one) for one in self._places if last_name(one) == wanted}
        return sorted(self._names[root] for root in roots)

    def inside(self, folder: str) -> str | None:
        """Return what the run is called whose folder ``folder`` is, or lies in; None where there is none."""
        while folder:
            if folder in self._places and self._places[folder].is_folder:
                return self.name(folder)
            folder = folder.rpartition("/")[0]
        return None

    def _place(self, path: str) -> _Place:
        return self._places.setdefault(path, _Place(path))

    def _note_form(self, place: _Place, evidence: str) -> None:
        if evidence == place.path or evidence.startswith(f"{place.path}/"):
            place.is_folder = True
        elif evidence.startswith(f"{place.path}."):
            place.is_log = True

    def _root(self, path: str) -> str:
        while (parent := self._parent.get(path, path)) != path:
            path = parent
        return path

    def _unite(self, one: str, other: str) -> None:
        first, second = sorted((self._root(one), self._root(other)), key=self._rank)
        self._parent[second] = first

    def _rank(self, path: str) -> tuple[bool, bool, int, str]:
        """Return what sorts the path that a run is best called by to the front: a log folder's, then a log's."""
        place = self._places[path]
        return "wandb" in path.split("/"), not place.is_folder, path.count("/"), path

    def _join_by_id(self) -> None:
        """Join what saved the same; a log of several runs stays one of its own, and owns what no other claims."""
        claiming: dict[str, list[str]] = defaultdict(list)
        for place in self._places.values():
            for run_id in place.ids:
                claiming[run_id].append(place.path)
        for run_id, paths in claiming.items():
            least = min(len(self._places[path].ids) for path in paths)
            smallest = [path for path in paths if len(self._places[path].ids) == least]
            for path in smallest[1:]:
                if self._places[path].ids == self._places[smallest[0]].ids:
                    self._unite(smallest[0], path)
            self._owner[run_id] = smallest[0]
        for place in self._places.values():
            others = {self._root(self._owner[run_id]) for run_id in place.ids} - {self._root(place.path)}
            if len(others) == 1:
                self._unite(others.pop(), place.path)

    def _join_by_name(self) -> None:
        same: dict[str, list[_Place]] = defaultdict(list)
        for place in self._places.values():
            same[last_name(place.path)].append(place)
        for places in same.values():
            logs = {self._root(one.path) for one in places if one.is_log}
            folders = {self._root(one.path) for one in places if one.is_folder}
            if len(logs) == len(folders) == 1 and logs != folders:
                (log,), (folder,) = logs, folders
                if not (self._saved(log) and self._saved(folder)):
                    self._unite(log, folder)
            sure = {self._root(one.path) for one in places if one.is_log or one.is_folder}
            if len(sure) == 1:
                for one in places:
                    self._unite(next(iter(sure)), one.path)

    def _saved(self, root: str) -> bool:
        return any(place.ids for place in self._places.values() if self._root(place.path) == root)

    def _name_all(self) -> dict[str, str]:
        roots = {self._root(path) for path in self._places}
        often: dict[str, int] = defaultdict(int)
        for root in roots:
            often[last_name(root)] += 1
        return {root: last_name(root) if often[last_name(root)] == 1 and _is_a_name(root) else root for root in roots}


def _is_a_name(path: str) -> bool:
    return _NUMBERS.fullmatch(last_name(path)) is None


def _run_id(uri: str | None) -> str:
    """Return the run that a URI belongs to; what is no Tinker path is its own."""
    path = TinkerPath.parse(uri or "")
    return path.run if path else uri or ""


def read_runs(connection: Connection) -> Runs:
    """Return the runs that the store tells of."""
    return Runs(findings.read_claims(connection), findings.read_training_runs(connection))
