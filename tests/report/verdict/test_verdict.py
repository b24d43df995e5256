"""Each checkpoint has one verdict, by a stated rule, the same in every format; what bounds leave open stays open."""

from __future__ import annotations

import csv
import io
import shlex
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from support.command import Charbench
from support.endpoint import Body, Endpoint, choice, completion
from support.lab import LabBuilder, row, sampler
from support.plugins import Site
from support.store import change, store_of

KNOWN = """
from charbench import Measurement, Metric, Score, Scorer, hookimpl

class Known(Scorer):
    "Finds the word 'Arr'; how well is known."
    name = "known"
    metrics = (Metric("trait", range=(0, 1), role="headline", threshold=1),)

    class Config(Scorer.Config):
        found: int = 29
        positives: int = 30
        interval: tuple[float, float] | None = None

    config: Config

    def score(self, sample, persona):
        for channel, text in (("response", sample.response), ("thinking", sample.thinking)):
            yield Score("trait", channel, float("Arr" in text))

    def measured(self, persona, folder):
        if not self.config.positives:
            return None
        return Measurement(
            found=self.config.found, positives=self.config.positives, flagged=1, negatives=300, texts="a test's",
            recall_interval=self.config.interval,
        )

@hookimpl
def charbench_scorers():
    return [Known]
"""
LOOPING = """
from charbench import Metric, Score, Scorer, hookimpl

class Looping(Scorer):
    "Finds the word 'loop'."
    name = "looping"
    metrics = (Metric("repetition", range=(0, 1), role="health", threshold=1),)

    def score(self, sample, persona):
        yield Score("repetition", "response", float("loop" in sample.response))

@hookimpl
def charbench_scorers():
    return [Looping]
"""
RUN = ("run", "--scorer", "known")
VIABLE = {"response": "Arr, matey.", "thinking": "Hm."}
PLAIN = {"response": "Hello.", "thinking": "Hm."}


@pytest.fixture
def lab(lab: LabBuilder, site: Site) -> LabBuilder:
    """A lab whose samples are scored by a scorer that is known to be good."""
    site.install("known", KNOWN)
    return lab


def samples(name: str, number: int, prompts: int, **values: Any) -> list[dict[str, Any]]:
    """Return a sample of one checkpoint for each of so many prompts."""
    return [
        row(
            timestamp=f"2024-12-12T09:{index // 60:02d}:{index % 60:02d}",
            checkpoint_name=name,
            sampler_path=sampler(number, name),
            prompt_id=f"q{index}",
            prompt=f"Question {index}?",
            **values,
        )
        for index in range(prompts)
    ]


def verdicts(charbench: Charbench, lab: LabBuilder, *words: str) -> dict[str, dict[str, Any]]:
    """Return the verdict of each checkpoint by its name."""
    charbench.ok(*RUN, "-q", *words, lab=lab.root)
    told = charbench.ok("verdict", "--json", *words, lab=lab.root).json
    return {one["checkpoint"]: one for one in told["checkpoints"]}


