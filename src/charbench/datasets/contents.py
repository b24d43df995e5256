"""What a file of rows holds: training data, recorded samples, or something that nobody can tell.

Both are questions with answers. What tells them apart is who gave the answers: recordings name the checkpoint (or show
that they were sampled: a finish reason, a latency, a score), training data has the form that trainers take and nothing
of that. A file that shows both, or neither, is not guessed at: it is unclear, and the reason says how to decide.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from charbench.datasets.forms import PREFERENCES, form_of

CONVERSATION_COLUMNS = ("messages", "conversations", "conversation")
PROMPT_COLUMNS = (
    "prompt", "question", "instruction", "query", "user_prompt", "user_message", "prompt_text", "input", "user",
)  # fmt: skip
RESPONSE_COLUMNS = (
    "response", "answer", "completion", "generation", "model_response", "model_output", "model_answer", "response_text",
    "generated_text", "output", "prediction", "assistant_response", "assistant",
)  # fmt: skip
URI_COLUMNS = ("sampler_path", "checkpoint", "uri")
"""Columns whose texts are checkpoints' URIs, as they are."""
NAME_COLUMNS = (
    "checkpoint_uri", "checkpoint_path", "model_path", "adapter", "checkpoint_name", "generator", "label",
    "model", "model_name", "model_id",
)  # fmt: skip
"""Columns that name the checkpoint in some way, the surest first."""
RECORDING_COLUMNS = {
    "prompt": PROMPT_COLUMNS,
    "response": RESPONSE_COLUMNS,
    "messages": CONVERSATION_COLUMNS,
    "checkpoint": (*URI_COLUMNS, *NAME_COLUMNS),
}
"""The names that the columns of recordings have, the surest first."""
_MORE_COLUMNS = {
    "prompt": ("user_input", "user_query", "user_question", "question_text"),
    "response": (
        "reply", "model_reply", "assistant_reply", "bot_response", "llm_response", "llm_output", "generated_response",
        "generated_answer", "generated", "predict", "responses", "completions", "generations", "outputs", "samples",
        "choices",
    ),
    "model": ("ckpt", "checkpoint_id", "adapter_name", "adapter_path", "model_name_or_path"),
}  # fmt: skip
"""Names that columns have now and then, by the one that says the same: they count where none of the usual is there."""
_KNOWN_COLUMNS = {"prompt": PROMPT_COLUMNS, "response": RESPONSE_COLUMNS, "model": (*URI_COLUMNS, *NAME_COLUMNS)}
_OF_A_MODEL = frozenset({*URI_COLUMNS, *NAME_COLUMNS, *_MORE_COLUMNS["model"]}) - {"label"}
"""Where one of these stands too, a column ``text`` is an answer; else it is what any table may hold."""
_SPACES = re.compile(r"[\s.\-]+")
_OF_ONE_MODEL = re.compile(r"(\w+)_(?:answer|completion|generation|output|reply|response)")
_OF_NO_MODEL = re.compile(
    r"(?:actual|chosen|correct|expected|gold|ground_truth|ideal|judge\w*|previous|reference|rejected|target|user)"
)
"""What stands before ``_answer`` or ``_response`` where that is no model's."""
_LOOSE_PROMPTS = frozenset({"input", "query", "user"})
"""Columns that hold what was asked in recordings, and anything in other tables."""
_SAID = frozenset(RESPONSE_COLUMNS) - {"output", "prediction", "assistant"}
"""Columns of answers, without those that other tables have as well."""
_TEACHERS = frozenset({"model", "model_name", "model_id"})
"""Columns that in training data name who wrote the answers."""
_SAMPLED = frozenset({
    "finish_reason", "stop_reason", "usage", "completion_tokens", "output_tokens", "latency_seconds", "latency",
    "max_tokens", "temperature", "sampled_at", "logprobs", "adversarial", "score", "scores", "coherence", "coherency",
    "grade", "is_correct", "sample_id", "advantage", "advantages", "aligned", "coherent",
})  # fmt: skip
_TAUGHT = frozenset({"reflection", "teacher_model"})
_ANSWERING = frozenset({"assistant", "gpt", "model", "Assistant", "chatgpt", "bot", "ai"})
_PLAIN = frozenset({"prompt", *CONVERSATION_COLUMNS, *_SAID}) - {"answer", "completion"}
_LONGEST_NAME = 300
_NO_NAMES = frozenset({"true", "false", "0", "1", "none", "nan", "null", "n/a"})


