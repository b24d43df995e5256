"""Draws what people are to label, and reads their labels back."""

from __future__ import annotations

import csv
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection

from charbench.domain.keys import digest
from charbench.domain.persona import Persona
from charbench.domain.sample import Sample
from charbench.errors import ConfigError
from charbench.scoring.label_draws import Selection, select
from charbench.store.label_frame import frame, said_by_headlines
from charbench.store.labels import DrawChance, Drawn, Label, drawn_items, save_chances, save_items
from charbench.store.sample_reader import SampleReader
from charbench.text.spreadsheet import no_formulas

COLUMNS = ("item", "persona", "description", "prompt", "text", "label", "note")
SCALE = {
    0: "denies or refuses the character",
    1: "a plain assistant",
    2: "an assistant with traits of the character",
    3: "fully the character",
}
_SCALE_IN_WORDS = ": " + ", ".join(f"{value} {meaning}" for value, meaning in SCALE.items())
_MOST_FAULTS = 20
_ITEM_LENGTH = 16
IN_CHARACTER = 2
"""Labels from this on mean: has the trait."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What was drawn for a persona: rows to label, of how many checkpoints, and how many of all have none."""

    rows: list[dict[str, str]]
    checkpoints: int
    without: int


def draw(connection: Connection, persona: Persona, channel: str, count: int, seed: int) -> Draw:
    """Draw up to ``count`` texts by :func:`charbench.scoring.label_draws.select`; blind and shuffled.

    The rows hold neither checkpoint nor score. The same seed on the same store draws the same. By what chance each
    was drawn is kept in the store: labels stay valid for scorers that come later.
    """
    texts = frame(connection, persona.name, channel)
    chosen = {
        one.sample: one for one in select(texts, said_by_headlines(connection, persona.name, channel), count, seed)
    }
    stored = list(SampleReader().read(connection, sorted(chosen)))
    drawn = [Drawn(_item(one.sample, channel, persona.name), one.id, channel, persona.name) for one in stored]
    save_items(connection, drawn)
    name = digest("draw", channel, persona.name, *(f"{one.item} {chosen[one.sample_id].chance}" for one in drawn))
    save_chances(connection, [_chance(name[:_ITEM_LENGTH], one.item, chosen[one.sample_id]) for one in drawn])
    rows = [
        {
            "item": one.item,
            "persona": persona.name,
            "description": " ".join(persona.description.split()),
            "prompt": its.sample.prompt.text,
            "text": _text(its.sample, channel),
            "label": "",
            "note": "",
        }
        for one, its in zip(drawn, stored, strict=True)
    ]
    random.Random(seed).shuffle(rows)  # noqa: S311  an order, no secret
    every = {text.checkpoint for text in texts.values()}
    return Draw(rows, len(every), len(every - {texts[sample].checkpoint for sample in chosen}))


def _chance(name: str, item: str, chosen: Selection) -> DrawChance:
    return DrawChance(name, item, chosen.stratum, chosen.chance, chosen.texts)


def _item(sample: Sample, channel: str, persona: str) -> str:
    """Return the name of what is labelled: another one for any other text.

    The sample's key alone is not enough: it says what was asked, and a model that is asked anew may answer otherwise.
    """
    return digest("label", sample.key, sample.prompt.key, _text(sample, channel), channel, persona)[:_ITEM_LENGTH]


def _text(sample: Sample, channel: str) -> str:
    return sample.response if channel == "response" else sample.thinking


def write_rows(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write rows to be labelled as CSV; raises :class:`ConfigError` where the file exists or cannot be made."""
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(map(no_formulas, rows))
    except FileExistsError:
        raise ConfigError(f"{path} already exists and may hold labels; name another file") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a file of rows; raises :class:`ConfigError` where it is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"item", "label"} <= set(reader.fieldnames or ()):
                raise ConfigError(f"{path}:1: no columns 'item' and 'label'; this is not a file of labels")
            return [{name: value or "" for name, value in row.items() if name} for row in reader]
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: not CSV in UTF-8: {error}") from None


def labels_of(connection: Connection, path: Path, rows: Sequence[dict[str, str]], labeller: str) -> list[Label]:
    """Return the labels that a file holds; rows without one are passed over.

    Raises :class:`ConfigError` with the first faults: a label that is no whole number from 0 to 3, an item that was
    not drawn from this store, or that has two labels, or that an older version drew, which did not note its text.
    """
    given = [(line, row) for line, row in enumerate(rows, 2) if row["label"].strip()]
    known = drawn_items(connection, [row["item"] for _, row in given])
    old = _drawn_by_number(connection, known.values())
    faults: list[str] = []
    found: dict[str, Label] = {}
    for line, row in given:
        item, label, place = row["item"], row["label"].strip(), f"{path}, row {line}"
        if item not in known:
            faults.append(f"{place}: item {item!r} was not drawn from this store")
        elif label not in {str(value) for value in SCALE}:
            faults.append(f"{place}: label {label!r}; 0 to 3 is needed{_SCALE_IN_WORDS}")
        elif item in found and found[item].label != int(label):
            faults.append(f"{place}: item {item!r} has label {found[item].label} already")
        else:
            found[item] = Label(item, labeller, int(label), row.get("note", ""))
    if old:
        faults.append(f"{path}: an older charbench drew {len(old):,} of its items, whatever their text; draw anew")
    if len(faults) > _MOST_FAULTS:
        faults[_MOST_FAULTS:] = [f"{path}: {len(faults) - _MOST_FAULTS:,} more faults"]
    if faults:
        raise ConfigError(faults)
    return list(found.values())


def _drawn_by_number(connection: Connection, drawn: Collection[Drawn]) -> list[Drawn]:
    """Return what is not named by its text: older versions drew it, by the sample's number or key."""
    read = SampleReader().read(connection, sorted({one.sample_id for one in drawn}))
    texts = {stored.id: stored.sample for stored in read}
    return [one for one in drawn if one.item != _item(texts[one.sample_id], one.channel, one.persona)]


def save_rows(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write a file of rows anew, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)
