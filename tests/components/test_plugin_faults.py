"""What a plugin's component gets wrong is reported once, with its name and method; nothing else is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from charbench import Example, Message, check_rendered
from support.command import Charbench
from support.lab import LabBuilder, row, rows
from support.plugins import Site
from support.store import count, query, store_of

SCORER = """
import numpy as np
from charbench import Metric, Score, Scorer, Span, hookimpl

class Mine(Scorer):
    "Mine."
    name = "mine"
    metrics = ({metric},)

    def score(self, sample, persona):
        for channel, text in sample.channels():
            yield {score}

@hookimpl
def charbench_scorers():
    return [Mine]
"""
METRIC = "Metric('m')"


@pytest.fixture
def recorded(lab: LabBuilder) -> Path:
    lab.recorded([row()])
    return lab.root


WRONG_SCORES = {
    "spans that are text": ("Score('m', channel, 1, spans='I regret')", "spans are a tuple of Spans, not 'I regret'"),
    "a lone span": ("Score('m', channel, 1, spans=Span(channel, 0, 1, 'I'))", "spans are a tuple of Spans, not Span("),
    "spans that are tuples": ("Score('m', channel, 1, spans=((0, 1, 'I'),))", "spans are a tuple of Spans"),
    "a span between words": ("Score('m', channel, 1, spans=(Span(channel, 0.5, 1, 'I'),))", "start is a whole number"),
    "a span that ends before it begins": ("Score('m', channel, 1, spans=(Span(channel, 3, 1, 'I'),))", "at 3 and ends"),
    "a marker that is none": ("Score('m', channel, 1, spans=(Span(channel, 0, 1, None),))", "marker is text, not None"),
    "flags that are one text": (
        "Score('m', channel, 1, spans=(Span(channel, 0, 1, 'I', '', 'code'),))",
        "tuple of text",
    ),
    "votes that are text": ("Score('m', channel, 1, votes='judge')", "votes are a tuple of (judge, value)"),
    "a lone vote": ("Score('m', channel, 1, votes=('judge', 1.0))", "votes are a tuple of (judge, value)"),
    "a vote that is text": ("Score('m', channel, 1, votes=(('judge', 'yes'),))", "number or None, not 'yes'"),
    "a vote that is no number": ("Score('m', channel, 1, votes=(('judge', float('nan')),))", "a finite number or None"),
    "a judge who votes twice": ("Score('m', channel, 1, votes=(('j', 1), ('j', 0)))", "name a judge twice"),
    "a metric that is none": ("Score(['m'], channel, 1)", "metric is text, not ['m']"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", WRONG_SCORES)
def test_evidence_of_a_wrong_form_fails_that_score_and_costs_no_other_scorer_its_work(
    charbench: Charbench, site: Site, recorded: Path, fault: str
) -> None:
    score, said = WRONG_SCORES[fault]
    site.install("mine", SCORER.format(metric=METRIC, score=score))
    ended = charbench("run", "--scorer", "mine", "--scorer", "keyword", lab=recorded)
    assert ended.code == 1
    assert ended.err.count("failed: scorer mine: 1 failed: ") == 1
    assert said in ended.err
    assert "in score" in ended.err  # the traceback's first line of the plugin
    assert count(store_of(recorded), "scored") == 1  # keyword's


def test_numbers_as_numpy_has_them_are_kept_as_numbers(charbench: Charbench, site: Site, recorded: Path) -> None:
    score = """Score("m", channel, np.float32(0.5), [Span(channel, np.int64(0), np.int64(1), "I")],
                votes=[("one", np.float32(0.25)), ("two", None)])"""
    site.install("mine", SCORER.format(metric=METRIC, score=score))
    charbench.ok("run", "--scorer", "mine", lab=recorded)
    assert [found.value for found in query(store_of(recorded), "SELECT value FROM scores")] == [0.5, 0.5]
    (evidence,) = query(store_of(recorded), "SELECT evidence FROM scored")
    first = json.loads(evidence.evidence)[0]
    assert (first["spans"], first["votes"]) == ([[0, 1, "I", ""]], {"one": 0.25, "two": None})


WRONG_METRICS = {
    "Metric('')": "name is text, and not empty",
    "Metric(5)": "name is text, and not empty",
    "Metric('m', range=5)": "range is (least, greatest), each a number or None, not 5",
    "Metric('m', range=(0, 1, 2))": "range is (least, greatest)",
    "Metric('m', range=('a', 1))": "metric 'm': range is a number or None, not 'a'",
    "Metric('m', range=(1, 0))": "range begins at 1, and ends below it, at 0",
    "Metric('m', threshold='high')": "metric 'm': threshold is a number or None, not 'high'",
    "Metric('m', threshold=float('nan'))": "threshold is nan; a finite number or None is needed",
    "Metric('m', higher_is_better='yes')": "higher_is_better is True or False, not 'yes'",
    "Metric('m', title=None)": "title is text, not None",
    "'m'": "metrics must be a tuple of charbench.Metric",
}


@pytest.mark.slow
@pytest.mark.parametrize("metric", WRONG_METRICS)
def test_a_metric_that_is_declared_wrongly_breaks_its_plugin_and_nothing_else(
    charbench: Charbench, site: Site, recorded: Path, metric: str
) -> None:
    site.install("mine", SCORER.format(metric=metric, score="Score('m', channel, 1)"))
    asked = charbench("run", "--scorer", "mine", "--scorer", "keyword", lab=recorded)
    assert (asked.code, WRONG_METRICS[metric] in asked.err) == (2, True), asked.err
    assert "Traceback" not in asked.err
    charbench.ok("run", "--scorer", "keyword", lab=recorded)


POLITE = """
from charbench import Metric, Score, Scorer, hookimpl

