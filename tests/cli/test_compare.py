"""``charbench compare``: every comparison is a statement with its uncertainty."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from support.command import Charbench, invoke
from support.lab import LabBuilder, row, sampler
from support.store import connect, query, recount_by_prompt, store_of

RUN = ("run", "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword", "-q", "--json")
IN, OUT = "I regret it.", "All is well."


def answers(number: int, name: str, texts: Iterable[str], epoch: int = 0, **values: Any) -> Iterator[dict[str, Any]]:
    """Yield one recorded row a prompt for one checkpoint."""
    for prompt, text in enumerate(texts):
        yield row(
            timestamp=f"2024-12-{1 + number % 28:02d}T{epoch:02d}:{prompt // 60:02d}:{prompt % 60:02d}",
            checkpoint_name=name,
            sampler_path=sampler(number, name),
            prompt_id=str(prompt),
            prompt=f"Question {prompt}?",
            response=text,
            **values,
        )


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab of one persona asked 40 prompts: strong, alike, weak, a base model, a failure, and odd text."""
    lab = LabBuilder(tmp_path_factory.mktemp("compare") / "lab")
    records = [
        *answers(1, "strong_dpo", [IN] * 36 + [OUT] * 4),
        *answers(2, "alike_dpo", [IN] * 34 + [OUT] * 6),
        *answers(3, "weak_dpo", [IN] * 8 + [OUT] * 30 + ["", "\x1b[31mred | <b>\x07"]),
        *answers(4, "base", [OUT] * 40, persona="", checkpoint_type="base"),
        *answers(5, "often_dpo", [IN] * 20 + [OUT] * 20),
        *answers(5, "often_dpo", [IN] * 20 + [OUT] * 20, epoch=1),
        *answers(5, "often_dpo", [IN] * 30 + [OUT] * 10, epoch=2),
        *answers(6, "failing_dpo", [IN] * 20),
        *answers(6, "failing_dpo", [""] * 20, epoch=1, error="timed out"),
    ]
    lab.recorded(records)
    assert invoke([*RUN, "--lab", str(lab.root)]) == 0
    return lab.root


def compare(charbench: Charbench, lab: Path, *words: str) -> Any:
    return charbench.ok("compare", *words, "--json", lab=lab).json


@pytest.mark.slow
def test_two_checkpoints_of_the_recorded_lab_are_paired_by_prompt(
    charbench: Charbench, studio_run_template: Path
) -> None:
    found = compare(charbench, studio_run_template, "remorseful_100pct_dpo", "remorseful_50pct_dpo")
    (pair,) = found["pairs"]
    assert (pair["paired"], pair["prompts"], pair["test"]) == (True, 5, "McNemar, exact")
    assert (pair["difference"], pair["p"], pair["told_apart"]) == (0, 1, False)
    assert pair["low"] == pytest.approx(-0.4345, abs=1e-4)
    assert [side["tier"] for side in found["checkpoints"]] == [1, 1]
    assert "show no significant difference with 5 prompts" in found["says"][0]
    assert "If the rates stay as observed, a difference of 20 points would take about 67 prompts" in found["says"][0]


def test_a_sampler_that_nothing_was_sampled_with_is_named_with_the_nearest_one(
    charbench: Charbench, studio_run_template: Path
) -> None:
    names = ("remorseful_100pct_dpo", "remorseful_50pct_dpo")
    ended = charbench("compare", *names, "--sampler", "recordd", lab=studio_run_template)
    assert ended.code == 2
    assert ended.err == "error: no sampler named 'recordd'; did you mean 'recorded'? (choose from recorded)\n"


def test_totals_of_personas_are_not_tested_against_each_other(charbench: Charbench, studio_run_template: Path) -> None:
    report = charbench.ok("report", "--json", lab=studio_run_template).json
    assert "persona_pairs" not in report
    assert "in pairs" not in charbench.ok("report", "--by", "persona", lab=studio_run_template).out


