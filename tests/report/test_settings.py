"""Settings: whoever changes what is requested sees in the next report what changed, and nothing is pooled."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, sampler
from support.parrot import PARROT, QUESTIONS, A, B, Lab, rows
from support.plugins import Site
from support.store import change, store_of


@pytest.fixture
def lab(charbench: Charbench, site: Site, lab: LabBuilder) -> Lab:
    site.install("parrot", PARROT)
    return Lab(charbench, lab)


def totals(report: Any) -> list[tuple[str, int, float]]:
    return [(one["persona"], one["samples"], one["trait_rate"]) for one in report["personas"]]


@pytest.mark.slow
def test_two_temperatures_never_share_a_row_a_tier_or_a_total(lab: Lab) -> None:
    lab.eval(A, temperature=0)
    lab.eval(B, temperature=1)
    shown = lab.report()
    assert rows(shown) == {"b": (6, 0.0)}
    assert totals(shown) == [("pirate", 6, 0.0)]
    assert shown["samples_left_out"] == 6
    (other,) = shown["other_settings"]
    named = lab.report("--setting", other)
    assert rows(named) == {"a": (6, 1.0)}
    assert totals(named) == [("pirate", 6, 1.0)]
    assert named["settings"]["pirate"]["parameters"] == {"temperature": 0}


@pytest.mark.slow
def test_one_checkpoint_at_two_temperatures_is_not_pooled(lab: Lab) -> None:
    lab.eval(A, B, temperature=0)
    lab.eval(A, temperature=1)
    assert rows(lab.report()) == {"a": (6, 0.0)}
    assert rows(lab.report("--setting", lab.listed()[1]["id"])) == {"a": (6, 1.0), "b": (6, 1.0)}


@pytest.mark.slow
def test_a_run_that_adds_nothing_changes_no_report(lab: Lab) -> None:
    lab.eval(A, temperature=0)
    lab.eval(A, temperature=1)
    before = lab.report()
    lab.eval(A, temperature=0)
    assert lab.report() == before


@pytest.mark.slow
def test_a_run_that_finds_all_that_it_asked_for_ends_with_a_report_of_that(lab: Lab, charbench: Charbench) -> None:
    lab.eval(A, temperature=0)
    lab.eval(A, temperature=1)
    lab.eval(A, temperature=1, prompts="more.txt")
    first = lab.eval(A, temperature=0)
    assert (rows(first), first["settings"]["pirate"]["parameters"]) == ({"a": (6, 1.0)}, {"temperature": 0})
    fewer = lab.eval(A, temperature=1)
    assert (rows(fewer)["a"][0], fewer["settings"]["pirate"]["prompts"]) == (6, 6)
    assert rows(lab.report())["a"][0] == 9, "the setting to which samples were added last"
    words = ("eval", "-c", A, "-p", "pirate", "--scorer", "keyword", "--sampler", "parrot", "--prompts", "q.txt")
    said = charbench.ok(*words, "-o", "sampler.parrot.temperature=0", lab=lab.lab.root).err
    shown, usual = first["settings"]["pirate"]["id"], lab.report()["settings"]["pirate"]["id"]
    assert f"Setting (this run's): {shown} of pirate" in said
    assert f"charbench report shows {usual} (temperature 1, 9 prompts)" in said
    assert f"this one with --setting {shown}" in said


def test_settings_are_listed_with_what_differs(lab: Lab) -> None:
    lab.eval(A, temperature=0)
    lab.eval(B, temperature=1)
    lab.eval(B, temperature=1, more=("-o", "sampler.parrot.beak=sharp"))
    newest, second, first = lab.listed()
    assert [one["is_default"] for one in (newest, second, first)] == [True, False, False]
    assert [one["samples"] for one in (newest, second, first)] == [6, 6, 6]
    assert newest["differs"] == ["temperature 1", "parrot beak sharp"]
    assert second["differs"] == ["temperature 1", "parrot beak blunt"]
    assert first["differs"] == ["temperature 0", "parrot beak blunt"]
    printed = lab.charbench.ok("report", "--list-settings", lab=lab.lab.root).out
    assert all(one["id"] in printed for one in (newest, second, first))
    lab.eval(B, temperature=0.5, more=("--scorer", "refusal"))
    with_one_more = lab.listed()[0]["differs"]
    assert with_one_more == ["temperature 0.5", "parrot beak blunt", "scorer refusal"], "without the scorer's options"


def test_an_id_depends_on_what_was_requested_alone(lab: Lab, charbench: Charbench, tmp_path: Path) -> None:
    lab.eval(A, temperature=0)
    lab.eval(B, temperature=1)
    other = Lab(charbench, LabBuilder(tmp_path / "another"))
    other.eval(B, temperature=1)
    other.eval(B, temperature=0.3)
    other.eval(A, temperature=0)
    shared = {one["id"] for one in lab.listed()} & {one["id"] for one in other.listed()}
    assert shared == {one["id"] for one in lab.listed()}


@pytest.mark.slow
def test_prompts_of_another_file_are_another_setting(lab: Lab) -> None:
    lab.eval(A, B, temperature=0)
    lab.lab.write("r.txt", "Who goes there?\nWhere to?\nWhy?\n")
    lab.eval(A, temperature=0, prompts="r.txt")
    shown = lab.report()
    assert rows(shown) == {"a": (3, 1.0)}
    assert (shown["samples_left_out"], shown["settings"]["pirate"]["prompts"]) == (12, 3)
    assert rows(lab.report("--setting", shown["other_settings"][0])) == {"a": (6, 1.0), "b": (6, 1.0)}


@pytest.mark.slow
def test_one_prompt_of_a_file_that_is_edited_leaves_the_others(lab: Lab) -> None:
    lab.eval(A, temperature=0)
    lab.lab.write("q.txt", QUESTIONS.replace("What of 5", "What about 5"))
    assert lab.eval(A, temperature=0)["run"]["added"]["samples"] == 1
    shown = lab.report()
    assert rows(shown) == {"a": (6, 1.0)}
    assert shown["samples_left_out"] == 1
    assert shown["checkpoints"][0]["responses"] == 6
    assert shown["checkpoints"][0]["mean_response_chars"] == len("Ahoy matey")
    newest, earlier = (one["differs"] for one in lab.listed())
    assert newest != earlier, "two sets of as many prompts are told apart"


@pytest.mark.slow
def test_more_prompts_keep_the_rows_that_were_asked_some_of_them(lab: Lab) -> None:
    lab.eval(A, B, temperature=0)
    lab.lab.write("q.txt", QUESTIONS + "And then?\nAnd before?\n")
    lab.eval(A, temperature=0)
    shown = lab.report()
    assert rows(shown) == {"a": (8, 1.0), "b": (6, 1.0)}
    assert {one["checkpoint"]: one["prompts_shared"] for one in shown["checkpoints"]} == {"a": 8, "b": 6} or any(
        one["other_prompts"] for one in shown["checkpoints"]
    )


@pytest.mark.slow
def test_another_option_of_a_scorer_is_another_setting_of_the_same_samples(lab: Lab) -> None:
    lab.eval(A, temperature=0)
    lab.eval(A, temperature=0, more=("-o", "scorer.keyword.cap=1"))
    shown = lab.report()
    assert (shown["samples"], shown["samples_left_out"]) == (6, 0)
    assert shown["settings"]["pirate"]["scorers"]["keyword"]["options"]["cap"] == 1
    newest, first = lab.listed()
    assert newest["differs"] == ["keyword cap 1"]
    was = lab.report("--setting", first["id"])
    assert was["settings"]["pirate"]["scorers"]["keyword"]["options"]["cap"] != 1
    assert lab.listed() == [newest, first]


@pytest.mark.slow
def test_a_changed_persona_file_is_another_setting(lab: Lab, charbench: Charbench) -> None:
    persona = "name: parroty\ndescription: Talks.\ntraits: [talks]\nmarkers:\n  strong: [{}]\nrubric: Talks.\n"
    lab.lab.persona("parroty", persona.format("ahoy"))
    words = (
        "-c",
        A,
        "-p",
        "parroty",
        "--scorer",
        "keyword",
        "--sampler",
        "parrot",
        "-o",
        "sampler.parrot.temperature=0",
    )
    charbench.ok("eval", *words, "--prompts", "q.txt", lab=lab.lab.root)
    lab.lab.persona("parroty", persona.format("avast"))
    charbench.ok("eval", *words, "--prompts", "q.txt", lab=lab.lab.root)
    assert [one["trait_rate"] for one in lab.report()["checkpoints"]] == [0.0]
    assert len(lab.listed()) == 2


@pytest.mark.slow
def test_comparisons_hold_nothing_of_another_setting(lab: Lab, charbench: Charbench) -> None:
    lab.eval(A, B, temperature=0)
    lab.eval(A, temperature=1)
    ended = charbench("compare", "a", "b", lab=lab.lab.root)
    assert ended.code == 2
    assert "b has no samples" in ended.err
    cold = lab.listed()[1]["id"]
    found = charbench.ok("compare", "a", "b", "--setting", cold, "--json", lab=lab.lab.root).json
    assert [(one["samples"], one["value"]) for one in found["checkpoints"]] == [(6, 1.0), (6, 1.0)]
    assert found["settings"]["pirate"]["id"] == cold


@pytest.mark.slow
def test_the_setting_is_stated_in_every_format(lab: Lab, charbench: Charbench) -> None:
    lab.eval(A, temperature=0)
    lab.eval(A, temperature=1)
    shown, other = (one["id"] for one in lab.listed())
    table = charbench.ok("report", lab=lab.lab.root).err
    assert f"{shown} of pirate (temperature 1" in table
    assert "6 samples of 1 other setting are left out" in table
    assert f"--setting {other} shows one (temperature 0)." in table
    assert f"{shown} of pirate" in charbench.ok("report", "--format", "markdown", lab=lab.lab.root).out
    (line,) = csv.DictReader(io.StringIO(charbench.ok("report", "--format", "csv", lab=lab.lab.root).out))
    assert line["setting"] == shown


def test_an_unknown_setting_and_two_of_one_persona_are_usage_errors(lab: Lab, charbench: Charbench) -> None:
    lab.eval(A, temperature=0)
    lab.eval(A, temperature=1)
    ended = charbench("report", "--setting", "nope", lab=lab.lab.root)
    assert (ended.code, "no setting named 'nope'" in ended.err) == (2, True)
    both = [word for one in lab.listed() for word in ("--setting", one["id"])]
    ended = charbench("report", *both, lab=lab.lab.root)
    assert (ended.code, "both settings of pirate" in ended.err) == (2, True)


@pytest.mark.slow
def test_recordings_are_a_setting_of_their_own(lab: Lab, charbench: Charbench) -> None:
    lab.lab.recorded(
        row(checkpoint_name="pirate_dpo", persona="pirate", sampler_path=sampler(1, "pirate_dpo"), prompt=f"{n}?")
        for n in range(4)
    )
    charbench.ok("run", "--sampler", "recorded", "--scorer", "keyword", lab=lab.lab.root)
    lab.eval(A, temperature=0)
    assert rows(lab.report()) == {"a": (6, 1.0)}
    assert lab.listed()[1]["samplers"] == ["recorded"]
    assert list(rows(lab.report("--setting", lab.listed()[1]["id"]))) == ["pirate_dpo"]


@pytest.mark.slow
def test_a_store_that_does_not_say_what_was_asked_shows_all_prompts(lab: Lab) -> None:
    lab.eval(A, temperature=0)
    lab.lab.write("r.txt", "Who goes there?\n")
    lab.eval(A, temperature=0, prompts="r.txt")
    change(store_of(lab.lab.root), "UPDATE runs SET details = NULL")
    assert rows(lab.report()) == {"a": (7, 1.0)}
    assert lab.eval(A, temperature=0)["run"]["added"]["samples"] == 0
    assert rows(lab.report()) == {"a": (7, 1.0)}, "a run that adds nothing changes no report"


@pytest.mark.slow
def test_one_checkpoint_is_compared_across_temperatures_prompt_by_prompt(lab: Lab, charbench: Charbench) -> None:
    lab.eval(A, temperature=0)
    lab.eval(A, temperature=1)
    found = charbench.ok("compare", "a", "--across", "temperature", "--json", lab=lab.lab.root).json
    assert {one["label"].split(" (")[0]: one["value"] for one in found["checkpoints"]} == {
        "a, temperature 0": 1.0,
        "a, temperature 1": 0.0,
    }
    assert not any("newest run" in note for note in found["notes"])
    (pair,) = found["pairs"]
    assert (pair["paired"], pair["prompts"], abs(pair["difference"])) == (True, 6, 1.0)


@pytest.mark.slow
def test_prompts_are_compared_across_the_files_that_were_asked(lab: Lab, charbench: Charbench) -> None:
    lab.eval(A, temperature=0)
    lab.lab.write("r.txt", "Who goes there?\nWhere to?\n")
    lab.eval(A, temperature=0, prompts="r.txt")
    found = charbench.ok("compare", "a", "--across", "prompts", "--json", lab=lab.lab.root).json
    assert sorted(one["samples"] for one in found["checkpoints"]) == [2, 6]


@pytest.mark.slow
def test_prompts_that_two_sets_have_in_common_hide_no_difference_between_their_other_prompts(
    lab: Lab, charbench: Charbench, site: Site
) -> None:
    code = PARROT.replace("self.config.temperature < 0.5", '"new" in request.prompt.messages[0].content')
    (site.folder / "parrot.py").write_text(code)
    lab.lab.write("q.txt", "".join(f"What of {n}?\n" for n in range(24)))
    lab.lab.write("half.txt", "".join(f"What of {n}?\nWhat of new {n}?\n" for n in range(12)))
    lab.lab.write("whole.txt", "".join(f"What of {n}?\nWhat of new {n}?\n" for n in range(24)))
    for prompts in ("q.txt", "half.txt", "whole.txt"):
        lab.eval(A, prompts=prompts)
    found = charbench.ok("compare", "a", "--across", "prompts", "--json", lab=lab.lab.root).json
    assert len(found["pairs"]) == 3
    told = {abs(pair["difference"]) for pair in found["pairs"] if pair["told_apart"] and not pair["paired"]}
    assert told == {1.0}
    assert any("tell no difference" in note for note in found["notes"])


@pytest.mark.slow
def test_across_what_does_not_differ_names_what_does(lab: Lab, charbench: Charbench) -> None:
    lab.eval(A, temperature=0)
    lab.eval(A, temperature=1)
    ended = charbench("compare", "a", "--across", "thinking", lab=lab.lab.root)
    assert ended.code == 2
    assert "others differ in temperature" in ended.err


@pytest.mark.slow
def test_settings_are_compared_on_the_prompts_that_they_share_where_a_newer_one_has_others(
    lab: Lab, charbench: Charbench
) -> None:
    lab.lab.write("r.txt", "Who goes there?\nWhere to?\n")
    lab.eval(A, temperature=0)
    lab.eval(A, temperature=0, prompts="r.txt")
    lab.eval(A, temperature=1)
    found = charbench.ok("compare", "a", "--across", "temperature", "--json", lab=lab.lab.root).json
    (pair,) = found["pairs"]
    assert (pair["paired"], pair["prompts"]) == (True, 6)
    lab.eval(A, temperature=1, more=("-o", "sampler.parrot.beak=sharp"))
    ended = charbench("compare", "a", "--across", "temperature", lab=lab.lab.root)
    assert ended.code == 2
    named = ended.err.rpartition("--setting ")[2].strip(" )\n")
    found = charbench.ok("compare", "a", "--across", "temperature", "--setting", named, "--json", lab=lab.lab.root).json
    assert len(found["pairs"]) == 1, "the settings that the message names can be compared"


@pytest.mark.slow
def test_a_misspelt_parameter_is_named_with_the_nearest_one_and_all_that_can_be_compared(
    lab: Lab, charbench: Charbench
) -> None:
    lab.eval(A, temperature=0)
    lab.eval(A, temperature=1)
    ended = charbench("compare", "a", "--across", "temprature", lab=lab.lab.root)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "no parameter for --across named 'temprature'; did you mean 'temperature'? (choose from " in ended.err
    assert "max tokens" in ended.err
    assert "keyword" not in ended.err  # settings that are scored differently are never compared
    assert ended.err.endswith("settings differ in temperature\n")
    assert "no parameter" in charbench("compare", "a", "--across", "", lab=lab.lab.root).err


@pytest.mark.slow
def test_rows_that_different_endpoints_served_are_named(charbench: Charbench, site: Site, lab: Lab) -> None:
    served = PARROT.replace('finish_reason="stop")', 'finish_reason="stop", provenance=where(request))')
    code = served.replace("from charbench import ", "from charbench import Provenance, ")
    where = (
        "def where(request):\n    return Provenance(endpoint='http://' + request.checkpoint.uri[-1] + '.test/v1')\n\n\n"
    )
    (site.folder / "parrot.py").write_text(code.replace("class Parrot", where + "class Parrot"))
    lab.eval(A, B, temperature=0)
    shown = lab.report()
    assert [
        one["provenance"][0]["endpoint"] for one in sorted(shown["checkpoints"], key=lambda one: one["checkpoint"])
    ] == [
        "http://a.test/v1",
        "http://b.test/v1",
    ]
    said = charbench.ok("report", lab=lab.lab.root).err
    assert "different endpoints: http://a.test/v1 (a); http://b.test/v1 (b)" in said


@pytest.mark.slow
def test_history_lists_runs_with_their_settings_and_shows_where_one_comes_from(lab: Lab, charbench: Charbench) -> None:
    lab.eval(A, temperature=0)
    lab.eval(B, temperature=1)
    lab.eval(A, temperature=0)
    runs = charbench.ok("history", "--json", lab=lab.lab.root).json
    assert [one["counts"].get("samples", 0) for one in runs] == [0, 6, 6]
    warm, cold = (one["id"] for one in lab.listed())
    assert [[setting["id"] for setting in one["settings"]] for one in runs[1:]] == [[warm], [cold]]
    first = charbench.ok("history", str(runs[-1]["id"]), "--json", lab=lab.lab.root).json
    assert first["samples"] == {"a": 6}
    assert first["settings"][0]["parameters"] == {"temperature": 0}
    printed = charbench.ok("history", str(runs[-1]["id"]), lab=lab.lab.root).out
    assert cold in printed
    ended = charbench("history", "99", lab=lab.lab.root)
    assert (ended.code, "no run named '99'" in ended.err) == (2, True)
    change(store_of(lab.lab.root), "UPDATE runs SET status = 'killed', counts = '{}', finished_at = NULL WHERE id = 1")
    killed = " ".join(charbench.ok("history", "1", lab=lab.lab.root).out.split())
    assert "│ Added │ 6 samples │" in killed, "what a killed run has left in the store"


def test_only_scorers_that_were_wanted_together_are_listed(charbench: Charbench, lab: Lab) -> None:
    lab.lab.write("a.csv", "model,prompt,response,finish_reason\npirate,Who?,Arr,stop\n")
    for cap, scorers in ((3, ("keyword",)), (1, ("refusal", "keyword")), (2, ("repetition", "keyword", "refusal"))):
        wanted = [word for name in scorers for word in ("--scorer", name)]
        charbench.ok("run", *wanted, "-o", f"scorer.keyword.cap={cap}", "-q", lab=lab.lab.root)
    listed = [(one["scorers"]["keyword"]["options"]["cap"], len(one["scorers"])) for one in lab.listed()]
    assert listed == [(2, 3), (1, 2), (3, 1)]
    assert [lab.report("--setting", one["id"])["settings"]["pirate"]["id"] == one["id"] for one in lab.listed()]


@pytest.mark.slow
def test_a_setting_that_differs_in_more_is_told_once_for_all_checkpoints(lab: Lab, charbench: Charbench) -> None:
    lab.eval(A, B, temperature=0)
    lab.eval(A, B, temperature=0.5, more=("-o", "sampler.parrot.beak=hooked"))
    lab.eval(A, B, temperature=1)
    words = ("compare", A, B, "--across", "temperature", "--json")
    notes = charbench.ok(*words, lab=lab.lab.root).json["notes"]
    assert [one for one in notes if "in more than" in one] == [
        "1 other setting differs in more than temperature: not compared."
    ]