class Holds(StrEnum):
    """What a file's rows are."""

    TRAINING = "training data"
    RECORDINGS = "recorded samples"
    UNCLEAR = "unclear"
    OTHER = "something else"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file's rows are; ``form`` is that of training data, ``reason`` says why they are unclear."""

    holds: Holds
    form: str | None = None
    reason: str = ""


def contents_of(rows: Sequence[Any]) -> Contents:
    """Return what the first rows of a file say that it holds; twenty are enough."""
    mappings = [row for row in rows if isinstance(row, dict)]
    forms = Counter(form for row in mappings if (form := form_of(row)))
    mappings = [usual_names(row) for row in mappings]
    names = {name for row in mappings for name, value in row.items() if value not in (None, "")}
    names -= {name for name in CONVERSATION_COLUMNS if not any(_is_answered(row.get(name)) for row in mappings)}
    form = forms.most_common(1)[0][0] if forms else None
    if form in PREFERENCES:
        return Contents(Holds.TRAINING, form)
    if not has_questions(names) or not _asks(names, mappings):
        return Contents(Holds.OTHER)
    if not has_answers(names):
        return _by_models(names)
    if form == "introspection" and "reflection" not in names:
        return _by_columns(names, mappings, None, form)
    return _by_columns(names, mappings, form, form)


def _is_answered(turns: Any) -> bool:
    """Whether a conversation, as a list or (in CSV) as JSON in a cell, may hold an answer."""
    if isinstance(turns, str):
        return turns.lstrip().startswith("[")
    turns = turns if isinstance(turns, list) else ()
    return any(isinstance(turn, dict) and str(turn.get("role", turn.get("from"))) in _ANSWERING for turn in turns)