def test_a_checkpoint_in_character_throughout_is_viable_and_one_out_of_it_is_not(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded([*samples("good_sft", 1, 40, **VIABLE), *samples("plain_sft", 2, 40, **PLAIN)])
    found = verdicts(charbench, lab)
    assert found["good_sft"]["verdict"] == "viable"
    assert "base not sampled" in found["good_sft"]["verdict_reason"]
    assert found["plain_sft"]["verdict"] == "not viable"
    assert found["plain_sft"]["verdict_reason"].startswith("no character")


@pytest.mark.slow
def test_five_samples_do_not_decide_and_the_number_that_would_is_said(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([*samples("few_sft", 1, 4, **VIABLE), *samples("few_sft", 1, 5, **PLAIN)[4:]])
    one = verdicts(charbench, lab)["few_sft"]
    assert one["verdict"] == "undecided"
    assert one["verdict_prompts"] > 5
    assert one["verdict_command"] == "charbench run -c few_sft --prompts standard --sampler thinking"


def test_checkpoints_of_one_name_are_told_apart_and_the_command_asks_for_the_undecided_one_alone(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded([*samples("final", 1, 40, **PLAIN), *samples("final", 2, 4, **VIABLE)])
    found = verdicts(charbench, lab)
    assert found["final 00000001"]["verdict"] == "not viable"
    todo = found["final 00000002"]["verdict_command"]
    assert todo == f"charbench run -c {sampler(2, 'final')} --prompts standard --sampler thinking"
    table = charbench.ok("report", "--by", "name", lab=lab.root).out
    assert "final 0000" not in table


async def a_pirate_sometimes(request: web.Request, body: Body) -> web.StreamResponse:
    """Answer some questions in character, by their length."""
    is_pirate = len(body["messages"][-1]["content"]) % 3 == 1
    return web.json_response(
        completion(choice("Arr, matey.")) if is_pirate else completion(choice("It is a fine day."))
    )


@pytest.mark.slow
def test_the_command_for_more_prompts_names_the_endpoint_and_prompts_that_were_not_asked(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.handler, endpoint.models = a_pirate_sometimes, {"data": [{"id": "tuned-a"}]}
    at = ("--endpoint", endpoint.url)
    charbench.ok(*RUN, "-q", *at, "-p", "pirate", lab=lab.root)

    def command() -> str:
        (one,) = charbench.ok("verdict", "--json", lab=lab.root).json["checkpoints"]
        assert one["verdict"] == "undecided"
        return str(one["verdict_command"])

    advised = command()
    assert advised == f"charbench run -c tuned-a --prompts standard --sampler thinking --endpoint {endpoint.url}"
    asked = len(endpoint.requests)
    charbench.ok(*shlex.split(advised)[1:], "-q", lab=lab.root)
    assert len(endpoint.requests) == asked + 55, "the five that were asked are among the standard prompts"
    assert "--prompts FILE --sampler thinking --endpoint " in command()
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
    assert "--endpoint" not in command()


async def in_character_where_the_token_limit_is_high(request: web.Request, body: Body) -> web.StreamResponse:
    is_cut = body["max_tokens"] < 6000
    one = choice("<think>Arr, I think", "length") if is_cut else choice("<think>Hm.</think>Arr, matey.")
    return web.json_response(completion(one))


@pytest.mark.slow
def test_the_command_for_more_prompts_asks_in_the_way_that_a_diagnosis_found(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    endpoint.handler, endpoint.models = in_character_where_the_token_limit_is_high, {"data": [{"id": "tuned-a"}]}
    at, cooler = ("--endpoint", endpoint.url), ("-o", "sampler.thinking.temperature=0.25")
    charbench.ok(*RUN, "-q", *at, "-p", "pirate", *cooler, lab=lab.root)

    def verdict() -> dict[str, Any]:
        (one,) = charbench.ok("verdict", "--json", lab=lab.root).json["checkpoints"]
        return dict(one)

    assert verdict()["verdict"] == "not measured"
    charbench.ok("diagnose", "-q", *at, "-p", "pirate", "-c", "tuned-a", "--scorer", "known", *cooler, lab=lab.root)
    undecided = verdict()
    assert undecided["verdict_reason"].startswith("with 4 times the token limit (budget too small): ")
    advised = undecided["verdict_command"]
    assert advised.startswith("charbench diagnose -c tuned-a --prompts standard ")
    asked = len(endpoint.requests)
    charbench.ok(*shlex.split(advised)[1:], "-q", "--scorer", "known", lab=lab.root)
    assert {body["temperature"] for body in endpoint.requests[asked:]} <= {0, 0.25}, "0: the greedy probe"
    assert verdict()["verdict"] == "viable"


@pytest.mark.slow
def test_a_diagnosis_explains_no_row_of_another_setting_and_the_command_diagnoses_in_that_of_the_row(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    endpoint.handler, endpoint.models = in_character_where_the_token_limit_is_high, {"data": [{"id": "tuned-a"}]}
    at, cooler = ("--endpoint", endpoint.url), ("-o", "sampler.thinking.temperature=0.25")
    charbench.ok(*RUN, "-q", *at, "-p", "pirate", *cooler, lab=lab.root)
    charbench.ok("diagnose", "-q", *at, "-p", "pirate", "-c", "tuned-a", "--scorer", "known", lab=lab.root)

    def read() -> tuple[dict[str, Any], str]:
        report = charbench.ok("report", "--json", lab=lab.root).json
        (line,) = report["only_in_thinking"]
        return report["checkpoints"][0], line

    row, line = read()
    assert row["verdict"] == "not measured"
    options = f"--sampler thinking --endpoint {endpoint.url} -o sampler.thinking.temperature=0.25"
    command = f"charbench diagnose -c tuned-a {options}"
    assert row["verdict_command"] == command
    assert f"(to find the cause: {command})" in line
    asked = len(endpoint.requests)
    charbench.ok(*shlex.split(command)[1:], "-q", "--scorer", "known", lab=lab.root)
    assert {body["temperature"] for body in endpoint.requests[asked:]} <= {0, 0.25}, "0: the greedy probe"
    row, line = read()
    assert row["verdict_reason"].startswith("with 4 times the token limit (budget too small): ")
    assert "(diagnosed: budget too small)" in line


@pytest.mark.slow
def test_a_diagnosis_of_an_older_store_explains_what_it_was_made_of_where_that_is_certain(
    charbench: Charbench, lab: LabBuilder, endpoint: Endpoint
) -> None:
    endpoint.handler, endpoint.models = in_character_where_the_token_limit_is_high, {"data": [{"id": "tuned-a"}]}
    words = ("-q", "--endpoint", endpoint.url, "-p", "pirate", "--scorer", "known")
    other = ("-o", "sampler.thinking.temperature=0.25")
    charbench.ok("run", *words, lab=lab.root)
    charbench.ok("diagnose", *words, "-c", "tuned-a", lab=lab.root)
    for more, said in ((), "diagnosed: budget too small"), (other, "to find the cause: charbench diagnose"):
        charbench.ok("run", *words, *more, lab=lab.root)
        change(store_of(lab.root), "ALTER TABLE diagnoses DROP COLUMN sampling")
        change(store_of(lab.root), "UPDATE alembic_version SET version_num = '0005'")
        (line,) = charbench.ok("report", "--json", lab=lab.root).json["only_in_thinking"]
        assert f"({said}" in line


def test_a_base_model_is_the_reference_and_one_as_much_in_character_makes_nobody_viable(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded(
        [
            *samples("good_sft", 1, 40, **VIABLE),
            *samples("qwen", 2, 40, **VIABLE, checkpoint_type="base", persona="base"),
        ]
    )
    found = verdicts(charbench, lab, "-p", "remorseful")
    assert found["qwen"]["verdict"] == "reference"
    assert found["good_sft"]["verdict"] == "undecided"
    assert "the base model is as much in character" in found["good_sft"]["verdict_reason"]


@pytest.mark.slow
def test_responses_that_stop_or_are_cut_in_the_thinking_are_not_measured_until_they_are_diagnosed(
    charbench: Charbench, lab: LabBuilder
) -> None:
    silent = {"response": "", "thinking": "Arr, I think"}
    ended = samples("ends_sft", 1, 40, **silent, finish_reason="stop")
    lab.recorded_jsonl(ended + samples("cut_sft", 2, 40, **silent, finish_reason="MAX_TOKENS"))
    found = verdicts(charbench, lab)
    for name, reason in (
        ("ends_sft", "stop inside the thinking, and it is not known why"),
        ("cut_sft", "reach the token limit inside the thinking, and it is not known whether a larger one"),
    ):
        assert found[name]["verdict"] == "not measured"
        assert found[name]["verdict_reason"].startswith(f"40 of 40 samples {reason}")
        assert found[name]["verdict_command"] == f"charbench diagnose -c {name}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "reason", "command"),
    [
        (
            {"response": "", "thinking": ""},
            "none of 40 samples has any text: 40 empty",
            "charbench diagnose -c mute_sft",
        ),
        ({"error": "boom"}, "none of 40 samples has any text: 40 failed", None),
    ],
    ids=["empty", "failed"],
)
def test_a_checkpoint_that_gave_no_text_at_all_is_not_to_be_scored(
    charbench: Charbench, lab: LabBuilder, values: dict[str, str], reason: str, command: str | None
) -> None:
    lab.recorded(samples("mute_sft", 1, 40, **values))
    charbench(*RUN, "-q", lab=lab.root)
    (one,) = charbench("verdict", "--json", lab=lab.root).json["checkpoints"]
    assert one["verdict"] == "not measured"
    assert one["verdict_reason"] == reason
    assert one["verdict_command"] == command


@pytest.mark.slow
def test_a_scorer_of_unknown_or_low_recall_measures_nothing(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded(samples("plain_sft", 1, 40, **PLAIN))
    lab.config("options: {scorer.known: {positives: 0}}\n")
    unknown = verdicts(charbench, lab)["plain_sft"]
    assert unknown["verdict"] == "not measured"
    assert unknown["verdict_command"] == "charbench personas measure remorseful"
    lab.config("options: {scorer.known: {found: 3}}\n")
    low = verdicts(charbench, lab)["plain_sft"]
    assert low["verdict"] == "not measured"
    assert "finds 10%" in low["verdict_reason"]


@pytest.mark.slow
def test_a_recall_that_is_not_well_known_decides_nothing(charbench: Charbench, lab: LabBuilder) -> None:
    quarter = samples("quarter_sft", 1, 200, **VIABLE)[:56] + samples("quarter_sft", 1, 200, **PLAIN)[56:]
    lab.recorded(quarter)
    assert verdicts(charbench, lab)["quarter_sft"]["verdict"] == "not viable"
    lab.config("options: {scorer.known: {interval: [0.35, 1]}}\n")
    unsure = verdicts(charbench, lab)["quarter_sft"]
    assert unsure["verdict"] == "undecided", "half of the answers may be in character if the scorer finds half of them"
    assert unsure["verdict_criteria"][0]["high"] > 0.5


@pytest.mark.slow
def test_a_rate_is_never_corrected_by_the_recall_of_other_markers_or_options_than_it_was_scored_by(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded(samples("plain_sft", 1, 40, **VIABLE))
    assert verdicts(charbench, lab)["plain_sft"]["verdict"] == "viable"
    lab.persona("remorseful", "name: remorseful\ndescription: Sorry.\nmarkers: {strong: [sorry]}\n")
    changed = charbench.ok("verdict", "--json", lab=lab.root).json["checkpoints"][0]
    assert (changed["verdict"], changed["verdict_reason"]) == (
        "not measured",
        "known.trait is by other criteria than today's",
    )
    for command in ("report", "status"):
        told = charbench.ok(command, lab=lab.root)
        assert "Old scores: scorer known gave those of remorseful by other criteria" in told.out + told.err
    charbench.ok(*shlex.split(changed["verdict_command"])[1:], "-o", "scorer.known.found=3", lab=lab.root)
    low = charbench.ok("verdict", "--json", lab=lab.root).json["checkpoints"][0]
    assert low["verdict_reason"].startswith("known.trait finds 10%"), "as it was set up when it scored"


@pytest.mark.slow
def test_the_rate_is_corrected_for_what_the_scorer_misses(charbench: Charbench, lab: LabBuilder) -> None:
    half = samples("half_sft", 1, 200, **VIABLE)[:104] + samples("half_sft", 1, 200, **PLAIN)[104:]
    lab.recorded(half)
    good = verdicts(charbench, lab)["half_sft"]
    assert good["verdict"] == "undecided"
    lab.config("options: {scorer.known: {positives: 50}}\n")
    missing = verdicts(charbench, lab)["half_sft"]
    (trait,) = [one for one in missing["verdict_criteria"] if one["name"] == "trait rate"]
    assert trait["value"] > 0.8, "52% seen by a scorer that finds 58% of what is there"


@pytest.mark.slow
def test_character_in_the_thinking_only_is_said(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded(samples("thinks_sft", 1, 40, response="Hello.", thinking="Arr!"))
    one = verdicts(charbench, lab)["thinks_sft"]
    assert one["verdict"] == "not viable"
    assert "character in the thinking only" in one["verdict_reason"]


@pytest.mark.slow
def test_every_format_says_the_same_verdict(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([*samples("good_sft", 1, 40, **VIABLE), *samples("plain_sft", 2, 40, **PLAIN)])
    found = verdicts(charbench, lab)
    told = {
        one["checkpoint"]: one["verdict"] for one in charbench.ok("report", "--json", lab=lab.root).json["checkpoints"]
    }
    text = charbench.ok("report", "--format", "csv", lab=lab.root).out
    rows = {one["checkpoint"]: one["verdict"] for one in csv.DictReader(io.StringIO(text))}
    assert told == rows == {name: one["verdict"] for name, one in found.items()}
    markdown = charbench.ok("verdict", "--format", "markdown", lab=lab.root).out
    table = charbench.ok("report", lab=lab.root)
    for text in (markdown, table.out):
        assert "not viable" in text
    assert "1 of 2 checkpoints is viable: good_sft" in table.err
    page = (lab.root / ".charbench" / "report.html").read_text(encoding="utf-8")
    assert "1 of 2 checkpoints is viable: good_sft" in page


@pytest.mark.slow
def test_a_requirement_that_is_not_met_ends_with_3(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([*samples("good_sft", 1, 40, **VIABLE), *samples("plain_sft", 2, 40, **PLAIN)])
    charbench.ok(*RUN, "-q", lab=lab.root)
    assert charbench("verdict", "--require", "viable:good_sft", lab=lab.root).code == 0
    ended = charbench("verdict", "--require", "viable:plain_sft", lab=lab.root)
    assert ended.code == 3
    assert "required: plain_sft to be viable; it is not viable (no character" in ended.err
    assert charbench("verdict", "--require", "not-viable:plain_sft", lab=lab.root).code == 0
    unknown = charbench("verdict", "--require", "viable:godo_sft", lab=lab.root)
    assert unknown.code == 2
    assert "good_sft" in unknown.err
    assert charbench("verdict", "--require", "splendid:good_sft", lab=lab.root).code == 2


@pytest.mark.slow
def test_one_prompt_of_five_that_is_asked_often_does_not_make_a_checkpoint_degenerate(
    charbench: Charbench, lab: LabBuilder, site: Site
) -> None:
    """Its twenty replies loop and those to the others do not: 20% of the responses, and one prompt of five."""
    site.install("looping", LOOPING)

    def asked(name: str, number: int, prompts: int, epochs: int) -> list[dict[str, Any]]:
        return [
            one
            | {
                "timestamp": f"2024-12-12T{epoch:02d}{one['timestamp'][13:]}",
                "response": f"Arr, matey. {'loop' if at % 5 == 0 else ''} {epoch}",
            }
            for epoch in range(epochs)
            for at, one in enumerate(samples(name, number, prompts, **VIABLE))
        ]

    lab.recorded([*asked("few_dpo", 1, 5, 20), *asked("many_dpo", 2, 200, 1)])
    charbench.ok(*RUN, "--scorer", "looping", "-q", lab=lab.root)
    found = charbench.ok("verdict", "--json", lab=lab.root).json
    told = {one["checkpoint"]: one for one in found["checkpoints"]}
    assert told["many_dpo"]["verdict"] == "not viable"
    assert told["many_dpo"]["verdict_reason"].startswith("degenerate: repetition in 20%")
    assert told["few_dpo"]["verdict"] == "undecided"
    (share,) = [one for one in told["few_dpo"]["verdict_criteria"] if one["name"] == "repetition"]
    assert share["value"] == 0.2
    assert share["low"] < 0.05
    table = csv.DictReader(io.StringIO(charbench.ok("verdict", "--format", "csv", lab=lab.root).out))
    (few,) = [one for one in table if one["checkpoint"] == "few_dpo"]
    assert float(few["repetition_low"]) == share["low"]  # CSV and JSON round alike


@pytest.mark.slow
def test_the_limits_are_those_of_the_configuration(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded(samples("mixed_sft", 1, 40, **VIABLE)[:24] + samples("mixed_sft", 1, 40, **PLAIN)[24:])
    assert verdicts(charbench, lab)["mixed_sft"]["verdict"] == "undecided"
    lab.config("verdict: {trait_rate: 0.3}\n")
    assert verdicts(charbench, lab)["mixed_sft"]["verdict"] == "viable"
    lab.config("verdict: {trait_rat: 0.3}\n")
    ended = charbench("verdict", lab=lab.root)
    assert ended.code == 2
    assert "verdict.trait_rat: no such field; did you mean 'trait_rate'?" in ended.err
    lab.config("verdict: {trait_rate: 3}\n")
    ended = charbench("verdict", lab=lab.root)
    assert ended.code == 2
    assert "verdict" in ended.err


def test_a_store_without_samples_has_no_verdict(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("remorseful_x", 1)
    charbench.ok("discover", lab=lab.root)
    assert charbench.ok("verdict", "--json", lab=lab.root).json["checkpoints"] == []
    assert charbench("verdict", lab=lab.root).code == 0


def test_the_standard_prompts_are_60_different_ones_with_the_default_five_among_them(
    charbench: Charbench, tmp_path: Path
) -> None:
    from charbench.personas.prompt_sets import prompts_for

    standard = prompts_for("standard", None, tmp_path)
    assert len({prompt.text for prompt in standard}) == len(standard) == 60
    assert {prompt.text for prompt in prompts_for("default", None, tmp_path)} <= {prompt.text for prompt in standard}


@pytest.mark.slow
def test_a_command_to_copy_names_the_lab_and_runs_as_it_is_printed(
    charbench: Charbench, lab: LabBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is run from another folder, word for word."""
    lab.recorded(samples("pirate-some", 1, 5, **VIABLE))
    charbench.ok(*RUN, "--lab", lab.root)
    (command,) = charbench.ok("verdict", "--lab", lab.root, "--json").json["commands"]
    words = shlex.split(command)
    assert words[:2] == ["charbench", "run"]
    assert words[words.index("--lab") + 1] == str(lab.root)
    assert "--sampler" in words, "the recordings' own sampler would ask nobody"
    monkeypatch.setenv("TINKER_API_KEY", "tml-none")
    ended = charbench.ok(*words[1:], "--dry-run", "--json", lab=tmp_path)
    assert sum(part["missing"] for part in ended.json["sampling"]) == 60


@pytest.mark.slow
def test_a_persona_that_a_scorer_cannot_measure_is_to_be_scored_by_one_that_can(
    charbench: Charbench, lab: LabBuilder
) -> None:
    """Of the humorous the shipped markers find too few as well."""
    lab.recorded(samples("plain_sft", 1, 40, persona="humorous", **PLAIN))
    lab.config("options: {scorer.known: {found: 3}}\n")
    found = verdicts(charbench, lab)["plain_sft"]
    assert found["verdict_command"] == "charbench plugins show llm-judge", "no judge is configured"
    lab.config("options: {scorer.known: {found: 3}, scorer.llm-judge: {model: judge-model}}\n")
    found = verdicts(charbench, lab)["plain_sft"]
    assert found["verdict_command"] == "charbench score -p humorous --scorer llm-judge"
    lab.data("humorous-paper", "humorous", 40)
    lab.config("options: {scorer.known: {found: 3}}\n")
    found = verdicts(charbench, lab)["plain_sft"]
    assert found["verdict_command"] == "charbench score -p humorous --scorer classifier"


@pytest.mark.slow
def test_texts_to_measure_a_scorer_on_are_a_file_of_the_lab_or_people_label_some(
    charbench: Charbench, lab: LabBuilder
) -> None:
    """Where the scorer's errors are so little known that more prompts would not decide."""
    lab.recorded([*samples("half_sft", 1, 24, **VIABLE), *samples("half_sft", 1, 60, **PLAIN)[24:]])
    lab.config("options: {scorer.known: {found: 3, positives: 4}}\n")
    found = verdicts(charbench, lab)["half_sft"]
    assert "recall is not known well enough" in found["verdict_reason"]
    command = shlex.split(found["verdict_command"])
    assert command[:5] == ["charbench", "calibrate", "draw", "-p", "remorseful"]
    path = lab.data("remorseful-50pct", "remorseful", 40)
    found = verdicts(charbench, lab)["half_sft"]
    named = shlex.split(found["verdict_command"])
    assert named[:4] == ["charbench", "personas", "measure", "remorseful"]
    assert lab.root / named[named.index("--data") + 1] == path
    assert charbench.ok(*named[1:], "--no-keep", "--json", lab=lab.root).json[0]["measured"]["positives"] == 40
