"""What kind of text a file of a lab is, by its name and first bytes: a log, a notebook, or a document."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePosixPath

from charbench import LabFile

DATA_END = "_introspection.jsonl"


class Look(StrEnum):
    """What a text may be that names checkpoints."""

    LOG = "log"
    NOTEBOOK = "notebook"
    DOCUMENT = "document"
    """It tells of checkpoints, and no run wrote it: a list, a table, notes, a program that uses them."""


_LOG = re.compile(
    r"(?is)(?:.+\.(?:log|out|err|txt)|(?:.*[-_.])?(?:stdout|stderr|console|nohup|output|screenlog))(?:\.\d+)?(?:\.gz)?"
)
_PLAIN = re.compile(r"(?i)(?:readme|licen[cs]e|notice|authors|changelog|requirements|constraints)\b.*")
_DOCUMENTS = frozenset(
    {
        ".json",
        ".jsonl",
        ".ndjson",
        ".yaml",
        ".yml",
        ".csv",
        ".tsv",
        ".md",
        ".markdown",
        ".rst",
        ".toml",
        ".py",
        ".sh",
    }
)
_ROWS = frozenset({".jsonl", ".ndjson", ".csv"})
_MESSAGES = re.compile(
    rb"""(?isx) \s* (?: \{ (?= [^\n]* "@?(?:timestamp|time|ts|asctime|ingestionTime|logStreamName)"\s*: )
    [^\n]* "(?:message|msg|event|log|textPayload)"\s*: \s* "
    | (?:\w+,)* "?@?(?:timestamp|time)"? , (?:\w+,)* "?message"? [,\r\n] )"""
)
"""A log that was exported line by line: rows with a time and a message."""
_OF_A_TRACKER = re.compile(r"(?:.*/)?wandb/(?:[^/]+/)*debug(?:-[a-z]+)?\.log")
"""What W&B writes of itself beside a run's ``output.log``: it tells nothing of the run."""
_TOLD = re.compile(rb"(?i)\bstep[\s:=]+\d+\s*(?:/|of)|error|exception|exit|interrupt|killed|fault|memory|traceback")
_GENERIC = frozenset(
    {
        "console",
        "err",
        "log",
        "logs",
        "main",
        "nohup",
        "out",
        "output",
        "run",
        "std",
        "stderr",
        "stdout",
        "train",
        "training",
    }
)
"""Names of logs that say nothing: the run is called as the folder is."""
_WITHIN_A_RUN = frozenset({"files", "log", "logs"})
"""Folders inside of a run's, as W&B has them."""
_ENDS = re.compile(r"(?i)(?:\.(?:log|out|err|txt|ipynb|jsonl|ndjson|csv))?(?:\.\d+)?(?:\.gz)?$")


def look_of(file: LabFile) -> Look | None:
    """Return what a file may be, None where it is no text that names checkpoints."""
    name = file.name
    if name.lower().endswith(".ipynb"):
        return Look.NOTEBOOK
    if file.suffix in _DOCUMENTS:
        return Look.LOG if _MESSAGES.match(file.head) and file.suffix in _ROWS else Look.DOCUMENT
    if _LOG.fullmatch(name) and not _OF_A_TRACKER.fullmatch(file.shown):
        return Look.DOCUMENT if _PLAIN.fullmatch(name) else Look.LOG
    return None


def says_nothing(file: LabFile, look: Look) -> bool:
    """Whether a small file, of which all is known, names no checkpoint and, where it may be a log, no step or error."""
    head = file.head
    if file.size > len(head) or file.name.lower().endswith(".gz") or b"\0" in head:
        return False
    if b"://" in head or b"nker:" in head or b"file:" in head:
        return False
    return look is not Look.LOG or _TOLD.search(head) is None


def run_of(shown: str) -> str:
    """Return the path of the run that wrote a log: the log's own without its end, or its folder's.

    ``artifacts/logs/pirate.log`` is the run ``artifacts/logs/pirate``; ``runs/pirate/train.log`` is ``runs/pirate``,
    and ``wandb/run-1/files/output.log`` is ``wandb/run-1``.
    """
    path = PurePosixPath(shown)
    stem = _ENDS.sub("", path.name)
    folder = path.parent
    if stem.lower() not in _GENERIC or not folder.name:
        return str(folder / stem) if folder.name or path.is_absolute() else stem
    while folder.name.lower() in _WITHIN_A_RUN and folder.parent.name:
        folder = folder.parent
    return str(folder)