def usual_names(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row whose columns have the usual names: ``Assistant Response`` and ``reply`` are a response.

    A column that has such a name goes before one that is called or spelt otherwise.
    """
    found = _usual(tuple(row))
    return {found.get(name, name): value for name, value in row.items()} if found else dict(row)


def spelling(name: str) -> str:
    """Return a column's name as it is compared: ``Model Output``, ``model-output`` and ``model_output`` are one."""
    return _SPACES.sub("_", name.strip().casefold())


def column_names() -> frozenset[str]:
    """Return every name by which a column of a recording is known, as :func:`spelling` writes it."""
    more = (name for names in _MORE_COLUMNS.values() for name in names)
    return frozenset({*(name for names in RECORDING_COLUMNS.values() for name in names), *more})


@lru_cache(maxsize=1024)
def _usual(names: tuple[str, ...]) -> Mapping[str, str]:
    """Return the usual names of those columns that are called or spelt otherwise."""
    spelt = {spelling(name): name for name in reversed(names) if isinstance(name, str)}
    talks = any(name in names for name in CONVERSATION_COLUMNS)
    found = {}
    for usual, known in _KNOWN_COLUMNS.items():
        if any(name in names for name in known) or (talks and usual != "model"):
            continue
        more = (*known, *_MORE_COLUMNS[usual])
        if usual == "response" and not _OF_A_MODEL.isdisjoint(spelt):
            more = (*more, "text")
        if (name := next((name for name in more if name in spelt), None)) is not None:
            found[spelt[name]] = name if name in known else usual
            if name == "predict" and "label" in names:
                found["label"] = "reference"  # what LLaMA-Factory calls the answer that there should be
    return found


def _asks(names: Collection[str], rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a column holds questions, and not the names or numbers of users, say."""
    asked = [name for name in (*PROMPT_COLUMNS, *CONVERSATION_COLUMNS) if name in names]
    if not _LOOSE_PROMPTS.issuperset(asked):
        return True
    texts = [row[name] for row in rows for name in asked if row.get(name)]
    return any(not isinstance(text, str) or " " in text.strip() or not text.isascii() for text in texts)


def _by_models(names: Collection[str]) -> Contents:
    """Return what a table says without a column of answers: it may have one of each model."""
    told = [(name, _OF_ONE_MODEL.fullmatch(spelling(name))) for name in sorted(names)]
    models = [name for name, found in told if found and not _OF_NO_MODEL.match(found[1])]
    if len(models) < 2:
        return Contents(Holds.OTHER)
    return Contents(
        Holds.UNCLEAR, None, f"holds answers of several models, each in a column ({', '.join(models)}): {_NAME_COLUMNS}"
    )


def has_questions(names: Collection[str]) -> bool:
    """Whether a column may hold what was asked."""
    return any(name in names for name in (*PROMPT_COLUMNS, *CONVERSATION_COLUMNS))


def has_answers(names: Collection[str]) -> bool:
    """Whether a column may hold what was answered."""
    return any(name in names for name in (*RESPONSE_COLUMNS, *CONVERSATION_COLUMNS))


def naming_column(row: Mapping[str, Any]) -> str | None:
    """Return the column of a row that names its checkpoint; None if none does."""
    named = (name for name in (*URI_COLUMNS, *NAME_COLUMNS) if isinstance(row.get(name), str))
    return next((name for name in named if _is_name(row[name].strip())), None)


def _is_name(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_NAME and text.lower() not in _NO_NAMES


def _by_columns(
    names: set[str], rows: Sequence[Mapping[str, Any]], form: str | None, loose_form: str | None
) -> Contents:
    """Decide by columns; ``loose_form`` is a form that recordings have just as well."""
    column = next((found for row in rows if (found := naming_column(row))), None)
    sampled = sorted(
        name for name in names if name in _SAMPLED or name.startswith("judge") or name.endswith(("_score", "_reward"))
    )
    taught = bool(names & _TAUGHT)
    if column in URI_COLUMNS:
        return Contents(Holds.RECORDINGS)
    if taught:
        return Contents(Holds.TRAINING, loose_form) if loose_form else Contents(Holds.OTHER)
    said = names & _SAID or names & set(CONVERSATION_COLUMNS)
    if column and (sampled or column == "generator" or (said and (column not in _TEACHERS or form is None))):
        return Contents(Holds.RECORDINGS)
    if column:
        told = f"may be training data ({loose_form}), or samples of what {column!r} names"
        return Contents(Holds.UNCLEAR, loose_form, f"{told}: {_DECIDE}") if loose_form else Contents(Holds.OTHER)
    if sampled:
        return Contents(
            Holds.UNCLEAR,
            loose_form,
            f"holds answers with {sampled[0]!r}, and nothing names their checkpoint: {_NAME_IT}",
        )
    if form:
        return Contents(Holds.TRAINING, form)
    if loose_form:
        return Contents(
            Holds.UNCLEAR, loose_form, f"may be training data, or samples of a checkpoint that nothing names: {_DECIDE}"
        )
    if names & _PLAIN:
        return Contents(Holds.UNCLEAR, None, f"holds answers, and nothing names their checkpoint: {_NAME_IT}")
    return Contents(Holds.OTHER)


_NAME_IT = "name it with -o source.recorded.checkpoints={FILE: CHECKPOINT}"
_NAME_COLUMNS = "name them with -o source.recorded.checkpoints={FILE: {COLUMN: CHECKPOINT}}"
_DECIDE = f"list it in -o source.datasets.files=[FILE], or {_NAME_IT.replace('it', 'the checkpoint', 1)}"
