"""What a plugin's author gets wrong costs what it touches, and is told in words that help."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row
from support.plugins import Site
from support.store import count, query, store_of

SCORER = """
from charbench import Channel, Metric, Score, Scorer, hookimpl

class Mine(Scorer):
    "Mine."
    name = "mine"
    metrics = (Metric("m", range=(None, None)),)

    {body}

@hookimpl
def charbench_scorers():
    return [Mine]
"""


@pytest.fixture
def recorded(lab: LabBuilder) -> Path:
    lab.recorded([row()])
    return lab.root


def install(site: Site, body: str) -> None:
    site.install("mine", SCORER.format(body=body))


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        "def score(self, sample, persona): yield Score('m', 'response', 1)",
        "def score(self, sample, persona): return [Score('m', 'response', True)]",
        "async def score(self, sample, persona): return [Score('m', Channel.RESPONSE, 1.0)]",
        "async def score(self, sample, persona):\n        yield Score('m', 'response', 1)",
    ],
    ids=["a generator with plain words", "a list", "a coroutine", "an async generator"],
)
def test_a_scorer_may_be_written_in_any_of_these_forms(
    charbench: Charbench, site: Site, recorded: Path, body: str
) -> None:
    install(site, body)
    charbench.ok("run", "--scorer", "mine", "-q", lab=recorded)
    assert [found.value for found in query(store_of(recorded), "SELECT value FROM scores")] == [1.0]


MISTAKES = {
    "an unknown channel": ("yield Score('m', 'answer', 1)", "channel is 'answer'; one of response, thinking is needed"),
    "text for a value": ("yield Score('m', 'response', 'high')", "a score's value is a number or None, not 'high'"),
    "NaN": ("yield Score('m', 'response', float('nan'))", "m is nan; a number is needed, or None"),
    "one score, not in a list": ("return Score('m', 'response', 1)", "yield Scores, or return a list of them"),
    "a number": ("return 0.5", "mine.score() gave 0.5; yield Scores, or return a list of them"),
    "nothing": ("return None", "mine.score() gave None; yield Scores, or return a list of them"),
    "no score": ("yield 0.5", "mine.score() gave 0.5; Scores are needed"),
    "an explanation that is none": (
        "yield Score('m', 'response', 1, (), {'a': set()})",
        "explanation is text",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MISTAKES)
def test_a_scorers_mistake_is_told_and_costs_no_other_scorer_its_work(
    charbench: Charbench, site: Site, recorded: Path, name: str
) -> None:
    body, said = MISTAKES[name]
    install(site, f"def score(self, sample, persona): {body}")
    ended = charbench("run", "--scorer", "mine", "--scorer", "keyword", "-q", lab=recorded)
    assert ended.code == 1
    assert said in ended.err
    assert count(store_of(recorded), "scored") == 1  # keyword's
    assert query(store_of(recorded), "SELECT count(*) FROM scores")[0][0] > 0


BROKEN = {
    "no hookimpl": (
        "def charbench_scorers():\n    return []",
        "charbench_scorers is not marked: put @charbench.hookimpl",
    ),
    "nothing": (
        "@hookimpl\ndef charbench_scorers():\n    return None",
        "charbench_scorers gave None; a list of classes",
    ),
    "a class": ("@hookimpl\ndef charbench_scorers():\n    return Scorer", "a list of classes is needed"),
    "async": (
        "@hookimpl\nasync def charbench_scorers():\n    return []",
        "charbench_scorers is async; hooks are plain",
    ),
    "an async observer": (
        "@hookimpl\nasync def charbench_run_started(run_id): pass",
        "charbench_run_started is async; hooks are plain",
    ),
    "async persona folders": (
        "@hookimpl\nasync def charbench_persona_dirs(): return []",
        "charbench_persona_dirs is async; hooks are plain",
    ),
    "a panic": ("class Panic(BaseException): pass\nraise Panic('at the disco')", "Panic: at the disco"),
    "a role": ("Metric('m', role='main')", "role is 'main'; one of headline, health, detail is needed"),
    "one metric": (
        """class S(Scorer):
    "S."
    name = "s"
    metrics = Metric("m")
    def score(self, sample, persona): return []

