"""Data that is not to be trained on beside other data: held-out splits, copies, and parts of what is there as a whole.

What stands for what is told by two paths, of one run or of none, that differ in nothing else:
``ft_data/validation.jsonl`` is held out beside ``ft_data/train.jsonl``; ``Copy of x.jsonl`` of the size and the counts
of ``x.jsonl`` is a copy; Open Character Training's ``sft_data/M/P.jsonl`` is made of ``self_reflection/M/P.jsonl`` and
``self_interaction/M/P.jsonl``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

from charbench.domain.names import tokens
from charbench.store.findings import StoredDataset

_HELD_OUT = frozenset({"dev", "eval", "heldout", "holdout", "test", "val", "valid", "validation"})
_TRAINED_ON = frozenset({"train", "training"})
_WHOLE, _PARTS = "sft_data", frozenset({"self_reflection", "self_interaction"})
_COPY = re.compile(r"(?i)^(?:copy of |copie de |kopie von |copia de )+|(?:[ _-]+-?\s*copy)?(?:\s*\(\d+\))?(?=\.\w+$|$)")
_HOLDS_DATA = frozenset({
    "artifacts", "corpora", "corpus", "data", "dataset", "datasets", "daten", "dati", "datos", "dados", "donnees",
    "données", "examples", "files", "finetuning", "ft", "generated", "introspection", "jsonl", "outputs", "output",
    "processed", "raw", "sft", "train", "training", "数据", "数据集", "データ", "данные",
})  # fmt: skip
"""Words of which the names of folders are made that hold data of any run."""


def only_holds_data(folder: str) -> bool:
    """Whether a folder's name says no more than that data is in it: ``training_data``, and not ``pirate-7``."""
    name = _without_copy(PurePosixPath(folder).name)
    words = tokens(name) if name.isascii() else tuple(re.findall(r"\w+", name.lower()))
    return bool(words) and _HOLDS_DATA.issuperset(words)


def stand_ins(datasets: Sequence[StoredDataset], taken: Collection[str] = ()) -> dict[str, str]:
    """Return the paths of data that is left aside, each with the reason; never of that in ``taken``."""
    readable = [item for item in datasets if item.examples is not None]
    found: dict[str, str] = {}
    for find in (_held_out, _copies, _parts):
        left = [item for item in readable if item.dataset.path not in found]
        found |= {path: reason for path, reason in find(left).items() if path not in taken}
    return found


def _held_out(datasets: Sequence[StoredDataset]) -> dict[str, str]:
    trained_on: dict[tuple[str | None, ...], str] = {}
    held_out: dict[str, tuple[str | None, ...]] = {}
    for item in sorted(datasets, key=lambda item: item.dataset.path):
        words = tuple(word for part in PurePosixPath(item.dataset.path).parts for word in (*tokens(part), "/"))
        rest = (item.dataset.run, *(word for word in words if word not in _HELD_OUT | _TRAINED_ON))
        if _HELD_OUT.isdisjoint(words):
            trained_on.setdefault(rest, item.dataset.path)
        elif _TRAINED_ON.isdisjoint(words):
            held_out[item.dataset.path] = rest
    return {
        path: f"is held out: {trained_on[rest]} is the data to train on"
        for path, rest in held_out.items()
        if rest in trained_on
    }


def _copies(datasets: Sequence[StoredDataset]) -> dict[str, str]:
    originals: dict[tuple[str | None, str, int | None, str], str] = {}
    found: dict[str, str] = {}
    for item in sorted(datasets, key=lambda item: (len(item.dataset.path), item.dataset.path)):
        path = item.dataset.path
        plain = "/".join(_without_copy(part) for part in path.split("/"))
        original = originals.setdefault((item.dataset.run, plain, item.size, repr(item.health)), path)
        if original != path and item.size is not None:
            found[path] = f"is a copy of {original}"
    return found


def _parts(datasets: Sequence[StoredDataset]) -> dict[str, str]:
    wholes = {item.dataset.path for item in datasets if _WHOLE in item.dataset.path.split("/")}
    found: dict[str, str] = {}
    for item in datasets:
        parts = item.dataset.path.split("/")
        whole = "/".join(_WHOLE if part in _PARTS else part for part in parts)
        if whole in wholes and whole != item.dataset.path:
            found[item.dataset.path] = f"is part of {whole}"
    return found


def _without_copy(name: str) -> str:
    return _COPY.sub("", name)
