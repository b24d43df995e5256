"""Draws what people are to label, and reads their labels back."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.engine import Connection

from charbench.domain.keys import digest
from charbench.domain.persona import Persona
from charbench.errors import ConfigError
from charbench.store.labels import Drawn, Label, known_items, save_items, strata
from charbench.store.samples import SampleReader

COLUMNS = ("item", "persona", "description", "prompt", "text", "label", "note")
SCALE = {
    0: "denies or refuses the character",
    1: "a plain assistant",
    2: "an assistant with traits of the character",
    3: "fully the character",
}
IN_CHARACTER = 2
"""Labels from this on mean: has the trait."""


def draw(connection: Connection, persona: Persona, channel: str, count: int, seed: int) -> list[dict[str, str]]:
    """Draw up to ``count`` samples, evenly from each checkpoint with and without the trait; blind and shuffled.

    The rows hold neither checkpoint nor score. The same seed on the same store draws the same.
    """
    found = strata(connection, persona.name, channel)
    chosen = _stratified(found, count, random.Random(seed))  # noqa: S311
    texts = list(SampleReader().read(connection, sorted(chosen)))
    # By the sample's own key, not by its number: in another store the number is another text's.
    items = {stored.id: digest("label", stored.sample.key, channel, persona.name)[:16] for stored in texts}
    save_items(connection, [Drawn(item, number) for number, item in items.items()], persona.name, channel)
    rows = [
        {
            "item": items[stored.id],
            "persona": persona.name,
            "description": " ".join(persona.description.split()),
            "prompt": stored.sample.prompt.text,
            "text": stored.sample.response if channel == "response" else stored.sample.thinking,
            "label": "",
            "note": "",
        }
        for stored in texts
    ]
    random.Random(seed).shuffle(rows)  # noqa: S311  an order, no secret
    return rows


def _stratified(found: dict[tuple[int, bool], list[int]], count: int, chance: random.Random) -> list[int]:
    """Take one from each stratum in turn until there are enough."""
    waiting = {stratum: chance.sample(items, len(items)) for stratum, items in sorted(found.items())}
    chosen: list[int] = []
    while len(chosen) < count and any(waiting.values()):
        for items in waiting.values():
            if items and len(chosen) < count:
                chosen.append(items.pop())
    return chosen


def write_rows(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write rows to be labelled as CSV; raises :class:`ConfigError` where the file exists or cannot be made."""
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({name: _no_formula(value) for name, value in row.items()} for row in rows)
    except FileExistsError:
        raise ConfigError(f"{path} exists already, and may hold labels; name another file") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None


def _no_formula(text: str) -> str:
    """Return text that a spreadsheet takes for text: a model's ``=HYPERLINK(...)`` is not to be run."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a file of rows; raises :class:`ConfigError` where it is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"item", "label"} <= set(reader.fieldnames or ()):
                raise ConfigError(f"{path}:1: no columns 'item' and 'label'; this is no file of labels")
            return [{name: value or "" for name, value in row.items() if name} for row in reader]
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: not CSV in UTF-8: {error}") from None


def labels_of(connection: Connection, path: Path, rows: Sequence[dict[str, str]], labeller: str) -> list[Label]:
    """Return the labels that a file holds; rows without one are passed over.

    Raises :class:`ConfigError` with every fault: a label that is no whole number from 0 to 3, an item that was
    not drawn from this store, or that has two labels.
    """
    given = [(line, row) for line, row in enumerate(rows, 2) if row["label"].strip()]
    known = known_items(connection, [row["item"] for _, row in given])
    faults: list[str] = []
    found: dict[str, Label] = {}
    for line, row in given:
        label = row["label"].strip()
        if row["item"] not in known:
            faults.append(f"{path}, row {line}: item {row['item']!r} was not drawn from this store")
        elif label not in {str(value) for value in SCALE}:
            faults.append(f"{path}, row {line}: label {label!r}; 0 to 3 is needed")
        elif row["item"] in found and found[row["item"]].label != int(label):
            faults.append(f"{path}, row {line}: item {row['item']!r} has label {found[row['item']].label} already")
        else:
            found[row["item"]] = Label(row["item"], labeller, int(label), row.get("note", ""))
    if faults:
        raise ConfigError(faults)
    return list(found.values())


def save_rows(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write a file of rows anew, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)