@hookimpl
def charbench_scorers(): return [S]
""",
        "S.metrics must be a tuple of charbench.Metric",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_says_what_to_mend_and_everything_else_works(
    charbench: Charbench, site: Site, recorded: Path, name: str
) -> None:
    code, said = BROKEN[name]
    site.install("broken", f"from charbench import Metric, Scorer, hookimpl\n{code}\n")
    listed = charbench.ok("plugins", "list", "--json", lab=recorded).json["plugins"]
    (error,) = [plugin["error"] for plugin in listed if plugin["name"] == "broken"]
    assert said in error
    assert charbench("plugins", "show", "broken", lab=recorded).code == 1
    charbench.ok("run", "--scorer", "keyword", "-q", lab=recorded)


PRINTING = {
    "at import": "print('hello')",
    "where it is asked for components": "@hookimpl\ndef charbench_scorers():\n    print('hello')\n    return []",
    "where it is asked for persona folders": (
        "@hookimpl\ndef charbench_persona_dirs():\n    print('hello')\n    return []"
    ),
    "as a run begins": "@hookimpl\ndef charbench_run_started(): print('hello')",
    "as a run ends": "@hookimpl\ndef charbench_run_finished(): print('hello')",
}


@pytest.mark.slow
@pytest.mark.parametrize("where", PRINTING)
def test_what_a_plugin_prints_is_no_part_of_a_result(
    charbench: Charbench, site: Site, recorded: Path, where: str
) -> None:
    site.install("chatty", f"from charbench import hookimpl\n{PRINTING[where]}\n")
    ended = charbench.ok("run", "--scorer", "keyword", "--json", lab=recorded)
    assert ended.json["samples"] == 1
    assert "hello" in ended.err


CHATTY = """
from charbench import CheckpointSource, Completion, Metric, Sampler, Scorer, Trainer, hookimpl

class Chatty:
    def __init__(self, config=None):
        print("hello")
        super().__init__(config)
    def prepare(self, root, folder): print("hello")
    def aclose(self): print("hello")
    def accepts(self, checkpoint): print("hello"); return True

class Source(Chatty, CheckpointSource):
    "Source."
    name = "chatty"
    def find(self, lab): print("hello"); return []

class Talker(Chatty, Sampler):
    "Sampler."
    name = "chatty"
    def identity(self, checkpoint): print("hello"); return checkpoint.uri
    def sample(self, request): print("hello"); return Completion(text="Ahoy")

class Marker(Chatty, Scorer):
    "Scorer."
    name = "chatty"
    metrics = (Metric("m"),)
    def fingerprint(self, persona): print("hello"); return "f"
    def score(self, sample, persona): print("hello"); return []

@hookimpl
def charbench_checkpoint_sources(): return [Source]
@hookimpl
def charbench_samplers(): return [Talker]
@hookimpl
def charbench_scorers(): return [Marker]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("discover",),
        ("run", "--sampler", "chatty", "--scorer", "chatty"),
        ("run", "--sampler", "chatty", "--dry-run"),
        ("eval", "-c", "zzz:x", "-p", "pirate", "--sampler", "chatty", "--scorer", "chatty"),
        ("sample", "-c", "zzz:x", "--sampler", "chatty", "--prompt", "Who?"),
        ("plugins", "show", "chatty"),
    ],
    ids=lambda words: " ".join(words[:1] + words[-1:]),
)
def test_what_a_components_methods_print_is_no_part_of_a_result(
    charbench: Charbench, site: Site, recorded: Path, words: tuple[str, ...]
) -> None:
    site.install("chatty", CHATTY)
    ended = charbench.ok(*words, "--json", lab=recorded)
    assert ended.json is not None
    assert ("hello" in ended.err) is (words[0] != "plugins")