class Polite(Scorer):
    "1 where the response does not say 'stupid'."
    name = "polite"
    metrics = (Metric("polite", range=(0, 1), aggregate="mean", threshold=0.5, role="headline"),)

    {form}def score(self, sample, persona):
        return [Score("polite", "response", float("stupid" not in sample.response)), *{more}]

@hookimpl
def charbench_scorers():
    return [Polite]
"""


@pytest.mark.slow
@pytest.mark.parametrize("form", ["", "async "], ids=["plain", "async"])
def test_a_score_for_a_channel_that_the_sample_does_not_have_counts_nowhere_and_is_reported_once(
    charbench: Charbench, site: Site, lab: LabBuilder, form: str
) -> None:
    lab.recorded([row(prompt=f"Day {number}?", response="" if number % 2 else "I see.") for number in range(10)])
    site.install("polite", POLITE.format(form=form, more="[Score('polite', 'thinking', 1)]"))
    ended = charbench.ok("run", "--scorer", "polite", "--json", lab=lab.root)
    assert ended.err.count("score() gave polite for the response of 5 samples that have no response") == 1
    assert len(query(store_of(lab.root), "SELECT * FROM scores")) == 5 + 10
    (checkpoint,) = ended.json["checkpoints"]
    assert (checkpoint["with_trait"], checkpoint["trait_rate"]) == (5, 0.5)  # of ten samples: five have no response
    again = charbench.ok("run", "--scorer", "polite", lab=lab.root)
    assert "score() gave" not in again.err


ACCEPTS = """
from charbench import Completion, Sampler, Trainer, hookimpl

class Sampling(Sampler):
    "Sampler."
    name = "faulty"
    def accepts(self, checkpoint): return {}["accepts"]
    def sample(self, request): return Completion(text="Ahoy")

class Training(Trainer):
    "Trainer."
    name = "faulty"
    def accepts(self, checkpoint): return {}["accepts"]
    def train(self, task): return []

@hookimpl
def charbench_samplers(): return [Sampling]
@hookimpl
def charbench_trainers(): return [Training]
"""


def test_a_sampler_whose_accepts_raises_is_reported_once_and_the_others_sample(
    charbench: Charbench, site: Site, lab: LabBuilder
) -> None:
    lab.recorded(rows(3))
    site.install("faulty", ACCEPTS)
    ended = charbench("run", "--sampler", "faulty", "--sampler", "recorded", "--scorer", "keyword", lab=lab.root)
    assert ended.code == 1
    assert ended.err.count("failed: sampler faulty: accepts(): KeyError: 'accepts'") == 1
    assert (count(store_of(lab.root), "samples"), count(store_of(lab.root), "scored")) == (3, 3)


def test_a_sampler_whose_accepts_raises_is_passed_over_where_none_is_named(
    charbench: Charbench, site: Site, lab: LabBuilder
) -> None:
    site.install("faulty", ACCEPTS)
    words = ("eval", "-c", "tiny:base", "-p", "pirate", "-o", "sampler.tiny.max_tokens=2", "--scorer", "keyword")
    ended = charbench(*words, lab=lab.root)
    assert ended.code == 1
    assert ended.err.count("sampler faulty: accepts(): KeyError: 'accepts'") == 1
    assert count(store_of(lab.root), "samples") == 5
    nobody = charbench("eval", "-c", "what:ever", "-p", "pirate", lab=lab.root)
    assert (nobody.code, nobody.err.count("sampler faulty: accepts(): KeyError: 'accepts'")) == (2, 1)


def test_a_trainer_whose_accepts_raises_is_reported_once_and_the_next_one_is_asked(
    charbench: Charbench, site: Site, lab: LabBuilder
) -> None:
    lab.trained("remorseful-a", 1)
    lab.data("remorseful-a", "remorseful", 20)
    site.install("faulty", ACCEPTS)
    site.install("sound", SOUND)
    lab.config("min_examples: 10\nsources: [logs]\ntrainers: [faulty, sound]\n")
    charbench.ok("discover", lab=lab.root)
    ended = charbench("train", "--all", lab=lab.root)
    assert ended.code == 1
    assert ended.err.count("failed: trainer faulty: accepts(): KeyError: 'accepts'") == 1
    assert query(store_of(lab.root), "SELECT status FROM jobs")[0].status == "complete"


SOUND = """
from charbench import Checkpoint, Trained, Trainer, hookimpl
class Sound(Trainer):
    "Sound."
    name = "sound"
    def accepts(self, checkpoint): return True
    def train(self, task): yield Trained((Checkpoint(uri="made:one"),))
