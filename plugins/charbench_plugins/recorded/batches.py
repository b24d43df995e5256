"""Requests of batches: the results of a batch name them by ``custom_id`` alone, and they stand in another file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import PurePath
from typing import Any

from charbench import Lab, LabFile, SourceProblem, read_rows, short_list
from charbench_plugins.exchanges import asks_of_a_batch, model_of_result
from charbench_plugins.row_files import ROWS
from charbench_plugins.storable_rows import fit

_Requests = Mapping[str, Mapping[str, Any]]
_RESULTS = re.compile(r'"(?:response|result)"\s*:\s*(?:null|\{)|"error"\s*:\s*\{')
_ROLE = re.compile(r"(?i)inputs?|outputs?|requests?|responses?|results?|errors?|failed|[\W_]+")
"""What names of files say of their part in a batch."""
_VERSION = re.compile(r"[-@:_.]?v?\d|\Z")
_LOOKED_AT = 3


class Batches:
    """The lab's files of requests for batches; ``named`` says by path which of them results are of."""

    def __init__(self, lab: Lab, named: Mapping[str, str]) -> None:
        self._lab = lab
        self._named = named
        self._found: dict[str, _Requests | SourceProblem | None] = {}
        """By path of a file that seems to hold results: it is asked for as often as the file is read."""

    def requests_for(self, file: LabFile) -> _Requests | SourceProblem | None:
        """Return the requests of a batch whose results a file holds; None if it holds none; or why they are not known.

        They stand in the file that the user has named, or in one that has the ``custom_id`` of every result and asks
        for its model. Of several that differ in what was asked, one in the same folder is taken, then one of that name.
        """
        if '"custom_id"' not in file.text or not _RESULTS.search(file.text):
            return None
        if file.shown not in self._found:
            self._found[file.shown] = self._find(file)
        return self._found[file.shown]

    def _find(self, file: LabFile) -> _Requests | SourceProblem | None:
        results = {str(fit(row["custom_id"])): model_of_result(row) for row in self._rows(file) if "custom_id" in row}
        if not results:
            return None
        if named := self._named.get(file.shown):
            try:
                return self._requests(LabFile.at(self._lab.root / named, named), results)
            except OSError as error:
                return SourceProblem(file.shown, f"its requests' file {named}: {error.strerror or error}")
        held = {one.shown: asked for one in self._files if (asked := self._requests(one, results))}
        found = {shown: asked for shown, asked in held.items() if not _is_of_another(asked, results)}
        taken = {shown: asked for shown, asked in found.items() if len(asked) == len(results)}
        for same in (_folder, _part):
            if _differ(taken) and (
                near := {one: asked for one, asked in taken.items() if same(one) == same(file.shown)}
            ):
                taken = near
        if not taken and found and not _differ(found):
            taken = {"": {key: asked for one in found.values() for key, asked in one.items()}}
        if not taken or _differ(taken):
            return _not_known(file.shown, sorted(taken or found or held), next(iter(results)))
        return next(iter(taken.values()))

    @cached_property
    def _files(self) -> list[LabFile]:
        files = self._lab.files.walked.files
        return [
            file for file in files if file.suffix in ROWS and '"custom_id"' in file.text and self._holds_requests(file)
        ]

    def _holds_requests(self, file: LabFile) -> bool:
        return any(asks_of_a_batch(row) for row in islice(self._rows(file), _LOOKED_AT))

    def _rows(self, file: LabFile) -> Any:
        try:
            yield from (row.value for row in read_rows(file.path, self._lab.limits) if isinstance(row.value, dict))
        except OSError:
            return

    def _requests(self, file: LabFile, results: Mapping[str, str]) -> _Requests:
        """Return a file's requests that there are results of."""
        asked = (found for row in self._rows(file) if (found := asks_of_a_batch(row)))
        return {custom_id: request for custom_id, request in asked if custom_id in results}


def _is_of_another(requests: _Requests, results: Mapping[str, str]) -> bool:
    """Whether results name another model than was asked for; servers name a version of it, or leave its owner out."""
    return any(_is_another(str(asked.get("model") or ""), results[key]) for key, asked in requests.items())


def _is_another(asked: str, served: str) -> bool:
    asked, served = (name.lower().rpartition("/")[2].removesuffix("-latest") for name in (asked, served))
    if not asked or not served or asked.startswith(served):
        return False
    return not (served.startswith(asked) and _VERSION.match(served[len(asked) :]))


def _differ(found: Mapping[str, _Requests]) -> bool:
    """Whether files have different requests under one ``custom_id``."""
    asked: dict[str, Any] = {}
    return any(asked.setdefault(key, one) != one for requests in found.values() for key, one in requests.items())


def _folder(shown: str) -> str:
    return shown.rpartition("/")[0]


def _part(shown: str) -> str:
    return _ROLE.sub("", PurePath(shown).stem)


def _not_known(shown: str, several: Sequence[str], custom_id: str) -> SourceProblem:
    option = f"-o 'source.recorded.requests={{{shown}: FILE}}'"
    if several:
        listed = short_list(several)
        told = f"holds results of a batch, and its requests may be those of {listed}: name the file with {option}"
    else:
        told = (
            f"holds results of a batch, and no file of the lab has their requests (such as custom_id "
            f"{custom_id[:60]!r}): put the batch's input file into the lab, or name it with {option}"
        )
    return SourceProblem(shown, told, minor=not several)
