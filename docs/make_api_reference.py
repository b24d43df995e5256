"""Writes ``api.md`` from what ``charbench`` exports, and ``examples.md`` from what ``plugins new`` writes.

python docs/make_api_reference.py
python docs/make_api_reference.py --check     (ends with 1 if a file is not up to date)
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import Any, get_args

import charbench
from charbench.cli.scaffold import template
from charbench.cli.scaffold_kinds import KINDS

FOLDER = Path(__file__).parent / "reference"
EXAMPLES = """\
# A plugin of each kind

<!-- Made by docs/make_api_reference.py from src/charbench/cli/scaffolds. -->

`charbench plugins new fog --kind KIND` writes one of these, in a package that is ready to be installed. Each works as
it stands. [Hooks](hooks.md) has the rules, [what a plugin imports](api.md) every name.
"""
HEAD = """\
# What a plugin imports

<!-- Made by docs/make_api_reference.py: change the docstrings, not this file. -->

Everything here comes from `from charbench import NAME`; nothing else is public. [Hooks](hooks.md) says how the pieces
are used.
"""
GROUPS = {
    "A scorer": (
        "Scorer Metric Score Sample Persona hookimpl",
        (
            "Measurement LabelledText distinct_texts folded_prompt neutral_texts read_texts "
            "Channel Span ScoringPlan ThinkingState Marker MarkerForm Tier GoldAnswer ControlText "
            "ControlResult SequentialTest find_refusals is_refusal "
            "find_identity_leaks names_given find_invented_turns repeated_share LOOPS_FROM inspect_state"
        ),
    ),
    "A pair scorer": ("PairScorer Comparison", "Verdict"),
    "A sampler": (
        "Sampler SampleRequest Completion SamplingError",
        "SamplingPlan Usage Provenance Failure GenerationConfig DelimitersConfig EndpointConfig ThinkingMode opened_by",
    ),
    "A source": (
        "CheckpointSource Lab LabFile LabPath Checkpoint Dataset RecordedFile RecordedSample",
        (
            "Finding Kind Lineage Evidence CompleteListing TrainingRun RunState TrainingJob JobStatus SourceProblem "
            "name_from_uri kind_from_name kind_from_path same_model "
            "TinkerPath match_tinker_path ReadLimits FileFault JsonLine parse_json "
            "read_json read_jsonl read_lines read_rows column_names contents_of naming_column SAMPLED_BY sampled_by "
            "ways_in_words MOST_WAYS spelling usual_names Contents Holds read_conversation "
            "Conversation UnusableRow NotSetUpError LAB_COLUMNS OWN_COLUMNS RECORDING_COLUMNS as_written"
        ),
    ),
    "A trainer": (
        "Trainer TrainingTask StepDone StateSaved SavedState Trained",
        "Note TrainingEvent TrainingError Example read_examples SkippedRows check_rendered rows_that_fit DataError",
    ),
    "A perturbation": ("Perturbation Prompt", "Message"),
    "A reporter": (
        "Reporter ReportContent ExportedSamples ExportedTable",
        (
            "Table ColumnKind no_formulas interval_decimals three_digits WebPage ViewPage ReportPage SamplesPage "
            "SamplePage LivePage PageLink"
        ),
    ),
    "Checks and observers": ("CheckResult", "open_private private_file private_folder"),
    "Requests to a service": (
        "ModelClient ModelClientConfig Endpoint LimitsConfig",
        (
            "ModelAnswer AnswerCache MalformedAnswerError Fence ExpectedCall "
            "endpoint_at DefaultEndpoint KeySource with_quoted_userinfo Trust TRUSTING Limits RetryPolicy RefusedError "
            "DeadlineError malformed_reply reading_reply in_background register_secret redact short_list"
        ),
    ),
    "Options, errors and keys": ("ConfigError operational", "Component CharbenchError added digest API_VERSION"),
}
"""By what an author writes: the names that are needed, and those that help. Each name stands once."""


def reference() -> str:
    """The whole file. Raises :class:`ValueError` unless each public name is in one group."""
    grouped = [name for names in GROUPS.values() for part in names for name in part.split()]
    if sorted(grouped) != sorted(set(charbench.__all__) - {"__version__"}):
        odd = set(grouped) ^ (set(charbench.__all__) - {"__version__"})
        raise ValueError(f"each public name belongs into one group: {', '.join(sorted(odd)) or 'one is there twice'}")
    parts = []
    for title, (needed, helpful) in GROUPS.items():
        imported = ", ".join(needed.split())
        also = ", ".join(f"`{name}`" for name in helpful.split())
        names = [*needed.split(), *helpful.split()]
        sections = "\n".join(section(name, getattr(charbench, name)) for name in names)
        parts.append(
            f"## {title}\n\n```python\nfrom charbench import {imported}\n```\n\n"
            f"Where it is needed: {also}.\n\n{sections}"
        )
    return HEAD + "\n" + "\n".join(parts)


def section(name: str, value: Any) -> str:
    """One name: what it is, its docstring, its fields and methods."""
    lines = [f"### {name}", ""]
    if called := signature(name, value):
        lines += ["```python", called, "```", ""]
    is_marked = hasattr(value, "__metadata__")  # an Annotated type
    kinds = "" if is_marked else ", ".join(f"`{one.__name__}`" for one in get_args(value))
    if kinds:
        lines += [f"One of {kinds}.", ""]
    elif inspect.isclass(value) or inspect.isroutine(value):
        lines += [prose(value), ""]
    else:
        lines += [f"`{value!r}`", ""] if isinstance(value, str | int | float | tuple) else []
        lines += [as_markdown(constant_docstring(name)), ""]
    if inspect.isclass(value) and issubclass(value, Enum):
        lines += [", ".join(f"`{member.value}`" for member in value), ""]
    elif inspect.isclass(value):
        lines += [*options(value), *methods(value)]
    return "\n".join(lines)


def signature(name: str, value: Any) -> str:
    """How it is called, as Python writes it; empty for what is no class with fields and no function."""
    if inspect.isclass(value) and not dataclasses.is_dataclass(value):
        return ""
    try:
        text = str(inspect.signature(value))
    except (TypeError, ValueError):
        return ""
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)  # annotations are kept as text
    text = re.sub(r"<(?:function|class|built-in|factory)(?:[^<>]|<[^<>]*>)*>", "...", text)
    return f"{name}{text.removesuffix(' -> None')}"


def options(value: type[Any]) -> Iterator[str]:
    """The options of a component's configuration, a line each."""
    fields = getattr(value, "model_fields", {})
    if fields:
        yield from ("| option | default | |", "| --- | --- | --- |")
        for name, field in fields.items():
            yield f"| `{name}` | `{field.get_default(call_default_factory=True)}` | {field.description or ''} |"
        yield ""


