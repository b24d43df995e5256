"""What discovery looked at: how many files, what they held, and which could not be used and why."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from heapq import nsmallest

from charbench.components.lab_file import LabFile
from charbench.components.lab_files import LabFiles
from charbench.components.source import Finding
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.dataset import Dataset, RecordedSample, SourceProblem, TrainingRun

_NAMED = 5
_UNDECIDED = 3
_OPTION = "-o "
_WORDS = re.compile(
    r"(?i)log|train|checkpoint|ckpt|sampl|eval|output|introspect|dpo|sft|persona|character|tinker|result"
)
_TEXTS = frozenset(
    {".log", ".txt", ".out", ".jsonl", ".json", ".csv", ".tsv", ".ipynb", ".parquet", ".yaml", ".yml", ".md"}
)

_TABLES = frozenset({".csv", ".tsv"})
_OF_TABLES = (
    "A table of recorded answers is known by its columns prompt, response and checkpoint; if yours have other names, "
    "give them: -o source.recorded.columns='{prompt: NAME, response: NAME, checkpoint: NAME}'."
)


@dataclass(slots=True)
class LookedAt:
    """What discovery looked at; ``seconds`` is how long it took.

    ``weights`` counts files of numbers, ``skipped`` folders that were not entered, ``limits`` say what was not
    looked at any more. ``unused`` are files that look like a log, data or a recording and gave nothing, each with
    the reason; ``promising`` are those to look at where nothing was found at all.
    """

    files: int = 0
    folders: int = 0
    weights: int = 0
    skipped: int = 0
    seconds: float = 0.0
    limits: list[str] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)
    promising: list[str] = field(default_factory=list)
    held: dict[str, set[str]] = field(default_factory=lambda: {"checkpoints": set(), "data": set(), "samples": set()})
    """Paths of the files that held each."""
    _runs: set[str] = field(default_factory=set)
    _quiet: set[str] = field(default_factory=set)
    """Paths of files that are not used and that nothing was said of yet."""

    def note(self, finding: Finding, file: LabFile | None) -> None:
        """Note what was found; ``file`` is the one that its source had in hand."""
        if isinstance(finding, RecordedSample):
            if file is not None:
                self.held["samples"].add(file.shown)
        elif isinstance(finding, Checkpoint):
            self.held["checkpoints"].update(place.path for place in finding.evidence)
        elif isinstance(finding, Dataset):
            self.held["data"].add(finding.path)
        elif isinstance(finding, TrainingRun):
            self._runs.add(finding.evidence.path)
        elif isinstance(finding, SourceProblem):
            self.unused.setdefault(finding.path, finding.message)
            self._quiet |= {finding.path} if finding.minor else set()

    def conclude(self, files: LabFiles) -> None:
        """Leave the files that were of use out of the unused ones, and see which are promising if none was."""
        used = self._runs.union(*self.held.values())
        self.unused = {path: reason for path, reason in self.unused.items() if path not in used}
        if not any(self.held.values()):
            likely = [(-score, -file.size, file.shown) for file, score in files.answers("promise", _promise) if score]
            self.promising = [shown for _, _, shown in nsmallest(_NAMED, likely)]

    def undecided(self) -> list[str]:
        """Return the first files that an option makes use of, each with why it was not used, for people."""
        told = [path for path, reason in self.unused.items() if path in self._quiet and _OPTION in reason]
        lines = [f"Not used: {path}: {self.unused[path]}" for path in told[:_UNDECIDED]]
        more = len(told) - len(lines)
        return [*lines, f"{more:,} more like {'this' if len(lines) == 1 else 'these'}."] if more else lines

    def lines(self) -> list[str]:
        """Return the summary, for people."""
        held = ", ".join(f"{len(paths):,} with {what}" for what, paths in self.held.items() if paths)
        files = "1 file" if self.files == 1 else f"{self.files:,} files"
        summary = f"Looked at {files} in {self.seconds:.1f} s: {held or 'none of use'}."
        if self.unused:
            summary += f" {len(self.unused):,} could not be used; --explain lists them."
        lines = [summary, *(f"Not looked at: {limit}" for limit in self.limits)]
        if self.promising:
            lines.append(f"The most promising: {', '.join(self.promising)}. What do they hold? See --explain.")
            lines += [_OF_TABLES] if any(path.endswith(tuple(_TABLES)) for path in self.promising) else []
        return lines


def _promise(file: LabFile) -> int:
    """Return how likely a file is a lab's, as its name and first bytes tell; 0 where nothing does."""
    if file.suffix not in _TEXTS:
        return 0
    score = 1 + len(_WORDS.findall(file.shown)) + 3 * (b"tinker://" in file.head) + (file.suffix in _TABLES)
    return score if score > 1 else 0