@pytest.mark.slow
@pytest.mark.parametrize("given", ["None", "'personas'"])
def test_persona_folders_that_are_no_list_are_told_and_cost_nothing_else(
    charbench: Charbench, site: Site, recorded: Path, given: str
) -> None:
    site.install("folders", f"from charbench import hookimpl\n@hookimpl\ndef charbench_persona_dirs(): return {given}")
    ended = charbench.ok("run", "--scorer", "keyword", lab=recorded)
    assert f"plugin folders, charbench_persona_dirs: it gave {given}; a list of folders is needed" in ended.err


SAMPLER = """
from charbench import Completion, Sampler, hookimpl

class Echo(Sampler):
    "Says hello."
    name = "aecho"
    {more}

@hookimpl
def charbench_samplers():
    return [Echo]
"""


def test_a_sampler_that_takes_anything_is_used_only_where_it_is_named(
    charbench: Charbench, site: Site, recorded: Path
) -> None:
    site.install("aecho", SAMPLER.format(more="def sample(self, request): return Completion(text='Hello')"))
    words = ("eval", "-c", "zzz:x", "-p", "pirate", "--scorer", "keyword", "-q")
    assert "no sampler accepts zzz:x" in charbench(*words, lab=recorded).err
    charbench.ok(*words, "--sampler", "aecho", lab=recorded)


def test_a_sampler_of_batches_needs_no_other_method(charbench: Charbench, site: Site, recorded: Path) -> None:
    body = "batch_size = 4\n    def sample_batch(self, requests): return [Completion(text='Ahoy') for _ in requests]"
    site.install("aecho", SAMPLER.format(more=body))
    charbench.ok("eval", "-c", "zzz:x", "-p", "pirate", "--scorer", "keyword", "-q", "--sampler", "aecho", lab=recorded)
    assert count(store_of(recorded), "samples") == 5


PERTURBATION = """
from dataclasses import replace
from charbench import Message, Perturbation, Prompt, hookimpl

class Odd(Perturbation):
    "Odd."
    name = "odd"

    def variants(self, prompt):
        changed = replace(prompt, messages=(*prompt.messages, Message("user", "Well?")))
        yield {given}

@hookimpl
def charbench_perturbations():
    return [Odd]
"""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("changed", "perturbation odd gave Prompt("),
        ("('v', 'hello')", "perturbation odd gave ('v', 'hello'); (name, Prompt) is needed"),
        ("('My Variant', changed)", "perturbation odd calls a variant 'My Variant'; a lower-case slug is needed"),
        ("('v', replace(changed, id='other'))", "variant v: the prompt is 'other' of family"),
    ],
)
def test_a_perturbations_mistake_is_one_line_that_names_it(
    charbench: Charbench, site: Site, lab: LabBuilder, given: str, said: str
) -> None:
    site.install("odd", PERTURBATION.format(given=given))
    words = ("eval", "-c", "tiny:base", "-p", "pirate", "--sampler", "tiny", "--perturb", "odd", "-q")
    ended = charbench(*words, "-o", "sampler.tiny.max_tokens=4", lab=lab.root)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_a_version_under_its_old_name_is_told_by_its_new_one(charbench: Charbench, site: Site, recorded: Path) -> None:
    install(site, "protocol = 3\n    def score(self, sample, persona): return []")
    ended = charbench("run", "--scorer", "mine", "-q", lab=recorded)
    assert ended.code == 2
    assert "mine.Mine.protocol has a new name: rename it to version, and keep its value" in ended.err


def test_a_version_that_is_no_number_is_a_mistake(charbench: Charbench, site: Site, recorded: Path) -> None:
    install(site, "version = '1.2'\n    def score(self, sample, persona): return []")
    assert (
        "mine.Mine.version is '1.2'; a whole number is needed"
        in charbench("run", "-q", "--scorer", "mine", lab=recorded).err
    )