def methods(value: type[Any]) -> Iterator[str]:
    """The public methods and properties that a class defines itself, a line each."""
    rows = []
    for name, member in list(vars(value).items()):  # reading a member may make another
        function = getattr(member, "fget", None) or getattr(member, "__func__", member)
        if name.startswith("_") or not inspect.isfunction(function) or not function.__doc__:
            continue
        called = name if isinstance(member, property) else f"{name}{arguments(function)}"
        first = inspect.cleandoc(function.__doc__).split("\n\n")[0]
        rows.append(f"| `{called}` | {' '.join(first.split())} |".replace("``", "`"))
    if rows:
        yield from ("| method | |", "| --- | --- |", *rows, "")


def arguments(function: Any) -> str:
    """The names of a method's arguments."""
    names = [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
    return f"({', '.join(names)})"


def prose(value: Any) -> str:
    """A docstring as Markdown."""
    text = inspect.cleandoc(value.__doc__ or "")
    if dataclasses.is_dataclass(value) and text.startswith(f"{getattr(value, '__name__', '')}("):
        return ""
    return as_markdown(text)


def constant_docstring(name: str) -> str:
    """The string below a constant's assignment: the constant itself carries only its type's docstring, which differs
    between versions of Python. Raises :class:`ValueError` if there is none."""
    module = import_module(f"charbench.{charbench._MODULE_OF[name]}")
    body = ast.parse(inspect.getsource(module)).body
    for statement, following in pairwise(body):
        targets = [statement.target] if isinstance(statement, ast.AnnAssign) else getattr(statement, "targets", [])
        if name not in [target.id for target in targets if isinstance(target, ast.Name)]:
            continue
        match following:
            case ast.Expr(value=ast.Constant(value=str(text))):
                return inspect.cleandoc(text)
    raise ValueError(f"{name} has no docstring below its assignment")


def as_markdown(text: str) -> str:
    """Text of a docstring with the marks of Markdown."""
    for role in ("class", "meth", "func", "data", "attr", "mod"):
        text = text.replace(f":{role}:`", "`")
    return text.replace("``", "`")


def examples() -> str:
    """The other file: a module for each kind."""
    parts = [EXAMPLES]
    for kind, command in KINDS.items():
        code = Template(template(kind)).substitute(name="fog", module="fog", title="Fog")
        then = command.format(name="fog", lab="LAB")
        parts.append(f"## {kind}\n\n```python\n{code.rstrip()}\n```\n\nThen: `{then}`\n")
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    """Write the files, or check them."""
    stale = 0
    for name, text in (("api.md", reference()), ("examples.md", examples())):
        file, made = FOLDER / name, text.rstrip() + "\n"
        if arguments != ["--check"]:
            file.write_text(made, encoding="utf-8")
        elif not file.is_file() or file.read_text(encoding="utf-8") != made:
            print(f"{name} is not up to date: python docs/make_api_reference.py")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
