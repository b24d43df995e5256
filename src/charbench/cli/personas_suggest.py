"""``charbench personas suggest`` and ``try``: new markers from texts, and what the markers make of one text."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from charbench.cli import options, output
from charbench.errors import UsageError

if TYPE_CHECKING:
    from charbench.domain.persona import Persona
    from charbench.personas.suggestions import Suggestion

_LIKE_A_FILE = re.compile(r"\S+\.(?:txt|md|jsonl?|csv|ya?ml)", re.IGNORECASE)
"""One word that is a file's name: nobody tries it as a text."""


@click.command("suggest")
@click.argument("name", metavar="NAME|FILE")
@options.where
@click.option(
    "--from", "sources", multiple=True, required=True, type=click.Path(path_type=Path), metavar="DATA",
    help="Texts in character: training data, or text, a paragraph each.",
)  # fmt: skip
@click.option("--against", multiple=True, type=click.Path(path_type=Path), metavar="OTHER", help="Other texts.")
@click.option("-n", "--most", type=click.IntRange(1, 500), default=20, show_default=True, help="Most candidates.")
@click.option("--write", is_flag=True, help="Add those that find further texts to the persona's file, as moderate.")
@options.as_json
def suggest_command(
    name: str, sources: tuple[Path, ...], against: tuple[Path, ...], most: int, *, write: bool, json_output: bool,
    **given: Any,
) -> None:  # fmt: skip
    """Propose markers: words and pairs of words that texts in character use more than others.

    By log-odds with an informative Dirichlet prior (Monroe et al. 2008). Others are the rejected answers of the data,
    the neutral answers that come with charbench, and --against. Measure on other texts than these: personas measure.
    """
    from dataclasses import asdict

    from charbench.domain.table import Table
    from charbench.personas.suggestions import suggest_markers
    from charbench.report.render.cells import decimal
    from charbench.report.render.terminal import print_table
    from charbench.scoring import known_texts

    session = options.open_session(**given)
    persona = session.personas.get_or_read(name)
    faults: list[str] = []
    mine, others = known_texts.data_texts(sources, session.config.read_limits, faults)
    more = known_texts.data_texts(against, session.config.read_limits, faults)
    if faults:
        raise UsageError(faults[0])
    texts = [one.text for one in mine]
    everything = [one.text for one in [*others, *more[0], *more[1], *known_texts.neutral().texts]]
    found = suggest_markers(texts, [_is_found(session, persona, text) for text in texts], everything, most)
    if json_output:
        output.print_json([asdict(one) for one in found])
    else:
        rows = tuple(
            (one.text, f"{one.texts:,}", f"{one.others:,}", decimal(one.lift, 2), decimal(one.z), f"{one.adds:,}")
            for one in found
        )
        columns = ("Marker", "Texts", "Others", "Lift", "z", "Finds further")
        title = f"Candidates for {persona.name}: {len(texts):,} texts in character, {len(everything):,} others"
        print_table(Table(title, columns, rows, frozenset({"Marker"})))
    if write:
        output.say(_write(persona, found, name))


def _is_found(session: Any, persona: Persona, text: str) -> bool:
    from charbench.datasets.texts import LabelledText
    from charbench.scoring.measuring import Group, measure

    group = Group("one", True, [LabelledText(text)])
    measure(session.scorers()[0], persona, [group])
    return bool(group.hits)


def _write(persona: Persona, found: Sequence[Suggestion], given: str) -> str:
    """Add the candidates that find further texts at the end of the moderate markers; nothing else is touched.

    ``given`` is the name or file that the persona was asked for by.
    """
    import json

    from charbench.personas.library import read_persona

    path = Path(persona.origin)
    known = {marker.text.casefold() for marker in persona.markers}
    new = [one.text for one in found if one.adds and one.text.casefold() not in known]
    if not new:
        return f"{path}: nothing to add."
    before = path.read_text(encoding="utf-8")
    match = re.search(r"(?m)^( +)moderate:[ \t]*(#.*)?\n((?:\1 +.*\n|[ \t]*\n|[ \t]*#.*\n)*)", before)
    if match is None:
        raise UsageError(f"{path}: no list 'moderate:' with a marker on each line to add to; nothing is written")
    body = match.group(3).rstrip("\n") + "\n" if match.group(3).strip() else ""
    lines = "".join(f"{match.group(1)}  - {json.dumps(text, ensure_ascii=False)}\n" for text in new)
    at = match.start(3) + len(body)
    after = before[:at] + lines + before[at:]
    try:
        path.write_text(after, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None
    read_persona(path)
    return f"{path}: {len(new):,} markers added. Measure it on other texts: charbench personas measure {quote(given)}"


@click.command("try")
@click.argument("name", metavar="NAME|FILE")
@click.argument("text", default="-", metavar="[TEXT|FILE|-]")
@options.where
@options.as_json
def try_command(name: str, text: str, *, json_output: bool, **given: Any) -> None:
    """Show a text's markers by tier and channel, and how its scores arise; - reads stdin."""
    from charbench.components.scorer import Scorer, waits
    from charbench.domain.prompt import Prompt
    from charbench.domain.sample import Sample
    from charbench.text.terminal import sanitize

    session = options.open_session(**given)
    persona = session.personas.get_or_read(name)
    path = Path(text)
    if text == "-":
        text = sys.stdin.read()
    elif len(text) < 1000 and "\n" not in text and path.is_file():
        text = path.read_text(encoding="utf-8", errors="replace")
    elif _LIKE_A_FILE.fullmatch(text):
        raise UsageError(f"{text}: no such file; to try these words themselves, give - and write them to stdin")
    thinking, closed, response = text.rpartition("</think>")
    thinking = thinking.removeprefix("<think>") if closed else ""
    sample = Sample(
        key="tried", checkpoint="tried", prompt=Prompt.from_text("-"), sampler="tried", response=response,
        thinking=thinking,
    )  # fmt: skip
    scorer: Any = next((one for one in session.scorers() if isinstance(one, Scorer) and not waits(one)), None)
    if scorer is None:
        raise UsageError("a text is tried by a scorer that asks no model, and none is configured (setting scorers)")
    scores = list(scorer.score(sample, persona))
    if json_output:
        from dataclasses import asdict

        output.print_json([asdict(score) for score in scores])
        return
    channels = dict(sample.channels())
    for score in scores:
        for span in score.spans:
            said = sanitize(channels[score.channel][span.start : span.end])
            flags = f" (not counted: {', '.join(span.flags)})" if span.flags else ""
            click.echo(f"{score.channel.value:<9} {span.tier or '-':<9} {said!r} by {span.marker}{flags}")
    shown = {metric.name for metric in type(scorer).metrics if metric.role != "detail"} | {"weighted", "set_aside"}
    for score in scores:
        if score.metric in shown:
            value = "none" if score.value is None else f"{score.value:g}"
            click.echo(f"{score.channel.value:<9} {score.metric}: {value}")
