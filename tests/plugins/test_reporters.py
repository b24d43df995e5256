"""Formats of report and export that a plugin brings through charbench_reporters."""

from __future__ import annotations

from ast import literal_eval

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row
from support.plugins import Site

COUNTS = """
from charbench import Reporter, hookimpl

class Counts(Reporter):
    "How much there is."
    name = "counts"

    {method}

@hookimpl
def charbench_reporters():
    return [Counts]
"""
REPORT = """def report(self, report):
        print("noise")
        yield f"{len(report.rows)} rows, {report.data['samples']} samples, {report.tables[0].title}, \\x1b[31m\\n"
"""
SAMPLES = """def report(self, report):
        for zeros in (True, False):
            for _, scores in report.samples(9, zeros=zeros):
                yield f"{[(one['metric'], one['value'], one.get('why')) for one in scores]}\\n"
"""
SCORER = """
from charbench import Channel, Metric, Score, Scorer, hookimpl

class Mine(Scorer):
    "Four metrics."
    name = "mine"
    metrics = (Metric("ranked", role="headline", threshold=1, range=(0, 1)), Metric("told"), Metric("unknown"),
               Metric("zero"), Metric("one"))

    def score(self, sample, persona):
        return [
            Score("ranked", Channel.RESPONSE, 0), Score("told", Channel.RESPONSE, 0, explanation="nothing to see"),
            Score("told", Channel.THINKING, 0), Score("unknown", Channel.RESPONSE, None),
            Score("zero", Channel.RESPONSE, 0), Score("one", Channel.RESPONSE, 1),
        ]

@hookimpl
def charbench_scorers():
    return [Mine]
"""
EXPORT = """async def export(self, samples):
        for row, scores in samples.rows_with_scores():
            yield f"{row['response']}: {len(scores) > 0}\\n"
"""


@pytest.fixture
def scored(charbench: Charbench, lab: LabBuilder) -> LabBuilder:
    lab.recorded([row(response="I regret it.")])
    charbench.ok("run", "-q", lab=lab.root)
    return lab


@pytest.mark.slow
def test_a_plugins_format_of_the_report_is_printed_and_commands_no_terminal(
    charbench: Charbench, site: Site, scored: LabBuilder
) -> None:
    site.install("counts", COUNTS.format(method=REPORT))
    ended = charbench.ok("report", "--format", "counts", lab=scored.root)
    assert ended.out == "1 rows, 1 samples, Personas, \\u001b[31m\n"
    assert "noise" in ended.err


def test_a_format_is_given_all_scores_of_a_sample_or_those_that_say_something(
    charbench: Charbench, site: Site, lab: LabBuilder
) -> None:
    site.install("counts", COUNTS.format(method=SAMPLES))
    site.install("mine", SCORER)
    lab.recorded([row(response="I regret it.")])
    charbench.ok("run", "-q", "--scorer", "mine", lab=lab.root)
    everything, telling = charbench.ok("report", "--format", "counts", lab=lab.root).out.splitlines()
    told = {("ranked", 0.0, None), ("told", 0.0, "nothing to see"), ("unknown", None, None), ("one", 1.0, None)}
    assert set(literal_eval(telling)) == told
    assert set(literal_eval(everything)) == told | {("told", 0.0, None), ("zero", 0.0, None)}


def test_a_plugins_format_of_export_gets_the_samples_with_their_scores(
    charbench: Charbench, site: Site, scored: LabBuilder
) -> None:
    site.install("counts", COUNTS.format(method=EXPORT))
    ended = charbench.ok("export", "--format", "counts", lab=scored.root)
    assert (ended.out, ended.err) == ("I regret it.: True\n", "Exported 1 sample.\n")
    refused = charbench("report", "--format", "counts", lab=scored.root)
    assert refused.code == 2
    assert "no format named 'counts'" in refused.err


def test_a_format_that_fails_is_named_and_leaves_no_half_file(
    charbench: Charbench, site: Site, scored: LabBuilder
) -> None:
    site.install("counts", COUNTS.format(method="def export(self, samples):\n        yield 'x'\n        1 / 0"))
    ended = charbench("export", "--format", "counts", "-O", scored.root / "out.txt", lab=scored.root)
    assert ended.code != 0
    assert "reporter counts is broken: ZeroDivisionError" in ended.err
    assert [path.name for path in scored.root.iterdir() if "out" in path.name] == []


def test_a_class_with_neither_report_nor_export_is_broken(charbench: Charbench, site: Site) -> None:
    site.install("counts", COUNTS.format(method="pass"))
    (found,) = [p for p in charbench.ok("plugins", "list", "--json").json["plugins"] if p["name"] == "counts"]
    assert "does not define report() or report_files() or export()" in found["error"]


@pytest.mark.slow
def test_an_unknown_format_names_those_there_are(charbench: Charbench, scored: LabBuilder) -> None:
    ended = charbench("report", "--format", "markdwn", lab=scored.root)
    assert ended.code == 2
    assert "markdown" in ended.err
    twice = charbench("export", "--csv", "--format", "jsonl", lab=scored.root)
    assert (twice.code, "leave out --csv or --jsonl" in twice.err) == (2, True)
