"""Offers the files of a lab to sources: each to those that match it, by its name and first bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING

from charbench.components.calling import resolve
from charbench.components.containment import Broken, guarded
from charbench.components.file_memory import FileMemory
from charbench.components.garbage import no_collection
from charbench.components.lab_file import Answers, LabFile
from charbench.components.lab_path import paths_of
from charbench.components.lab_walk import MAX_FILES, Walked, walk

if TYPE_CHECKING:
    from charbench.components.source import CheckpointSource


class LabFiles:
    """A lab's files, walked once; ``sources`` are all that are asked, so that last resorts get what is left.

    ``skip`` are patterns of files and folders to leave out, ``max_files`` the most files that are looked at,
    ``memory`` keeps what is known of files that do not change; None: each is asked about anew.
    """

    def __init__(
        self, root: Path, skip: Sequence[str] = (), max_files: int = MAX_FILES, memory: FileMemory | None = None
    ) -> None:
        self._root = root
        self._skip = tuple(skip)
        self._max_files = max_files
        self._memory = memory
        self._questions: set[str] = set()
        self._sources: list[CheckpointSource] = []
        self._matched: dict[str, list[LabFile]] = {}
        self._broken: dict[str, Broken] = {}
        self.current: LabFile | None = None
        """The file that a source was given last and has not done with; None between files."""

    @cached_property
    def walked(self) -> Walked:
        """What the walk met; it is made when it is first asked for."""
        began = time_ns()
        with no_collection():
            walked = walk(self._root, self._skip, self._max_files)
            if self._memory:
                self._memory.recall(walked.files, began)
        return walked

    def remember(self) -> None:
        """Keep what was learnt of the files, for the next discovery."""
        if self._memory and self._questions:
            self._memory.save(self.walked.files, self._questions)

    @cached_property
    def _groups(self) -> list[tuple[Answers, list[LabFile]]]:
        """The files, those that were given the same answers together: most of a lab's files are alike."""
        groups: dict[int, tuple[Answers, list[LabFile]]] = {}
        for file in self.walked.files:
            key = id(file.answers)
            if key not in groups:
                groups[key] = file.answers, []
            groups[key][1].append(file)
        return list(groups.values())

    def answers(self, question: str, find: Callable[[LabFile], int]) -> Iterator[tuple[LabFile, int]]:
        """Yield each file whose answer is not 0, to a question of charbench's own that goes by the file alone."""
        name = f"{question}@{self._memory.code}" if self._memory else question
        self._questions.add(name)
        for known, files in self._groups:
            if known.get(name) == 0:
                continue
            for file in files:
                answer = file.answers.get(name)
                if found := file.learn(name, find(file)) if answer is None else answer:
                    yield file, found

    def announce(self, sources: Sequence[CheckpointSource]) -> None:
        """Note which sources are asked together."""
        self._sources = list(sources)
        self._matched, self._broken = {}, {}

    def offered(self, source: CheckpointSource, patterns: Sequence[str] = ()) -> Iterator[LabFile]:
        """Yield the files that a source matches; with ``patterns``, those of that name instead, in their order.

        Raises what :meth:`CheckpointSource.matches` raised.
        """
        files = self._named(patterns) if patterns else self.matched(source)
        try:
            for file in files:
                self.current = file
                yield file
        finally:
            self.current = None

    def matched(self, source: CheckpointSource) -> list[LabFile]:
        """Return the files that are a source's to read."""
        if source.name not in self._matched:
            if not any(known is source for known in self._sources):
                self._sources.append(source)
            with no_collection():
                self._match()
        if broken := self._broken.get(source.name):
            raise broken.error
        return self._matched[source.name]

    def _match(self) -> None:
        """Give each file to the sources that match it, and to last resorts where none does."""
        matchers = [source for source in self._sources if _has_matches(source)]
        groups = self._groups
        self._matched = {source.name: [] for source in self._sources}
        left = groups
        for source in sorted(matchers, key=lambda one: one.last_resort):
            if source.last_resort and left is groups:
                taken = {id(file) for mine in self._matched.values() for file in mine}
                left = [(known, [file for file in files if id(file) not in taken]) for known, files in groups]
            name = self._memory.name_of(source) if self._memory else None
            outcome = guarded(_matching, source, left, name)
            if isinstance(outcome, Broken):
                self._broken[source.name] = outcome
                continue
            self._matched[source.name] = outcome
            if name:
                self._questions.add(name)

    def _named(self, patterns: Sequence[str]) -> list[LabFile]:
        """Return the files that any of the patterns names; one that is no path stays in the lab."""
        found: set[Path] = set()
        for pattern in patterns:
            found.update(path for path in paths_of(self._root, pattern) if path.is_file())
        return [LabFile.at(path, _shown(path, self._root)) for path in sorted(found)]


def _matching(
    source: CheckpointSource, groups: Sequence[tuple[Answers, Sequence[LabFile]]], name: str | None
) -> list[LabFile]:
    """Return the files that a source matches; ``name`` is by which its answers are kept, None if they are not."""
    found: list[LabFile] = []
    for known, files in groups:
        answer = known.get(name) if name else None
        if answer is not None:
            found += files if answer else ()
        elif name is None:
            found += [file for file in files if _matches(source, file)]
        else:
            found += [file for file in files if _kept(source, file, name)]
    if len(groups) > 1:
        found.sort(key=lambda file: file.shown)
    return found


def _kept(source: CheckpointSource, file: LabFile, name: str) -> int:
    answer = file.answers.get(name)
    return file.learn(name, int(_matches(source, file))) if answer is None else answer


def _matches(source: CheckpointSource, file: LabFile) -> bool:
    answer = source.matches(file)
    return answer if answer is True or answer is False else bool(resolve(source, answer))


def _has_matches(source: CheckpointSource) -> bool:
    from charbench.components.source import CheckpointSource

    return type(source).matches is not CheckpointSource.matches


def _shown(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.as_posix()
