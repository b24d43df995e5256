"""Finds recorded samples in a lab's folder, and the checkpoints that they were taken from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import PurePath

from pydantic import Field

from charbench import (
    Checkpoint,
    CheckpointSource,
    Evidence,
    Finding,
    Holds,
    Kind,
    Lab,
    LabFile,
    LabPath,
    RecordedFile,
    RecordedSample,
    SourceProblem,
    added,
    short_list,
)
from charbench_plugins.recorded.batches import Batches
from charbench_plugins.recorded.columns import SYSTEM_COLUMNS, Reading
from charbench_plugins.recorded.files import Recording, read_recordings
from charbench_plugins.recorded.folders import Folders
from charbench_plugins.recorded.names import NamesOfUris, sampled_in_several_ways
from charbench_plugins.recorded.tables import BadRow
from charbench_plugins.row_files import ROWS, TABLES, contents_of_file
from charbench_plugins.ways_of_asking import (
    DEFAULT,
    SAMPLING_COLUMNS,
    Ways,
    WaysTogether,
    temperature_in_name,
    with_temperature,
)

_CALLED = ("artifacts/*checkpoint_test*.csv", "artifacts/*checkpoint_test*.jsonl", "recordings/*.*")
"""Names of files that are recordings, whatever can be read in them."""
_WAYS = "|".join((*SYSTEM_COLUMNS, *SAMPLING_COLUMNS))
_NAMES_WAYS = re.compile(rf"""(?:^|["'\ufeff,;\t|\n])[ ]*(?i:{_WAYS})[ ]*(?:["'\\,;\t|\r\n]|$)""")
"""What ways of asking differ in, as a column, a key or the role of a turn; not the word alone."""
_HEADER_TEMPERATURE = re.compile(r'"temperature"\s*:\s*"?(\d+(?:\.\d+)?)\b')
_ROWS_BEGIN = re.compile(r"\[\s*\{")
_SHOWN = 4
"""So many folders are named that a recording's name can be."""


class RecordedSource(CheckpointSource):
    """Recorded samples in CSV, TSV, JSON Lines, JSON or Parquet files, and the checkpoints they were taken from."""

    name = "recorded"
    matches_file_alone = True

    class Config(CheckpointSource.Config):
        """Where the recordings lie, relative to the lab."""

        files: list[LabPath] = Field([], description="patterns of files with recorded samples; default: by content")
        encoding: str | None = added(None, description="encoding of files that are not UTF-8; none: it is detected")
        columns: dict[str, str | list[str]] = added(
            {}, description="names of columns that are called otherwise: {prompt: my_question, response: [reply, text]}"
        )
        checkpoints: dict[LabPath, str | dict[str, str]] = added(
            {},
            description="the checkpoint that a file's rows are of, by path or pattern: {evals/*.csv: 'model:{stem}'}; "
            "{folder} and {stem} stand for those of the file; of a table with a column of answers for each checkpoint: "
            "{compare.csv: {base_output: base:Qwen/Qwen3-4B, lora_output: model:pirate}}",
        )
        requests: dict[LabPath, LabPath] = added(
            {},
            description="the file with the requests of a batch, by that of its results: "
            "{batch_output.jsonl: batch_input.jsonl}; default: found by custom_id",
        )

    config: Config

    def matches(self, file: LabFile) -> bool:
        """Whether a file holds recordings, or answers of which nobody can say whose they are; or is called so."""
        if any(fnmatchcase(file.shown, pattern) for pattern in (*_CALLED, *self.config.checkpoints)):
            return True
        if (
            self.config.columns
            and file.suffix in (*TABLES, *ROWS)
            and not file.name.endswith(".schema.json")  # it describes data, such as that of persona files
            and any(name in file.text for name in self._mapped())
        ):
            return True
        return contents_of_file(file).holds in (Holds.RECORDINGS, Holds.UNCLEAR)

    def _mapped(self) -> set[str]:
        """Return the names that the configuration gives for columns."""
        given = self.config.columns.values()
        return {name for names in given for name in ([names] if isinstance(names, str) else names)}

    def find(self, lab: Lab) -> Iterable[Finding]:
        """Yield every recording, each checkpoint at its first row, and rows that cannot be read or seem misfiled."""
        persona_of, batches = _persona_names(lab), Batches(lab, self.config.requests)
        ways = self._ways(lab, batches)
        named, together = NamesOfUris(), WaysTogether()
        for file, reading, unsure in self._files(lab, batches):
            if isinstance(reading, SourceProblem):
                yield reading
                continue
            seen, said = set[tuple[str, str]](), _temperature_of(file)
            for item in read_recordings(file.path, reading, lab.limits):
                if isinstance(item, BadRow):
                    yield SourceProblem(file.shown, item.message, item.line)
                    continue
                if (item.uri, item.persona) not in seen:  # one URI under two personas is a contradiction to show
                    seen.add((item.uri, item.persona))
                    yield self._checkpoint(persona_of, item, file.shown)
                named.add(item.uri, item.name, file.shown, item.line)
                sample = ways.placed(_sample(persona_of, item, file.shown, said))
                if sample.condition == DEFAULT:
                    together.add(sample, file.shown, item.line)
                yield sample
            yield from _of_several(unsure, file.shown)
        yield from named.problems()
        yield from sampled_in_several_ways(together)

    def recordings(self, lab: Lab) -> Iterator[RecordedSample | RecordedFile]:
        """Yield the recordings alone, and after those of a file whether all of it could be read.

        A file without a single row may be one that is just being written: it is not taken for whole.
        """
        persona_of, batches = _persona_names(lab), Batches(lab, self.config.requests)
        ways = self._ways(lab, batches)
        for file, reading, _ in self._files(lab, batches):
            if isinstance(reading, SourceProblem):
                continue
            rows, lost, said = 0, False, _temperature_of(file)
            for item in read_recordings(file.path, reading, lab.limits):
                if isinstance(item, Recording):
                    rows += 1
                    yield ways.placed(_sample(persona_of, item, file.shown, said))
                else:
                    lost |= item.is_lost
            yield RecordedFile(file.shown, whole=rows > 0 and not lost)

    def _files(
        self, lab: Lab, batches: Batches
    ) -> Iterator[tuple[LabFile, Reading | SourceProblem, dict[str, Sequence[str]]]]:
        """Yield each file with how it is read, or why it is not.

        Reading fills the mapping with names that can be several folders.
        """
        folders = Folders(lab)
        for file in lab.offered(self, self.config.files):
            unsure: dict[str, Sequence[str]] = {}
            reading = self._reading(folders, file.shown, unsure)
            requests = self._why_none(file, reading) or batches.requests_for(file)
            if not isinstance(requests, SourceProblem):
                yield file, replace(reading, requests=requests), unsure
            else:
                yield file, requests, unsure

    def _ways(self, lab: Lab, batches: Batches) -> Ways:
        """Return the ways in which checkpoints were asked; where a file names any, all files are read for them."""
        files = [(file, how) for file, how, _ in self._files(lab, batches) if not isinstance(how, SourceProblem)]
        if not any(how.requests or _NAMES_WAYS.search(f.text) or temperature_in_name(f.shown) for f, how in files):
            return Ways()
        persona_of = _persona_names(lab)
        return Ways.of(
            _sample(persona_of, item, file.shown, said)
            for file, reading in files
            for said in (_temperature_of(file),)
            for item in read_recordings(file.path, reading, lab.limits)
            if isinstance(item, Recording)
        )

    def _why_none(self, file: LabFile, reading: Reading) -> SourceProblem | None:
        """Say why a file holds no recordings; None if it does, or its rows say it one by one."""
        if reading.checkpoint or reading.answers or any(name in file.text for name in self._mapped()):
            return None
        contents = contents_of_file(file)
        if contents.holds is Holds.TRAINING:
            return SourceProblem(file.shown, f"holds training data ({contents.form}), not recorded samples")
        if contents.holds is Holds.UNCLEAR and not any(fnmatchcase(file.shown, pattern) for pattern in _CALLED):
            return SourceProblem(file.shown, contents.reason, minor=True)
        return None

    def _reading(self, folders: Folders, shown: str, unsure: dict[str, Sequence[str]]) -> Reading:
        """Return how a file is read: by the configuration's columns, and the checkpoint that it names for the file.

        ``unsure`` gets the names that can be several folders.
        """
        path = PurePath(shown)
        given = self.config.checkpoints
        named = given.get(shown) or next((uri for pattern, uri in given.items() if fnmatchcase(shown, pattern)), None)
        each = named if isinstance(named, dict) else {"": named} if named else {}
        each = {
            column: uri.replace("{folder}", path.parent.name).replace("{stem}", path.stem)
            for column, uri in each.items()
        }
        columns = {known: [names] if isinstance(names, str) else names for known, names in self.config.columns.items()}

        @cache
        def uri_of(name: str) -> str:
            uri, several = folders.uri(name, folders.root / path.parent)
            if several:
                unsure[name] = several
            return uri

        return Reading(self.config.encoding, columns, each.pop("", None), each, uri_of)

    def _checkpoint(self, persona_of: PersonaOf, item: Recording, shown: str) -> Checkpoint:
        return Checkpoint(
            uri=item.uri,
            name=item.name,
            kind=Kind(item.kind) if item.kind in {kind.value for kind in Kind} else Kind.UNKNOWN,
            persona=persona_of(item.persona),
            base_model=item.base_model or None,
            evidence=(Evidence(self.name, shown, item.line, f"recorded as {item.name}" if item.name else "recorded"),),
        )


def _of_several(unsure: Mapping[str, Sequence[str]], shown: str) -> Iterator[SourceProblem]:
    """Yield what is to be said of names that can be several folders."""
    for name, several in unsure.items():
        listed = short_list(several, _SHOWN)
        yield SourceProblem(
            shown,
            f"names the checkpoint {name}, and {len(several):,} folders are called so ({listed}): its answers count "
            f"for none of them. Write the folder's path instead, or name it with -o "
            f"'source.recorded.checkpoints={{{shown}: file:FOLDER}}'",
        )


PersonaOf = Callable[[str], str | None]


def _persona_names(lab: Lab) -> PersonaOf:
    """Return what finds the persona that a row names: each name is looked up once, not once a row."""
    return cache(lambda said: (lab.persona_of(said) or said) if said else None)


def _sample(persona_of: PersonaOf, item: Recording, shown: str, temperature: str | None) -> RecordedSample:
    sample = RecordedSample(
        checkpoint=item.uri,
        prompt=item.prompt,
        completion=item.completion,
        identity=item.identity,
        persona=persona_of(item.persona),
        epoch=item.epoch,
        condition=item.condition,
        key=item.key,
        source_file=shown,
        row_digest=item.says,
    )
    return with_temperature(sample, temperature)


def _temperature_of(file: LabFile) -> str | None:
    """Return the temperature that a file says of all of its rows: before they begin, or in its name."""
    if file.suffix == ".json" and file.text.lstrip("\ufeff \r\n\t").startswith("{"):
        begin = _ROWS_BEGIN.search(file.text)
        if begin and (said := _HEADER_TEMPERATURE.search(file.text, 0, begin.start())):
            return said[1]
    return temperature_in_name(file.shown)
