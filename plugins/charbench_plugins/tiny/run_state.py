"""What a training run stores besides its adapter and optimizer, and how a folder is replaced as a whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .recipe import TrainingRecipe

_STATE_FILE = "training_state.json"


@dataclass(frozen=True, slots=True)
class TrainingState:
    """Where a run stands. The order of batches follows from the recipe, so no random state is needed."""

    next_step: int
    recipe: TrainingRecipe
    examples_fingerprint: str

    def save(self, directory: Path) -> None:
        """Write a JSON file into the folder."""
        values = {
            "next_step": self.next_step,
            "recipe": self.recipe.to_json(),
            "examples_fingerprint": self.examples_fingerprint,
        }
        (directory / _STATE_FILE).write_text(json.dumps(values, indent=2) + "\n", "utf-8")

    @classmethod
    def load(cls, directory: Path) -> TrainingState:
        """Read what ``save`` wrote."""
        values = json.loads((directory / _STATE_FILE).read_text("utf-8"))
        recipe = TrainingRecipe.from_json(values["recipe"])
        return cls(values["next_step"], recipe, values["examples_fingerprint"])


@contextmanager
def replace_directory(directory: Path) -> Iterator[Path]:
    """A draft folder to fill; when the block ends well, it takes the place of ``directory``.

    A folder cannot be renamed onto one that is not empty, so the earlier one first steps aside to
    ``<name>.previous``. A process killed between the two renames leaves that, and ``find_state`` finds it; a
    draft that a killed process left is thrown away by the next. One process at a time may write.
    """
    draft = directory.with_name(f"{directory.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield draft
        previous = _previous(directory)
        if directory.exists():
            if previous.exists():
                shutil.rmtree(previous)
            directory.rename(previous)
        draft.rename(directory)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    if previous.exists():
        shutil.rmtree(previous)


def find_state(directory: Path) -> Path:
    """The folder that holds the newest complete state.

    Raises:
        FileNotFoundError: there is none.
    """
    for candidate in (directory, _previous(directory)):
        if (candidate / _STATE_FILE).exists():
            return candidate
    raise FileNotFoundError(f"no saved training state in {directory}")


def _previous(directory: Path) -> Path:
    return directory.with_name(f"{directory.name}.previous")