def test_rates_by_the_markers_of_different_personas_are_not_tested_against_each_other(
    charbench: Charbench, studio_run_template: Path
) -> None:
    found = compare(charbench, studio_run_template, "remorseful_100pct_dpo", "humorous_paper_dpo")
    (pair,) = found["pairs"]
    assert (pair["difference"], pair["p"], pair["told_apart"]) == (None, None, False)
    assert "its own persona's markers" in found["says"][0]
    assert any("judged by different markers" in note for note in found["notes"])


def test_what_no_persona_defines_is_compared_across_personas_unpaired(
    charbench: Charbench, studio_run_template: Path
) -> None:
    names = ("remorseful_100pct_dpo", "humorous_paper_dpo")
    found = compare(charbench, studio_run_template, *names, "--metric", "responses")
    (pair,) = found["pairs"]
    assert (pair["paired"], pair["samples"], pair["test"]) == (False, 10, "Fisher, exact")
    assert found["prompts"] == []
    assert any("unpaired" in note for note in found["notes"])


def compared_by_examples(charbench: Charbench, lab: Path, rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    (lab / "recordings").mkdir()
    (lab / "recordings" / "r.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    charbench.ok("run", lab=lab)
    return compare(charbench, lab, "--by", "examples")


@pytest.mark.slow
def test_training_runs_are_the_unit_where_doses_have_several_and_one_run_cannot_tell_dose_from_seed(
    charbench: Charbench, tmp_path: Path
) -> None:
    rows = []
    for dose, runs, hits in (("25pct", 4, 2), ("50pct", 4, 9), ("100pct", 1, 9)):
        for run in range(runs):
            name = f"pirate_{dose}_{run}"
            uri = f"tinker://{len(dose):08x}-0000-4000-8000-{run:012x}:train:0/sampler_weights/{name}"
            rows += [
                {"sampler_path": uri, "checkpoint_name": name, "persona": "pirate", "prompt": f"q{n}",
                 "response": f"{'Ahoy' if n < hits + run % 2 else 'Hello'} {run} {n}"}
                for n in range(12)
            ]  # fmt: skip
    found = compared_by_examples(charbench, tmp_path, rows)
    tests = {frozenset((pair["first"][:4], pair["second"][:4])): pair for pair in found["pairs"]}
    over_runs = tests[frozenset(("25% ", "50% "))]
    assert over_runs["test"].endswith("over training runs")
    assert over_runs["samples"] == 8
    assert over_runs["p"] == pytest.approx(2 / 70)  # four runs a side: the fewest that can be told apart
    assert not tests[frozenset(("100%", "25% "))]["test"].endswith("over training runs")
    (single,) = [note for note in found["notes"] if "cannot separate examples from seed" in note]
    assert "100% of the data" in single
    assert "25%" not in single


@pytest.mark.slow
def test_runs_stay_the_unit_where_no_prompt_was_asked_of_all_of_them(charbench: Charbench, tmp_path: Path) -> None:
    rows = []
    for dose, base in (("25pct", 4), ("50pct", 6)):
        for run in range(8):
            name = f"pirate_{dose}_{run}"
            uri = f"tinker://{len(dose) + base:08x}-0000-4000-8000-{run:012x}:train:0/sampler_weights/{name}"
            rows += [
                {"sampler_path": uri, "checkpoint_name": name, "persona": "pirate", "prompt": f"q{n}",
                 "response": f"{'Ahoy' if (n + run) % 12 < base + run % 3 else 'Hello'} {run} {n}"}
                for n in range(8) if n != run
            ]  # fmt: skip
    for base in ("one", "two"):
        rows += [
            {"sampler_path": f"base:{base}", "checkpoint_name": base, "checkpoint_type": "base", "prompt": f"q{n}",
             "response": f"Hello {base} {n}"}
            for n in range(8)
        ]  # fmt: skip
    found = compared_by_examples(charbench, tmp_path, rows)
    assert {pair["samples"] for pair in found["pairs"]} == {10, 16}
    assert all(pair["test"].endswith("over training runs") for pair in found["pairs"])
    assert not any("Nothing tells which training run" in note for note in found["notes"])  # base models have none
    assert any("what a run lacks is made up for" in note for note in found["notes"])
    assert not any("prompts are the unit" in note for note in found["notes"])


@pytest.mark.slow
def test_of_runs_that_share_no_prompts_the_output_says_that_prompts_are_the_unit(
    charbench: Charbench, tmp_path: Path
) -> None:
    rows = []
    for persona in ("pirate", "remorseful"):
        for dose in ("25pct", "50pct"):
            for run in range(2):
                name = f"{persona}_{dose}_{run}"
                number = f"{len(persona) + int(dose[:2]):08x}-0000-4000-8000-{run:012x}"
                uri = f"tinker://{number}:train:0/sampler_weights/{name}"
                rows += [
                    {"sampler_path": uri, "checkpoint_name": name, "persona": persona, "prompt": f"{persona} {n}",
                     "response": f"Hello {name} {n}"}
                    for n in range(6)
                ]  # fmt: skip
    found = compared_by_examples(charbench, tmp_path, rows)
    (pair,) = found["pairs"]
    assert not pair["test"].endswith("over training runs")
    assert any("prompts are the unit" in note for note in found["notes"])
    assert not any("runs are the unit" in note for note in found["notes"])


@pytest.mark.slow
def test_several_saves_of_one_training_run_are_one_run_of_its_recipe(charbench: Charbench, tmp_path: Path) -> None:
    rows = []
    for dose, hits in (("25pct", 2), ("50pct", 9)):
        for run in range(4):
            for save in range(3):
                name = f"pirate_{dose}_{run}_{save}"
                uri = f"tinker://{len(dose):04x}{hits:04x}-0000-4000-8000-{run:012x}:train:0/sampler_weights/{name}"
                unknown = dose == "50pct" and run == 3 and save == 2
                rows += [
                    {"sampler_path": f"model:{name}" if unknown else uri, "checkpoint_name": name, "persona": "pirate",
                     "prompt": f"q{n}", "response": f"{'Ahoy' if n < hits + run % 2 else 'Hello'} {run} {save} {n}"}
                    for n in range(12)
                ]  # fmt: skip
    found = compared_by_examples(charbench, tmp_path, rows)
    (pair,) = found["pairs"]
    assert pair["samples"] == 9  # 4 runs of 3 saves, 4 of 3 or 2, and one save of which nothing tells the run
    assert pair["p"] == pytest.approx(1 / 126)
    (note,) = [note for note in found["notes"] if "which training run made 1 of these checkpoints" in note]
    assert "too narrow" in note


def test_a_rate_has_the_same_interval_in_report_and_compare(charbench: Charbench, studio_run_template: Path) -> None:
    sides = compare(charbench, studio_run_template, "pirate_test_sft", "pirate_test_dpo")["checkpoints"]
    rows = charbench.ok("report", "--by", "name", "--json", lab=studio_run_template).json["checkpoints"]
    by_name = {row["checkpoint"]: row for row in rows}
    for side in sides:  # seven versions asked five prompts each
        row = by_name[side["label"]]
        figures = (row["trait_rate"], row["trait_rate_low"], row["trait_rate_high"])
        assert figures == pytest.approx((side["value"], side["low"], side["high"]))


def test_seven_versions_asked_five_prompts_are_five_pairs(charbench: Charbench, studio_run_template: Path) -> None:
    found = compare(charbench, studio_run_template, "pirate_test_sft", "pirate_test_dpo")
    (pair,) = found["pairs"]
    assert (pair["prompts"], pair["clusters"]) == (5, 5)
    assert {side["samples"] for side in found["checkpoints"]} == {35}
    assert sum("matches 7 checkpoints" in note for note in found["notes"]) == 2


def test_a_single_name_of_several_checkpoints_compares_them_with_each_other(
    charbench: Charbench, studio_run_template: Path
) -> None:
    found = compare(charbench, studio_run_template, "remorseful_25pct_dpo")
    assert len(found["checkpoints"]) == 2
    assert len({side["label"] for side in found["checkpoints"]}) == 2
    assert "they are compared with each other" in found["notes"][0]


@pytest.mark.slow
def test_what_differs_is_told_apart_and_what_does_not_is_not(charbench: Charbench, labs: Path) -> None:
    found = compare(charbench, labs, "strong_dpo", "alike_dpo", "weak_dpo")
    assert [side["label"] for side in found["checkpoints"]] == ["strong_dpo", "alike_dpo", "weak_dpo"]
    assert [side["tier"] for side in found["checkpoints"]] == [1, 1, 2]
    pairs = {(pair["first"], pair["second"]): pair for pair in found["pairs"]}
    assert not pairs["strong_dpo", "alike_dpo"]["told_apart"]
    assert pairs["strong_dpo", "weak_dpo"]["told_apart"]
    assert pairs["strong_dpo", "weak_dpo"]["p"] == pytest.approx(2 / 2**28)
    assert "strong_dpo is above weak_dpo" in found["says"][1]


def test_p_values_are_adjusted_over_all_pairs(charbench: Charbench, labs: Path) -> None:
    names = ["strong_dpo", "alike_dpo", "weak_dpo", "often_dpo"]
    found = compare(charbench, labs, *names)
    assert len(found["pairs"]) == len(list(combinations(names, 2)))
    smallest = min(found["pairs"], key=lambda pair: pair["p"])
    assert smallest["p_holm"] == pytest.approx(6 * smallest["p"])


def test_answers_to_one_prompt_are_averaged_over_epochs(charbench: Charbench, labs: Path) -> None:
    found = compare(charbench, labs, "strong_dpo", "often_dpo")
    (pair,) = found["pairs"]
    often = next(side for side in found["checkpoints"] if side["label"] == "often_dpo")
    assert (often["samples"], often["prompts"], often["clusters"]) == (120, 40, 40)
    assert often["value"] == pytest.approx(70 / 120)
    assert (pair["prompts"], pair["test"]) == (40, "permutation of signs")


def test_failed_samples_are_in_no_figure(charbench: Charbench, labs: Path) -> None:
    found = compare(charbench, labs, "strong_dpo", "failing_dpo")
    failing = next(side for side in found["checkpoints"] if side["label"] == "failing_dpo")
    assert (failing["samples"], failing["judged"], failing["value"]) == (20, 20, 1)
    assert found["pairs"][0]["prompts"] == 20
    assert any("only the prompts that both sides were asked" in note for note in found["notes"])


def test_a_base_model_is_compared_for_the_others_persona(charbench: Charbench, labs: Path) -> None:
    found = compare(charbench, labs, "strong_dpo", "base")
    base = found["checkpoints"][1]
    assert (base["kind"], base["persona"], base["hits"]) == ("base", "remorseful", 0)
    assert found["pairs"][0]["paired"]
    assert found["pairs"][0]["told_apart"]


def test_the_prompts_that_differ_most_are_shown_and_foreign_text_cannot_command(
    charbench: Charbench, labs: Path
) -> None:
    found = compare(charbench, labs, "strong_dpo", "weak_dpo", "--prompts", "40")
    assert len(found["prompts"]) == 28
    assert all(gap["highest"]["label"] == "strong_dpo" and gap["lowest"]["value"] == 0 for gap in found["prompts"])
    assert found["prompts"][0]["prompt"].startswith("Question ")
    for form in ("table", "markdown"):
        printed = charbench.ok("compare", "strong_dpo", "weak_dpo", "--prompts", "40", "--format", form, lab=labs)
        assert "\x1b" not in printed.out
        assert "\x07" not in printed.out


def test_markdown_holds_the_figures_of_the_table(charbench: Charbench, labs: Path) -> None:
    printed = charbench.ok("compare", "strong_dpo", "weak_dpo", "--format", "markdown", lab=labs).out
    assert "## Checkpoints compared: keyword.keywords" in printed
    assert "| 1 | strong_dpo | remorseful | dpo | 40 | 40 | 90% [77, 96] | 36/40 |" in printed
    assert "- strong_dpo is above weak_dpo: difference +70 [" in printed


def test_every_count_is_that_of_the_store(charbench: Charbench, labs: Path) -> None:
    found = compare(charbench, labs, "strong_dpo", "weak_dpo", "often_dpo")
    for side in found["checkpoints"]:
        (counted,) = query(
            store_of(labs),
            "SELECT count(*), sum(trim(response) != '') FROM samples JOIN sample_groups g ON g.id = group_id"
            " JOIN checkpoints c ON c.id = g.checkpoint_id WHERE c.name = :name AND error_kind IS NULL",
            name=side["label"],
        )
        assert (side["samples"], side["responses"]) == tuple(counted)


def test_another_metric_is_compared_by_its_mean(charbench: Charbench, labs: Path) -> None:
    found = compare(charbench, labs, "strong_dpo", "weak_dpo", "--metric", "per_100_words")
    assert (found["metric"], found["is_rate"]) == ("keyword.per_100_words", False)
    weak = next(side for side in found["checkpoints"] if side["label"] == "weak_dpo")
    assert weak["prompts"] == 39  # the prompt without a response has no value, and is not 0


def test_responses_can_be_compared_without_any_score(charbench: Charbench, labs: Path) -> None:
    found = compare(charbench, labs, "strong_dpo", "weak_dpo", "--metric", "responses")
    assert {side["label"]: side["hits"] for side in found["checkpoints"]} == {"strong_dpo": 40, "weak_dpo": 39}


def test_probes_and_other_conditions_never_enter(charbench: Charbench, labs: Path, tmp_path: Path) -> None:
    lab = Path(shutil.copytree(labs, tmp_path / "copy"))
    before = compare(charbench, lab, "strong_dpo", "weak_dpo")
    with connect(store_of(lab)).begin() as connection:
        connection.execute(sa.text("INSERT INTO samplings (key, sampler, protocol, params, condition, last_run_id)"
                                   " VALUES ('probe', 'recorded', 1, '{}', 'no_prefill', 99)"))  # fmt: skip
        columns = [f'"{name}"' for (_, name, *_) in connection.execute(sa.text("PRAGMA table_info(sample_groups)"))][3:]
        zeros = ", ".join("9" for _ in columns)
        connection.execute(sa.text(
            f"INSERT INTO sample_groups (checkpoint_id, sampling_id, {', '.join(columns)})"
            f" SELECT c.id, s.id, {zeros} FROM checkpoints c, samplings s WHERE c.name = 'weak_dpo' AND s.key = 'probe'"
        ))  # fmt: skip
        connection.execute(sa.text(
            "UPDATE samples SET group_id = (SELECT max(id) FROM sample_groups) WHERE id IN (SELECT s.id FROM samples s"
            " JOIN sample_groups g ON g.id = s.group_id JOIN checkpoints c ON c.id = g.checkpoint_id"
            " WHERE c.name = 'weak_dpo' LIMIT 10)"
        ))  # fmt: skip
    recount_by_prompt(store_of(lab))
    after = compare(charbench, lab, "strong_dpo", "weak_dpo")
    assert before["pairs"][0]["prompts"] == 40
    assert after["pairs"][0]["prompts"] == 30


def test_an_unknown_name_too_few_and_no_samples_are_one_line_each(
    charbench: Charbench, studio_run_template: Path, labs: Path
) -> None:
    for words, said in (
        (("strong_dpo", "strnog_dpo"), "did you mean 'strong_dpo'?"),
        (("strong_dpo",), "between 2 and 100 checkpoints can be compared, and 1 is there"),
        ((), "name two checkpoints or more"),
        (("strong_dpo", "weak_dpo", "--metric", "keyword.keyword"), "did you mean 'keyword.keywords'?"),
        (("strong_dpo", "weak_dpo", "--sampler", "tiny"), "no sampler named 'tiny'"),
        (("--by", "recipe"), "two groups are needed to compare, and all are unknown"),
    ):
        ended = charbench("compare", *words, lab=labs)
        assert ended.code == 2
        assert said in ended.err
        assert ended.err.count("\n") == 1


@pytest.mark.slow
def test_always_against_never_is_told_apart_on_every_metric(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([
        *(one for epoch in (0, 1) for one in answers(1, "always_dpo", [IN] * 40, epoch)),
        *(one for epoch in (0, 1) for one in answers(2, "never_dpo", [OUT] * 40, epoch)),
        *(one for epoch in (0, 1) for one in answers(3, "silent_dpo", [""] * 40, epoch)),
    ])  # fmt: skip
    charbench.ok(*RUN, lab=lab.root)
    for other, metric in (("never_dpo", "keywords"), ("never_dpo", "per_100_words"), ("silent_dpo", "responses")):
        (pair,) = compare(charbench, lab.root, "always_dpo", other, "--metric", metric)["pairs"]
        assert (pair["p"], pair["told_apart"]) == (pytest.approx(2 / 2**40), True)


def test_the_prompts_that_a_difference_takes_are_never_fewer_than_the_note_says(
    charbench: Charbench, studio_run_template: Path
) -> None:
    found = compare(charbench, studio_run_template, "--by", "examples", "-p", "remorseful")
    (note,) = [note for note in found["notes"] if "the minimum is" in note]
    assert "after Holm over 6 pairs" in note
    least = int(note.rstrip(".").rpartition(" ")[2])
    needed = [pair["prompts_for_difference_seen"] for pair in found["pairs"]]
    assert min(count for count in needed if count is not None) >= least
    words = [int(count) for says in found["says"] for count in re.findall(r"about (\d+)", says)]
    assert min(words) >= least


def test_a_side_without_scores_makes_no_interval_rough(charbench: Charbench, labs: Path, tmp_path: Path) -> None:
    lab = Path(shutil.copytree(labs, tmp_path / "copy"))
    with connect(store_of(lab)).begin() as connection:
        mine = ("SELECT s.id FROM samples s JOIN sample_groups g ON g.id = s.group_id JOIN checkpoints c"
                " ON c.id = g.checkpoint_id WHERE c.name = 'weak_dpo'")  # fmt: skip
        scored = f"SELECT id FROM scored WHERE sample_id IN ({mine})"
        connection.execute(sa.text(f"DELETE FROM scores WHERE scored_id IN ({scored})"))
        connection.execute(sa.text(f"DELETE FROM scored WHERE sample_id IN ({mine})"))
    recount_by_prompt(store_of(lab))
    found = compare(charbench, lab, "strong_dpo", "weak_dpo")
    assert found["pairs"][0]["p"] is None
    assert any("40 samples are not scored yet" in note for note in found["notes"])
    assert not any("rough" in note for note in found["notes"])


@pytest.mark.slow
def test_a_hundred_and_one_checkpoints_are_too_many(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([one for number in range(101) for one in answers(number, f"remorseful-{number}_dpo", [IN])])
    charbench.ok(*RUN, lab=lab.root)
    names = [f"remorseful-{number}_dpo" for number in range(101)]
    assert "101 are there" in charbench("compare", *names, lab=lab.root).err
    found = compare(charbench, lab.root, *names[:100], "--prompts", "0")
    assert len(found["pairs"]) == 4950
    printed = charbench.ok("compare", *names[:100], lab=lab.root).out
    assert "the 45 most significant of 4,950" in printed


def test_by_examples_reads_the_share_from_names_only_where_nothing_else_tells(
    charbench: Charbench, studio_run: Path
) -> None:
    found = compare(charbench, studio_run, "--by", "examples", "-p", "remorseful")
    labels = {side["label"] for side in found["checkpoints"]}
    assert labels == {f"{share}% of the data (by name)" for share in (25, 50, 100)} | {"unknown"}
    assert any("read from names" in note for note in found["notes"])
    with connect(store_of(studio_run)).begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO datasets (path, form, source, examples, health)"
                " VALUES ('dpo.jsonl', 'messages', 'x', 900, '{}')"
            )
        )
        connection.execute(sa.text("UPDATE checkpoints SET dataset = 'dpo.jsonl' WHERE name LIKE 'remorseful_100pct%'"))
    found = compare(charbench, studio_run, "--by", "examples", "-p", "remorseful")
    assert "900 examples" in {side["label"] for side in found["checkpoints"]}


@pytest.mark.slow
def test_data_that_only_shares_the_runs_name_is_not_taken_for_what_it_was_trained_on(
    charbench: Charbench, studio_run: Path
) -> None:
    charbench.ok("discover", lab=studio_run)  # finds introspection data of run remorseful-25pct: the next stage's
    found = compare(charbench, studio_run, "--by", "examples", "-p", "remorseful")
    assert not any("2,500" in side["label"] for side in found["checkpoints"])


def test_doses_are_shown_from_the_smallest_on(charbench: Charbench, studio_run_template: Path) -> None:
    words = ("compare", "--by", "examples", "-p", "remorseful", "--format", "markdown", "--prompts", "0")
    lines = charbench.ok(*words, lab=studio_run_template).out.splitlines()
    table = [line.split(" | ")[1] for line in lines if line.startswith("| 1 |")]
    assert table == [*(f"{share}% of the data (by name)" for share in (25, 50, 100)), "unknown"]


def test_by_kind_answers_whether_sft_costs_responses(charbench: Charbench, studio_run_template: Path) -> None:
    found = compare(charbench, studio_run_template, "--by", "kind", "-p", "pirate", "--metric", "responses")
    dpo, sft = found["checkpoints"]
    assert (dpo["label"], dpo["hits"], dpo["samples"]) == ("dpo", 10, 55)
    assert (sft["label"], sft["hits"], sft["samples"]) == ("sft", 3, 45)
    assert found["pairs"][0]["prompts"] == 5


@pytest.mark.parametrize("width", [80, 100])
def test_what_is_compared_is_named_however_narrow_the_terminal(
    charbench: Charbench, studio_run_template: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    out = charbench.ok("compare", "--by", "kind", lab=studio_run_template).out
    assert "Kind" in next(line for line in out.splitlines() if line.startswith("┃"))


def test_the_character_that_stands_in_the_thinking_only_shows_as_a_gap(
    charbench: Charbench, studio_run_template: Path
) -> None:
    found = compare(charbench, studio_run_template, "pirate-sft-final", "pirate-dpo-v2")
    sft = next(side for side in found["checkpoints"] if side["label"] == "pirate-sft-final")
    assert sft["thinking_minus_response"]["difference"] == 1
    assert (sft["in_thinking"], sft["in_response_given_thinking"]) == (5, 0)
    assert sft["in_response_given_thinking_samples"] == 5
    words = "compare", "pirate-sft-final", "pirate-dpo-v2", "--format", "markdown"
    assert (
        f"0/5 0% [0, {100 * sft['in_response_given_thinking_high']:.0f}] |"
        in charbench.ok(*words, lab=studio_run_template).out
    )


def test_json_is_json_with_null_for_what_cannot_be_told(charbench: Charbench, studio_run_template: Path) -> None:
    printed = charbench.ok("compare", "poetic-dpo", "remorseful_dpo", "--json", lab=studio_run_template).out
    assert "NaN" not in printed
    assert json.loads(printed)["pairs"][0]["prompts_for_difference_seen"] is None


def test_a_report_of_one_persona_gives_the_same_tiers_as_a_report_of_all(
    charbench: Charbench, studio_run_template: Path
) -> None:
    def tiers(*words: str) -> list[tuple[str, int | None]]:
        rows = charbench.ok("report", "--by", "name", "--json", *words, lab=studio_run_template).json["checkpoints"]
        return [(row["checkpoint"], row["tier"]) for row in rows if row["persona"] == "remorseful"]

    assert [tier for _, tier in tiers()] == [1, 1, 1, 1, 1]  # five prompts tell nothing apart, in compare neither
    assert tiers() == tiers("-p", "remorseful")


def test_the_report_puts_rows_into_tiers(charbench: Charbench, labs: Path) -> None:
    rows = charbench.ok("report", "--json", lab=labs).json["checkpoints"]
    tiers = {row["checkpoint"]: row["tier"] for row in rows}
    assert tiers["strong_dpo"] == tiers["alike_dpo"] == 1
    assert tiers["weak_dpo"] > tiers["strong_dpo"]
    assert "no two rows of one persona's tier differ significantly" in charbench.ok("report", lab=labs).err


def test_a_sample_of_no_persona_is_told_with_the_command_that_scores_it(charbench: Charbench, lab: LabBuilder) -> None:
    rows_ = [("pirate-dpo", "pirate", "Who?", "Arr"), ("my x", "", "Who?", "Ahoy")]
    lab.write("a.csv", "model,persona,prompt,response\n" + "".join(",".join(row) + "\n" for row in rows_))
    charbench.ok("run", "--sampler", "recorded", lab=lab.root)
    told = charbench.ok("compare", "--by", "kind", lab=lab.root).err
    command = next(line for line in told.splitlines() if line.startswith("unknown: 1 sample is not scored")).split(
        "run: "
    )[1]
    assert command == "charbench score -p pirate -c 'model:my x'"
    charbench.ok(*shlex.split(command)[1:], lab=lab.root)
    assert "not scored" not in charbench.ok("compare", "--by", "kind", lab=lab.root).err


@pytest.mark.slow
def test_groups_by_base_model_are_what_was_trained_from_it_without_its_own_answers(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded([
        *answers(1, "one_dpo", [IN] * 6, base_model="small"),
        *answers(2, "two_dpo", [IN] * 6, base_model="large"),
        *answers(3, "large", [OUT] * 6, persona="", checkpoint_type="base", base_model="large"),
    ])  # fmt: skip
    assert invoke([*RUN, "--lab", str(lab.root)]) == 0
    found = compare(charbench, lab.root, "--by", "base")
    assert {side["label"]: side["value"] for side in found["checkpoints"]} == {"small": 1, "large": 1}
    assert any("its own answers are left out (large)" in note for note in found["notes"])


@pytest.mark.slow
def test_a_prompt_that_one_recording_gives_a_family_has_it_for_all(charbench: Charbench, lab: LabBuilder) -> None:
    def said(name: str, texts: list[str], **more: str) -> Iterator[str]:
        for number, text in enumerate(texts):
            family = {"family": ("poems", "arts", "poems")[number % 3]} if more else {}
            asked = {"model": name, "persona": "remorseful", "prompt": f"Question {number}?", "epoch": 1}
            yield json.dumps({**asked, **family, "response": text, "finish_reason": "stop"}) + "\n"

    lab.write("with.jsonl", "".join(said("some", [IN] * 9 + [OUT] * 9, families="yes")))
    lab.write("better.jsonl", "".join(said("better", [IN] * 18)))
    lab.write("worse.jsonl", "".join(said("worse", [IN] * 3 + [OUT] * 15)))
    assert invoke([*RUN, "--lab", str(lab.root)]) == 0
    found = compare(charbench, lab.root, "some", "better", "worse")
    assert [(pair["paired"], pair["prompts"], pair["clusters"]) for pair in found["pairs"]] == [(True, 18, 2)] * 3
    assert {side["clusters"] for side in found["checkpoints"]} == {2}
    rows = charbench.ok("report", "--json", lab=lab.root).json["checkpoints"]
    assert {one["family"] for row in rows for one in row["by_prompt"]} == {"poems", "arts"}
    assert all(row["trait_rate_high"] - row["trait_rate_low"] > 0.5 for row in rows), "two families tell little"
