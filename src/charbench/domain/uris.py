"""The grammar of ``tinker://`` paths, and what a checkpoint's URI says about its use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
SKYRL = r"model_[0-9a-f]{8}"
"""Run ids of SkyRL's server, which speaks the same protocol on one's own machines."""
_TINKER = re.compile(
    rf"tinker://(?P<run>{UUID}(?::[a-z]+:\d+)?|{SKYRL})"
    r"/(?P<space>weights|sampler_weights|external_weights)"
    r"/(?P<name>[A-Za-z0-9](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_])?)"
)
SERVED = "model:"
"""Scheme of a model that is known only by the name under which it is served."""
BASE = "base:"
"""Scheme of a base model that is known by its name."""
_RUN = re.compile(r"([0-9a-fA-F]{8})-[0-9a-fA-F-]{27}(?::train:0)?")
_SAMPLER_SUFFIX = re.compile(r"[-_]sampler$")


@dataclass(frozen=True, slots=True)
class TinkerPath:
    """``tinker://<run>/<space>/<name>``; run is ``<uuid>``, ``<uuid>:train:<n>`` or ``model_<8 hex>``."""

    run: str
    space: str
    name: str

    @classmethod
    def parse(cls, text: str) -> TinkerPath | None:
        """Return the path that ``text`` is, as a whole; None if it is not one."""
        match = _TINKER.fullmatch(text)
        return cls(match["run"], match["space"], match["name"]) if match else None

    def __str__(self) -> str:
        return f"tinker://{self.run}/{self.space}/{self.name}"

    @property
    def plain_name(self) -> str:
        """The name without the ``-sampler`` that some tools append to sampler weights."""
        return _SAMPLER_SUFFIX.sub("", self.name) if self.space == "sampler_weights" else self.name


def save_of(uri: str) -> tuple[str, str]:
    """Return what the two URIs of one save have in common, its run and plain name; another URI stands for itself."""
    path = TinkerPath.parse(uri)
    return (path.run, path.plain_name) if path else ("", uri)


def told_apart(uris: Iterable[str]) -> dict[str, str]:
    """Return for each of several URIs what people tell it by: its first segment that no other one has.

    Of a UUID that is its first eight digits. A URI without such a segment is told by the whole of it.
    """
    segments = {uri: _RUN.sub(r"\1", uri).split("/") for uri in dict.fromkeys(uris)}
    having = Counter(segment for mine in segments.values() for segment in set(mine))
    return {uri: next((one for one in mine if one and having[one] == 1), uri) for uri, mine in segments.items()}


def labels_apart(named: Sequence[tuple[str, str]]) -> list[str]:
    """Return a label for each name and URI: the name, and what its URI is told by where several URIs have the name."""
    uris: dict[str, set[str]] = {}
    for name, uri in named:
        uris.setdefault(name, set()).add(uri)
    told = {name: told_apart(sorted(having)) for name, having in uris.items() if len(having) > 1}
    return [f"{name} {told[name][uri]}" if name in told else name for name, uri in named]


def match_tinker_path(text: str) -> TinkerPath | None:
    """Return the longest ``tinker://`` path that ``text`` starts with; None if it starts with none."""
    match = _TINKER.match(text)
    return TinkerPath(match["run"], match["space"], match["name"]) if match else None


def is_trainable(uri: str) -> bool:
    """Whether training can continue from ``uri``.

    Tinker tells training ``weights/`` from sampling ones; a served model (``model:NAME``) can only be
    sampled; elsewhere one URI serves both.
    """
    path = TinkerPath.parse(uri)
    return path.space == "weights" if path else not uri.startswith(SERVED)


def is_sampleable(uri: str) -> bool:
    """Whether ``uri`` can be sampled: everything but Tinker's training ``weights/``."""
    path = TinkerPath.parse(uri)
    return path.space != "weights" if path else True
