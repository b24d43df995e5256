"""Checkpoints, their lineage, and the evidence for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from charbench.domain.uris import SERVED, TinkerPath, is_sampleable, is_trainable
from charbench.domain.words import one_of


class Kind(StrEnum):
    """What a checkpoint is: its last training stage."""

    BASE = "base"
    DPO = "dpo"
    SFT = "sft"
    RL = "rl"
    REWARD_MODEL = "reward_model"
    """It scores answers, and is never sampled."""
    MERGED = "merged"
    UNKNOWN = "unknown"


ACCOUNT = "api"
"""Path of evidence that is no file but an account's own listing: where sources disagree, it is believed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One place that mentions a checkpoint.

    ``path`` is the file (or ``api`` for an account listing, which is believed over files), ``line`` its
    1-based line or None, ``note`` what stands there in a few words (``saved``, ``input``, ``registry entry``, ...).
    """

    source: str
    path: str
    line: int | None = None
    note: str = ""

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where} ({self.note})" if self.note else where


@dataclass(frozen=True, slots=True)
class CompleteListing:
    """A place was listed to its end: what it listed before and no longer lists is missing.

    ``evidence`` is that of the checkpoints it listed, ``owners`` whose runs it listed: what belongs to somebody
    else is another account's, and stays.
    """

    evidence: Evidence
    owners: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a checkpoint was trained from: each field is None where nothing says."""

    parent: str | None = None
    """URI of the checkpoint that training started from."""
    dataset: str | None = None
    """Path of the training data."""
    renderer: str | None = None
    """Name of the chat renderer (``qwen3``, ``llama3``, ...) that training used."""
    recipe: str | None = None
    """Name of the training recipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Model weights at a URI. The URI is its identity; names are for people and may repeat."""

    uri: str
    name: str = ""
    kind: Kind = Kind.UNKNOWN
    persona: str | None = None
    base_model: str | None = None
    run: str | None = None
    """The training run that made it. A source says its path, relative to the lab: a log's without its end, or its
    folder's; people see the last name where it is unique."""
    lineage: Lineage = Lineage()
    created_at: datetime | None = None
    """In UTC, without a zone; so is ``expires_at``. None: not known."""
    expires_at: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What else is known. Read by charbench: ``size_bytes``, ``final`` (the run's last save), ``ttl_seconds``
    (how long it is kept; gives ``expires_at`` once its creation is known), ``never_expires``, and ``gone_since``
    (the day on which an account was seen to list it no more) with ``owner`` (whose run it is of)."""
    evidence: tuple[Evidence, ...] = ()

    def __post_init__(self) -> None:
        if type(self.kind) is not Kind:
            object.__setattr__(self, "kind", one_of(Kind, self.kind, "kind"))
        if not self.name:
            object.__setattr__(self, "name", name_from_uri(self.uri))

    @property
    def missing_since(self) -> str | None:
        """The day (``2024-12-31``) since which its account no longer lists it; None: it is listed."""
        return self.metadata.get("gone_since")

    @property
    def trainable(self) -> bool:
        """Whether training can continue from it."""
        return is_trainable(self.uri)

    @property
    def sampleable(self) -> bool:
        """Whether it can be sampled."""
        return is_sampleable(self.uri) and self.kind is not Kind.REWARD_MODEL

    @property
    def served_name(self) -> str | None:
        """What a server calls it; None: it is no model that is known by that alone."""
        return self.uri.removeprefix(SERVED) if self.uri.startswith(SERVED) else None

    def is_called(self, text: str) -> bool:
        """Whether ``text`` is the checkpoint's URI or name, what a server calls it, or a pattern of these (``a-*``)."""
        mine = [one for one in (self.uri, self.name, self.served_name) if one]
        return text in mine or (any(sign in text for sign in "*?[") and any(fnmatchcase(one, text) for one in mine))

    def is_wanted_as(self, text: str) -> bool:
        """Whether an option ``-c`` takes the checkpoint: where it :meth:`matches`, or by a pattern."""
        return self.matches(text) or self.is_called(text)

    def matches(self, text: str) -> bool:
        """Whether ``text`` is the checkpoint's URI, name or run, or what a server calls it.

        Of a run called by its path, the last name will do; of a checkpoint in a folder, that folder or the one above.
        """
        if text in (self.uri, self.name, self.run, self.served_name) or (self.run or "").endswith(f"/{text}"):
            return True
        folder = self.uri.removeprefix("file:")
        return folder != self.uri and text.rstrip("/") in (folder, folder.rpartition("/")[0]) and text != ""


def name_from_uri(uri: str) -> str:
    """Return the name that a URI itself suggests: its last segment, without ``-sampler``."""
    path = TinkerPath.parse(uri)
    return path.plain_name if path else uri.rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1]
