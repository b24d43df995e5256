"""Which checkpoint a recording names by a word or a path: a URI, the folder with its weights, or a served model."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from charbench import Lab

_ADAPTER, _MODEL = "adapter_config.json", "config.json"
"""Files that tell a folder of a checkpoint."""
_WEIGHTS = (".safetensors", ".bin", ".gguf", ".pt")
_SAVE = re.compile(r"(?i)(?:global_?)?(?:checkpoint|ckpt|step|epoch|iter|final|last|best)(?:[-_=.]?\d+)?\Z")
"""Names of saves within a run; other names with a slash are those of models on a hub."""


class Folders:
    """The lab's folders of checkpoints, by the names that recordings have for them."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.root = lab.root

    def uri(self, name: str, beside: Path) -> tuple[str, Sequence[str]]:
        """Return the URI of a checkpoint that a recording names, and the folders that it may as well be, if several.

        That is a URI, a folder, or a served model. A folder is named from the lab's folder on, or from the
        recording's, which is ``beside`` it; one that is named by a word alone, or from the recording's folder on,
        has to hold an adapter or a model. Else it is the only folder in the lab that ends so; of several none is taken.
        """
        lab = self._lab
        if "://" in name or name.startswith(("file:", "model:", "base:")):
            return name, ()
        if "/" in name and os.path.isdir(lab.root / name):  # noqa: PTH112  it takes any text, and raises nothing
            return f"file:{lab.relative(lab.root / name)}", ()
        for folder in (beside / name, lab.root / name):
            if ".." not in folder.parts and any(os.path.isfile(folder / one) for one in (_ADAPTER, _MODEL)):  # noqa: PTH113
                return f"file:{lab.relative(folder)}", ()
        called = self._called(name)
        return (f"file:{called[0]}", ()) if len(called) == 1 else (f"model:{name}", called)

    def _called(self, name: str) -> list[str]:
        """Return the folders with weights whose paths end with a name."""
        parts = PurePosixPath(name.rstrip("/")).parts
        if not parts or ".." in parts or (len(parts) > 1 and not _SAVE.match(parts[-1])):
            return []
        found = self._by_leaf.get(parts[-1], ())
        return [one for one in found if PurePosixPath(one).parts[-len(parts) :] == parts and self._has_weights(one)]

    @cached_property
    def _by_leaf(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        configs = (file.shown for file in self._lab.files.walked.files if file.name in (_ADAPTER, _MODEL))
        for folder in dict.fromkeys(sorted(config.rpartition("/")[0] for config in configs)):
            found.setdefault(folder.rpartition("/")[2], []).append(folder)
        return found

    def _has_weights(self, folder: str) -> bool:
        try:
            return any(name.endswith(_WEIGHTS) for name in os.listdir(self._lab.root / folder))  # noqa: PTH208
        except OSError:
            return False
