"""Columns of recordings under the names that labs give them, brought to those that charbench gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from charbench import (
    LAB_COLUMNS,
    OWN_COLUMNS,
    RECORDING_COLUMNS,
    FileFault,
    Message,
    UnusableRow,
    column_names,
    naming_column,
    parse_json,
    read_conversation,
    usual_names,
)
from charbench_plugins.exchanges import BODY_COLUMNS, exchange, has_bodies
from charbench_plugins.row_files import folded

URI_COLUMNS = ("sampler_path", "checkpoint", "uri")
_NAMED_BY = [name for name in RECORDING_COLUMNS["checkpoint"] if name not in URI_COLUMNS]
_URI = re.compile(r"(?:[a-z][a-z0-9+.\-]*://|file:|model:|base:)\S")
_TEMPLATE = re.compile(r"<\|(?:im_start|start_header_id|begin_of_text|user|start)\|>|<start_of_turn>|\[INST\]")
"""What chat templates write: a prompt that holds it is the text that the model was shown, not what was asked."""
THINKING_COLUMNS = ("thinking", "reasoning_content", "reasoning")
"""Where thinking stands; the first that holds some is taken."""
SYSTEM_COLUMNS = ("system_prompt", "system_message", "system")
"""Where a system prompt stands; a word there is the name of something else."""
STEERING_COLUMNS = (
    "steering", "steering_vector", "steering_strength", "steering_coefficient", "steering_coef", "steering_layer",
)  # fmt: skip
"""What says that the model was steered while it answered."""
_SETTING = frozenset({*SYSTEM_COLUMNS, *STEERING_COLUMNS})
_UNSTEERED = frozenset({"", "0", "0.0", "false", "no", "none", "off", "baseline", "unsteered", "nan", "null"})
_NESTED_TEXT = ("text", "content", "message")
"""Where the text of an answer stands in a list of answers, besides the usual names."""
_OTHER_NAMES = {"latency": "latency_seconds", "stop_reason": "finish_reason", "created_at": "timestamp"}
_MAPPED = {"checkpoint": "checkpoint_uri"}
"""A column that the user maps to the checkpoint may name it in any way."""
_OTHERS = frozenset({*LAB_COLUMNS, *OWN_COLUMNS, *THINKING_COLUMNS, *_SETTING, *_OTHER_NAMES, "family"})


@dataclass(frozen=True, slots=True)
class Reading:
    """How one file is read.

    ``columns`` maps a name that charbench knows to those that the file's column may have, ``checkpoint`` is the one
    that all of the file's rows are of, ``answers`` has those of columns that each hold the answers of one; ``uri_of``
    makes a URI of a name of a checkpoint, ``requests`` are those of a batch whose results the file holds.
    """

    encoding: str | None = None
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    checkpoint: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    uri_of: Callable[[str], str] = lambda name: name if _URI.match(name) else f"model:{name}"
    requests: Mapping[str, Mapping[str, Any]] | None = None

    def is_standard(self, row: Mapping[str, Any]) -> bool:
        """Whether a row stands under charbench's own names: it is then taken as it is."""
        if self.columns or self.checkpoint or self.answers or not _is_own(row):
            return False
        return _spelt(tuple(row)) is None

    def uri_or_folder(self, text: str) -> str:
        """Return what a column for URIs says as it is, unless that is a folder of the lab: then the folder's URI."""
        found = self.uri_of(text)
        return found if found.startswith("file:") else text

    def names(self) -> set[str]:
        """Return every name by which a header is known."""
        mapped = (name for names in self.columns.values() for name in names)
        return {*column_names(), *self.answers, *mapped, *(name for names in BODY_COLUMNS for name in names)}

    def rows(self, row: Mapping[str, Any]) -> Iterator[Mapping[str, Any] | str]:
        """Yield a row for each answer of one that is not standard, or why there is none.

        It may hold a list, a column for each model, or a request with its response.
        """
        if not self.answers and (found := exchange(row, self.requests)) is not None:
            yield from found
            return
        if self.answers:
            asked = {name: value for name, value in row.items() if name not in self.answers}
            for name, checkpoint in self.answers.items():
                if row.get(name) is not None:
                    yield usual_names({**asked, "response": row[name], "sampler_path": self.uri_of(checkpoint)})
            return
        row = usual_names(self._given(row))
        if spelt := _spelt(tuple(row)):
            row = dict(zip(spelt, row.values(), strict=True))
        many = next((name for name in RECORDING_COLUMNS["response"] if isinstance(row.get(name), list)), None)
        answers = _answers(row[many]) if many else []
        yield from ({**row, many: None, **answer} for answer in answers) if answers else (row,)

    def missing(self, given: Collection[str]) -> str | None:
        """Say which column is missing among ``given``; None if none is."""
        if has_bodies(given):
            return None
        absent = [name for name in self.answers if name not in given]
        if absent and "response" not in given:
            return f"no column {', '.join(absent)}, which source.recorded.checkpoints names"
        mapped = [known for known, others in self.columns.items() if any(name in given for name in others)]
        known = ["sampler_path"] if self.checkpoint or self.answers else []
        names = set(usual_names(dict.fromkeys([*given, *mapped, *known, *(["response"] if self.answers else [])])))
        talks = any(name in names for name in RECORDING_COLUMNS["messages"])
        lacking = [
            name
            for name in ("prompt", "response")
            if not talks and not any(alias in names for alias in RECORDING_COLUMNS[name])
        ]
        named = self.checkpoint or any(name in names for name in RECORDING_COLUMNS["checkpoint"])
        if not lacking and not named:
            columns = f"{', '.join(URI_COLUMNS)}, label, model, ..."
            option = "-o source.recorded.checkpoints={FILE: CHECKPOINT}"
            return f"no column names the checkpoint ({columns}); name it: {option}"
        lacking += [] if named else ["sampler_path"]
        return f"no column {', '.join(lacking)}; this is not a file of recorded samples" if lacking else None

    def standard(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a row under charbench's names; raises :class:`UnusableRow`.

        Where a prompt is a conversation, it is a tuple of messages. A row that has charbench's names is as it was.
        """
        row = self._given(row)
        if _is_own(row):
            return row
        row = {_OTHER_NAMES.get(name, name) if _OTHER_NAMES.get(name) not in row else name: row[name] for name in row}
        _take_conversation(row)
        _take_prompt(row)
        _take_setting(row)
        _take_response(row)
        if not any(row.get(name) for name in URI_COLUMNS) and (column := naming_column(row)):
            name = str(row.pop(column)).strip()
            row["sampler_path"] = self.uri_of(name)
            row.setdefault("checkpoint_name", name if not _URI.match(name) else "")
        return row

    def _given(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row with the columns that the user mapped, and the checkpoint that the user named."""
        row = dict(row)
        for known, names in self.columns.items():
            if (name := next((name for name in names if name in row), known)) != known:
                row[_MAPPED.get(known, known)] = row.pop(name)
        if self.checkpoint:
            row = {name: value for name, value in row.items() if name not in URI_COLUMNS}
            row["sampler_path"] = self.uri_of(self.checkpoint)
        return row


@lru_cache(maxsize=1024)
def _spelt(names: tuple[str, ...]) -> list[str] | None:
    """Return the names of columns, those of a spreadsheet ("Finish Reason") as the known ones that they are.

    None where they are all as they were.
    """
    found = folded(names, _OTHERS)
    return None if found == [*names] else found


def _take_conversation(row: dict[str, Any]) -> None:
    """Put what a list of turns says into prompt, response and thinking, as far as they are not there."""
    name = next((name for name in RECORDING_COLUMNS["messages"] if row.get(name)), None)
    if name is None:
        return
    turns = _list(row.pop(name))
    answered = _first(row, "response") is not None
    said = read_conversation([*turns, *_NOTHING] if answered and not _ends_with_answer(turns) else turns, name)
    row["prompt"] = said.before
    if not answered:
        row["response"] = said.answer
        if said.thinking:
            row.setdefault("thinking", said.thinking)


def _take_prompt(row: dict[str, Any]) -> None:
    if isinstance(row.get("prompt"), tuple):
        return
    asked = row.get("question")
    if isinstance(asked, str) and isinstance(row.get("prompt"), str) and _TEMPLATE.search(row["prompt"]):
        row["prompt"] = row.pop("question")
        return
    name = _first(row, "prompt")
    if name is None:
        return
    value = row.pop(name)
    if name == "instruction" and isinstance(row.get("input"), str):
        value = "\n\n".join(filter(None, (value, row.pop("input"))))
    if isinstance(value, list):
        value = read_conversation([*value, *_NOTHING], name).before
    row["prompt"] = value


def _is_own(row: Mapping[str, Any]) -> bool:
    """Whether a row has charbench's own names, and says nothing of how it was asked that is to be read otherwise."""
    if not (isinstance(row.get("prompt"), str) and "response" in row and any(name in row for name in URI_COLUMNS)):
        return False
    if type(row["response"]) is dict:
        return False
    if not _OTHER_NAMES.keys().isdisjoint(row):
        return False
    return _SETTING.isdisjoint(row) or all(row.get(name) is None for name in _SETTING)


def _take_setting(row: dict[str, Any]) -> None:
    """Put a system prompt before what was asked, and let steering be a condition: neither is the checkpoint's own."""
    told = next((row[name].strip() for name in SYSTEM_COLUMNS if isinstance(row.get(name), str)), "")
    if " " in told:
        asked = row.get("prompt")
        turns = asked if isinstance(asked, tuple) else (Message("user", asked),) if isinstance(asked, str) else ()
        if turns and turns[0].role != "system":
            row["prompt"] = (Message("system", told), *turns)
        for name in SYSTEM_COLUMNS:
            row.pop(name, None)
    steered = [how for name in STEERING_COLUMNS if (how := _steered(name, row.get(name)))]
    if steered and not row.get("condition"):
        row["condition"] = ", ".join(steered)


def _steered(name: str, value: Any) -> str:
    """Return how a model was steered, as one of its columns says; nothing where it was not."""
    if isinstance(value, (list, dict)):
        return name if value else ""
    return "" if value is None or str(value).strip().lower() in _UNSTEERED else f"{name} {value}"


def _answers(given: Any) -> list[dict[str, Any]]:
    """Return what a list of answers says of each, texts or mappings with a text; none where it is something else.

    A list of one text is no list of answers: it stands for that text.
    """
    if not isinstance(given, list):
        return []
    if all(text is None or isinstance(text, str) for text in given):
        return [{"response": text} for text in given] if len(given) > 1 else []
    found = []
    for one in given:
        if not isinstance(one, dict) or "role" in one or "from" in one:
            return []
        name = next((name for name in (*RECORDING_COLUMNS["response"], *_NESTED_TEXT) if name in one), None)
        if name is None or not (one[name] is None or isinstance(one[name], (str, dict))):
            return []
        found.append({**{key: value for key, value in one.items() if key != name}, "response": one[name]})
    return found


def _take_response(row: dict[str, Any]) -> None:
    name = _first(row, "response")
    if name is None:
        return
    value = row.pop(name)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    if isinstance(value, dict):
        value = [{"role": "assistant", **value}]
    if isinstance(value, list):
        said = read_conversation(value, name)
        value = said.answer
        if said.thinking:
            row.setdefault("thinking", said.thinking)
    row["response"] = value


_NOTHING = ({"role": "assistant", "content": ""},)


def _first(row: Mapping[str, Any], what: str) -> str | None:
    """Return the first of the columns for ``what`` that a row has; one with a value before one without."""
    names = [name for name in RECORDING_COLUMNS[what] if name in row]
    return next((name for name in names if row[name] not in (None, "")), names[0] if names else None)


def _list(value: Any) -> list[Any]:
    """Return a list of turns, which in CSV is JSON in a cell; raises :class:`UnusableRow`."""
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except FileFault:
            raise UnusableRow("a list of turns is needed, found text that is no JSON") from None
    if not isinstance(value, list):
        raise UnusableRow(f"a list of turns is needed, found {type(value).__name__}")
    return value


def _ends_with_answer(turns: Sequence[Any]) -> bool:
    last = turns[-1] if turns else None
    return isinstance(last, dict) and str(last.get("role", last.get("from"))).lower() in ("assistant", "gpt", "model")


def messages_text(messages: Sequence[Message]) -> str:
    """Return a conversation as one text, the same for the same turns."""
    return "\x1e".join(f"{message.role}\x1f{message.content}" for message in messages)
