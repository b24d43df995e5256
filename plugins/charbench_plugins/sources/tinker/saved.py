"""Reads what ``tinker -f json checkpoint list`` and ``run list`` printed into files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charbench import Evidence, FileFault, Finding, Lab, ReadLimits, SourceProblem, read_json
from charbench_plugins.sources.tinker.entries import finding_of

CLI_LIMIT = 20
"""Where ``tinker checkpoint list`` stops unless it is told otherwise."""


class NotAListing(ValueError):  # noqa: N818  says what it is not
    """A file that does not hold what the tinker command prints."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A file's checkpoints and runs; it has the one or the other."""

    checkpoints: list[Any]
    runs: list[Mapping[str, Any]]
    of_one_run: bool

    @property
    def looks_cut_short(self) -> bool:
        """Whether it ends where the command stops by default."""
        return len(self.checkpoints) == CLI_LIMIT and not self.of_one_run


def read_listing(path: Path, limits: ReadLimits) -> Listing:
    """Read one file; raises :class:`NotAListing`. Any of JSON's encodings will do (PowerShell writes UTF-16)."""
    try:
        data = read_json(path, limits)
    except FileNotFoundError as error:
        raise NotAListing(f"cannot be read: {error.strerror}") from None
    except FileFault as fault:
        raise NotAListing(fault.reason) from None
    fields = data if isinstance(data, dict) else {}
    checkpoints, runs = fields.get("checkpoints", []), fields.get("runs", [])
    if not isinstance(checkpoints, list) or not isinstance(runs, list) or not fields.keys() & {"checkpoints", "runs"}:
        raise NotAListing(
            "no list of 'checkpoints' in it; write it with: tinker -f json checkpoint list --limit 0 > FILE"
        )
    return Listing(checkpoints, [run for run in runs if isinstance(run, dict)], "run_id" in fields)


def saved_findings(paths: Iterable[Path], lab: Lab, source: str) -> Iterator[Finding]:
    """Yield the checkpoints of several listings; what a listing of runs tells goes into the others' checkpoints."""
    listings: list[tuple[str, Listing]] = []
    for path in paths:
        shown = lab.relative(path)
        try:
            listing = read_listing(path, lab.limits)
        except NotAListing as error:
            yield SourceProblem(shown, str(error))
            continue
        listings.append((shown, listing))
        if listing.looks_cut_short:
            yield SourceProblem(
                shown, f"{CLI_LIMIT} checkpoints, which is the tinker command's default limit; was --limit 0 omitted?"
            )
    runs = {str(run.get("training_run_id")): run for _, listing in listings for run in listing.runs}
    for shown, listing in listings:
        evidence = Evidence(source, shown, None, "saved listing")
        yield from (finding_of(row, runs, lab, evidence) for row in listing.checkpoints)