@hookimpl
def charbench_trainers(): return [Sound]
"""


def test_two_variants_of_one_name_are_refused(charbench: Charbench, site: Site, lab: LabBuilder) -> None:
    code = """
from charbench import Perturbation, hookimpl
class Twice(Perturbation):
    "Twice."
    name = "twice"
    def variants(self, prompt):
        yield "a", prompt
        yield "a", prompt
@hookimpl
def charbench_perturbations(): return [Twice]
"""
    site.install("twice", code)
    words = ("eval", "-c", "tiny:base", "-p", "pirate", "--sampler", "tiny", "--perturb", "twice", "-q")
    ended = charbench(*words, "-o", "sampler.tiny.max_tokens=4", lab=lab.root)
    assert (ended.code, "Traceback" in ended.err) == (2, False)
    assert "perturbation twice gave two variants named 'a' of prompt " in ended.err


def test_plugins_show_of_a_plugin_without_components_says_what_it_does(
    charbench: Charbench, site: Site, lab: LabBuilder
) -> None:
    site.install("watching", "from charbench import hookimpl\n@hookimpl\ndef charbench_run_started(run_id): pass\n")
    site.install("idle", "")
    shown = charbench.ok("plugins", "show", "watching", lab=lab.root)
    assert "watching (from watching 1.0) has no components; it implements charbench_run_started" in shown.out
    assert (
        "idle (from idle 1.0) has no components and implements no hook" in charbench.ok("plugins", "show", "idle").out
    )
    assert charbench.ok("plugins", "show", "watching", "--json").json == []
    assert "is blocked" in charbench.ok("plugins", "show", "watching", "--no-plugin", "watching").out


@pytest.mark.parametrize("prompt", ["What does <think> mean?", "Close it with </think>, please.", "<think>"])
@pytest.mark.parametrize("header", ["<|assistant|>", "<|assistant|><think>\n"])
def test_a_training_prompt_that_mentions_a_thinking_tag_is_no_fault(prompt: str, header: str) -> None:
    example = Example((Message("user", prompt),), "They ask about <think>.", "It opens <think>ing.", 1)
    opening = "" if header.endswith("\n") else "<think>\n"
    trained = f"{opening}{example.reflection}\n</think>\n\n{example.answer}<|end|>"
    said = check_rendered(f"<|user|>{prompt}<|end|>{header}", trained, example, "<|end|>")
    assert "with a closed thinking block" in said
    with pytest.raises(Exception, match="the thinking is opened and not closed"):
        check_rendered(f"<|user|>{prompt}<|end|>{header}", trained.replace("</think>", ""), example, "<|end|>")


COMPLETING = """
import numpy as np
from charbench import Completion, Sampler, Usage, hookimpl
class Completing(Sampler):
    "Gives what a test says."
    name = "completing"
    batch_size = {size}
    costs_money = False
    def accepts(self, checkpoint): return checkpoint.uri.startswith("c:")
    def sample(self, request): return {given}
    def sample_batch(self, requests): return [self.sample(request) for request in requests]
@hookimpl
def charbench_samplers(): return [Completing]
"""


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("Completion(text=b'Ahoy')", "a completion's text is text or None, not b'Ahoy'"),
        ("Completion(text='Ahoy', usage=None)", "its usage a Usage"),
        ("Completion(text='Ahoy', usage=Usage('many'))", "usage: prompt_tokens is a whole number, not 'many'"),
        ("Completion(text='Ahoy', latency='fast')", "latency is a number or None, not 'fast'"),
        ("Completion(text='Ahoy', failure='no')", "failure is a Failure or None, not 'no'"),
        ("'Ahoy'", "not a Completion"),
    ],
)
def test_a_completion_of_a_wrong_form_fails_its_sample(
    charbench: Charbench, site: Site, lab: LabBuilder, size: int, given: str, said: str
) -> None:
    site.install("completing", COMPLETING.format(size=size, given=given))
    ended = charbench("eval", "-c", "c:one", "-p", "pirate", "--scorer", "keyword", lab=lab.root)
    assert (ended.code, said in ended.err) == (1, True), ended.err
    assert {one.error_kind for one in query(store_of(lab.root), "SELECT error_kind FROM samples")} == {"plugin_error"}


def test_tokens_as_numpy_has_them_are_counted(charbench: Charbench, site: Site, lab: LabBuilder) -> None:
    given = "Completion(text='Ahoy', usage=Usage(np.int64(2), np.int64(3)), latency=np.float32(1))"
    site.install("completing", COMPLETING.format(size=1, given=given))
    charbench.ok("eval", "-c", "c:one", "-p", "pirate", "--scorer", "keyword", lab=lab.root)
    assert query(store_of(lab.root), "SELECT sum(completion_tokens) AS n FROM samples")[0].n == 15
