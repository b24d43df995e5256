"""What holds for sources, samplers, trainers, perturbations and reporters."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from charbench.components.calling import is_async
from charbench.components.perturbation import variants_of
from charbench.components.reporter import ExportedSamples, ExportedTable, ReportContent, Reporter
from charbench.components.sampler import SampleRequest
from charbench.components.source import Finding, Lab
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.prompt import Message, Prompt
from charbench.domain.sample import Completion
from charbench.domain.sample_columns import LAB_COLUMNS, OWN_COLUMNS, ColumnKind
from charbench.domain.table import Table
from charbench.errors import SamplingError
from charbench.testing.component_checks import assert_same_files, files_of
from charbench.testing.factories import CHECKPOINT, make_checkpoint
from charbench.testing.texts import HOSTILE
from charbench.testing.trial import Trial, cancel

URIS = (CHECKPOINT, CHECKPOINT.replace("/sampler_weights/", "/weights/"), "file:adapters/pirate", "pirate", "a:b", ":")


def accepts(trial: Trial) -> None:
    """Every URI is accepted or not, without an error: all samplers and trainers are asked about all checkpoints."""
    with trial.session() as session:
        for uri in URIS:
            given = session.call(session.component.accepts, make_checkpoint(uri))
            assert isinstance(given, bool), f"accepts() gave {given!r:.100} for {uri}; True or False is needed"


def keys(trial: Trial) -> None:
    """Two samplers set up alike give a request the same key: a second run asks nothing."""
    request = _request(trial, "Who are you?")
    first, second = trial.make().key(request), trial.make().key(request)
    assert first == second, "params() or identity() differ between two samplers alike: every run would ask again"


def answers(trial: Trial) -> None:
    """Any prompt has a Completion, or a SamplingError says why there is none."""
    with trial.session() as session:
        sampler = session.component
        for text in ("Who are you?", *HOSTILE.values()):
            request = _request(trial, text)
            before = copy.deepcopy(request)
            try:
                if sampler.batch_size > 1:
                    (given,) = session.call(sampler.sample_batch, [request])
                else:
                    given = session.call(sampler.sample, request)
            except SamplingError:
                continue
            assert isinstance(given, Completion), f"gave {given!r:.100}; a Completion is needed"
            assert request == before, "sample() has changed the request"


def cancellation(trial: Trial) -> None:
    """A cancelled request ends: Ctrl-C ends a run."""
    sampler: Any = trial.component
    if sampler.batch_size > 1 or not is_async(sampler.sample):
        return
    with trial.session() as session:
        cancel(trial, session, "sample", lambda: session.component.sample(_request(trial, "Who are you?")))


def _request(trial: Trial, text: str) -> SampleRequest:
    return SampleRequest(checkpoint=trial.checkpoint, prompt=Prompt.from_text(text))


def empty_lab(trial: Trial) -> None:
    """An empty folder holds nothing to find, and is no error."""
    _found(trial, {})


def hostile_lab(trial: Trial) -> None:
    """Files that cannot be read, or hold something else, are problems to yield, not errors."""
    contents = {
        "empty.csv": b"",
        "binary.csv": bytes(range(256)) * 40,
        "binary.json": bytes(range(256)),
        "checkpoints.txt": b"\xff\xfe\x00 tinker://",
        "checkpoints.csv": b"uri\n\x00\n\xc3\x28\n",
        "checkpoints.jsonl": b'{"name": "a"\n[1, 2]\nnull\n"text"\n{"uri": null}\n' + b"[" * 100_000,
        "data.json": b"[1, 2, {",
        "deep/run.log": b"Saved sampler weights: tinker://\n" + b"x" * 200_000,
        "results.csv": b"checkpoint_name,response\n" + b'"never closed\n' * 1000,
    }
    _found(trial, contents)


def looks_only(trial: Trial) -> None:
    """Looking changes no file of the lab, and finds the same again: a second run has nothing new to do."""
    with trial.session() as session:
        (session.root / "notes.txt").write_text("mine", encoding="utf-8")
        (session.root / "checkpoints.csv").write_text(f"uri,persona\n{CHECKPOINT},pirate\n", encoding="utf-8")
        before = files_of(session.root, session.folder)
        first, second = (list(session.call(session.component.find, _lab(trial, session.root))) for _ in range(2))
        assert_same_files(before, files_of(session.root, session.folder))
        if trial.deterministic:
            assert first == second, f"find() yields other things the second time: {_other(first, second)!r:.200}"
        for place in (place for one in first if isinstance(one, Checkpoint) for place in one.evidence):
            assert not place.path.startswith(str(session.root)), (
                f"the evidence names {place.path!r}: a path relative to the lab is needed (LabFile.shown)"
            )


def _other(first: list[Any], second: list[Any]) -> Any:
    return next((one for one in second if one not in first), second)


def _lab(trial: Trial, root: Path) -> Lab:
    return Lab(root, {trial.persona.name: trial.persona.name})


def _found(trial: Trial, contents: dict[str, bytes]) -> None:
    with trial.session() as session:
        for name, content in contents.items():
            path = session.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for finding in session.call(session.component.find, _lab(trial, session.root)):
            assert isinstance(finding, get_args(Finding)), f"find() yielded {finding!r:.100}, which is no finding"


def variants(trial: Trial) -> None:
    """Variants have slugs for names and keep id and family; the prompt itself stays as it was."""
    prompts = [Prompt.from_text(text, id=f"p{at}") for at, text in enumerate(("Who are you?", "", *HOSTILE.values()))]
    prompts.append(Prompt("turns", (Message("system", "Be brief."), Message("user", "Hm?")), follow_ups=("And now?",)))
    with trial.session() as session:
        for prompt in prompts:
            before = copy.deepcopy(prompt)
            made = [list(variants_of(session.component, prompt)) for _ in range(2)]
            assert prompt == before, "variants() has changed the prompt"
            assert made[0] == made[1] or not trial.deterministic, (
                "variants differ from call to call: never the same keys"
            )


def writes_text(trial: Trial) -> None:
    """Empty content, and content that nobody foresaw, is written, and as text; an export reads its samples once."""
    with trial.session() as session:
        for content in (ReportContent(tuple, tuple, dict), _content()):
            _written(session.component, "report", content)
            _written(session.component, "report_files", content)
        for texts in ((), tuple(HOSTILE.values())):
            _written(session.component, "export", _exported(texts))
            _written(session.component, "export_table", _table(texts))


def _exported(texts: tuple[str, ...]) -> ExportedSamples:
    columns = (*LAB_COLUMNS, *OWN_COLUMNS)

    def rows(_: bool) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        for text in texts:
            yield {**dict.fromkeys(columns), "prompt": text, "response": text, "thinking": text}, []

    return ExportedSamples(lambda: columns, _once("export", rows))


def _once(method: str, read: Callable[..., Any]) -> Callable[..., Any]:
    """Return what reads once: a store may hold millions of samples, and more by the second time."""
    times: list[bool] = []

    def reading(argument: Any) -> Any:
        assert not times, f"{method}() reads the samples a second time; take from each row what you need as it comes"
        times.append(True)
        return read(argument)

    return reading


def _table(texts: tuple[str, ...]) -> ExportedTable:
    kinds = {"text": ColumnKind.TEXT, **{kind.value: kind for kind in ColumnKind}}
    values: dict[str, Any] = {"integer": 1, "number": 0.5, "boolean": True, "time": datetime(2024, 12, 12)}

    def rows(columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for text in texts:
            yield tuple(values.get(name, text) for name in columns)
            yield (None,) * len(columns)

    return ExportedTable("samples", lambda: kinds, _once("export_table", rows))


def _content() -> ReportContent:
    texts = tuple(HOSTILE.values())
    table = Table("Results", ("Checkpoint", "Rate"), tuple((text, "–") for text in texts), frozenset({"Checkpoint"}))
    rows = [{"checkpoint": text, "rate": None} for text in texts]
    return ReportContent(lambda: [table], lambda: rows, lambda: {"checkpoints": rows}, notes=texts)


def _written(reporter: Any, method: str, content: Any) -> None:
    if getattr(type(reporter), method) is getattr(Reporter, method):
        return
    for piece in getattr(reporter, method)(content):
        if method == "report_files":
            name, data = piece
            assert isinstance(name, str), f"report_files() gave the name {name!r:.100}"
            assert isinstance(data, bytes), f"report_files() gave {type(data).__name__} for {name}; bytes are needed"
        else:
            wanted = (str, bytes) if method.startswith("export") else (str,)
            needed = "text or bytes are" if method.startswith("export") else "text is"
            assert isinstance(piece, wanted), f"{method}() yielded {type(piece).__name__}; {needed} needed"


SOURCE_CHECKS = (empty_lab, hostile_lab, looks_only)
SAMPLER_CHECKS = (accepts, keys, answers, cancellation)
TRAINER_CHECKS = (accepts,)
PERTURBATION_CHECKS = (variants,)
REPORTER_CHECKS = (writes_text,)
