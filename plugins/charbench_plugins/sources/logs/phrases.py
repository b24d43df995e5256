"""Tells whether the run that wrote a log made a checkpoint that the log names, or took it as its input.

A line says so itself (``Saved training checkpoint``, ``Resumed training from``). Where it does not, the
checkpoint is the run's own if its run id is that of one said to be saved, or if its name is the run's;
else nobody can tell, and it is unclear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from charbench import TinkerPath
from charbench_plugins.sources.logs.line_shapes import ENDINGS, words_of


class UrlRole(StrEnum):
    """What a URL in a log is to the run; the value is the note in the evidence."""

    SAVED = "saved"
    MENTIONED = "mentioned"
    """The run's own, though the line does not say that it was saved."""
    INPUT = "input"
    USED = "used"
    UNCLEAR = "unclear"

    @property
    def product(self) -> bool:
        """Whether the run made the checkpoint."""
        return self in (UrlRole.SAVED, UrlRole.MENTIONED)


_INPUT = re.compile(
    r"(?i)(?:resum\w*|load\w*|start\w*|continu\w*|initiali[sz]\w*|restor\w*)\b[^:]*"
    r"\b(?:from|state)(?:\s+(?:the\s+)?(?:adapter|checkpoint|state|weights))?\W*$"
    r"|\b(?:(?:resum|load|restor|fetch|download)(?:ing|ed)?|pull(?:ing|ed))"
    r"(?:\s+(?:the|base|initial|parent|adapter|checkpoint|model|state|weights)){0,3}\W*$"
    r"|\b(?:base|initial|init|input|parent|pretrained|reference|source|starting|teacher|previous)"
    r"[\s_-]+(?:adapter|checkpoint|model|point|state|weights)(?:[\s_-]+path)?\W*$"
    r"|\bload[_-](?:checkpoint|state|weights)(?:[_-]path)?\W*$|\bwarm[\s_-]?start\w*(?:\s+from)?\W*$"
    r"|(?:\bfrom_state|_from_state|\binit_from|\bparent|\bresume_from|_from_checkpoint)\b[^)]*$"
    r"|\b(?:resum|load|restor|continu)\w*\s+from\b[^;,:]*\bsaved\b[^;,]*$"
)
_USED = re.compile(
    r"(?i)\b(?:evaluat\w*|sampl(?:ing|ed) from|using|judge|teacher|compar\w*|(?:create_)?sampling_client)\b[^:]*:?\W*$"
)
_MADE = re.compile(
    r"(?i)\b(?:sav(?:ed|ing)|wrote|written|stored|checkpointed|exported|uploaded|produced)\b"
    r"|\b(?:gespeichert|enregistr\w+|sauvegard\w+|guardad[oa]\w*|salv(?:o|ato|ata|ando)|сохран\w+)\b|保存|儲存|저장"
    r"|\bSave\w*Response\b|\b(?:state|sampler|sampler_weights|weights|final|new)[_-]?path\W*$|[✓✔✅]"
)
_STEPS = re.compile(r"(?:step|epoch|ep|s)?\d*")


def said_role(before: str) -> UrlRole | None:
    """Tell from the text before a URL what it is; None if that text does not say."""
    if _INPUT.search(before):
        return UrlRole.INPUT
    if _USED.search(before):
        return UrlRole.USED
    if _MADE.search(before):
        return UrlRole.SAVED if "saved" in before.lower() else UrlRole.MENTIONED
    return None


def roles(found: Sequence[tuple[TinkerPath, UrlRole | None]], run: str, own: Iterable[str] = ()) -> list[UrlRole]:
    """Return each URL's role, in their order.

    ``run`` is the run's name; ``own`` are run ids that are known to be its own.
    """
    made = {path for path, role in found if role and role.product}
    taken = {path.run for path, role in found if role is UrlRole.INPUT}
    ids = {path.run for path in made} | set(own)
    resolved = []
    for path, role in found:
        if role is None:
            mine = path.run in ids or path in made or (path.run not in taken and _named_after(path, run))
            role = UrlRole.MENTIONED if mine else UrlRole.UNCLEAR
        resolved.append(role)
    return resolved


def parents(found: Sequence[tuple[TinkerPath, UrlRole]]) -> list[str | None]:
    """Return for each URL the training weights that were the run's last input before it; None where there were none.

    Nothing is its own parent: weights that the run saved and loaded again are the parent of what comes after.
    """
    parent: TinkerPath | None = None
    result: list[str | None] = []
    for path, role in found:
        if role is UrlRole.INPUT and path.space == "weights":
            parent = path
        own = parent is not None and (parent.run, parent.plain_name) == (path.run, path.plain_name)
        result.append(str(parent) if parent and role.product and not own else None)
    return result


def _named_after(path: TinkerPath, run: str) -> bool:
    """Whether a checkpoint's name, its stage and step left out, is the run's, or a part of it."""
    name, of_run = _telling_words(path.plain_name), _telling_words(run)
    return bool(name) and (name <= of_run or (bool(of_run) and of_run <= name))


def _telling_words(name: str) -> set[str]:
    return {word for word in words_of(name.lower()) if word and word not in ENDINGS and not _STEPS.fullmatch(word)}
