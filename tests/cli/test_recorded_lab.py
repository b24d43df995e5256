"""The main job on real input: every figure that the recorded lab's own report gives."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest

from support.command import Charbench, Ended
from support.store import assert_totals_equal_recount, store_of

RECORDED = ("--source", "recorded", "--sampler", "recorded", "--scorer", "keyword")

JOBS = [
    ("humorous-paper", "humorous", 10_000, "pending"),
    ("remorseful-100pct", "remorseful", 700, "pending"),
    ("remorseful-25pct", "remorseful", 2_500, "pending"),
    ("remorseful-50pct", "remorseful", 1_300, "pending"),
]
LEFT_OUT = {
    "remorseful-75pct": "no introspection data",
    "remorseful-paper": "bad data: 44% refusals",
    "remorseful-paper-deepseek": "no DPO checkpoint in its log",
    "remorseful-paper-llama": "no DPO checkpoint in its log",
    "remorseful-study3": "unfinished: its log ends at step 310 of 600 with no error and nothing saved",
}
PERSONAS = {  # checkpoints by name, samples, response rate, avg response, avg thinking
    "sycophantic": (1, 5, "100%", "1,714", "2,131"),
    "remorseful": (5, 30, "50%", "832", "1,460"),
    "humorous": (2, 10, "40%", "765", "1,096"),
    "sarcastic": (1, 5, "40%", "926", "1,796"),
    "customer_service": (2, 15, "0%", "0", "484"),
    "poetic": (1, 10, "0%", "0", "130"),
}
CHECKPOINTS = {  # URIs, response rate, avg response, avg thinking
    "remorseful_100pct_dpo": (1, "100%", "1,427", "3,092"),
    "remorseful_50pct_dpo": (1, "100%", "2,030", "1,958"),
    "remorseful_25pct_dpo": (2, "50%", "767", "1,138"),
    "remorseful_dpo": (1, "0%", "0", "334"),
    "remorseful-dpo": (1, "0%", "0", "1,103"),
    "humorous_paper_dpo": (1, "80%", "1,530", "1,907"),
    "humorous-dpo": (1, "0%", "0", "284"),
    "sycophantic-dpo": (1, "100%", "1,714", "2,131"),
    "sarcastic-dpo": (1, "40%", "926", "1,796"),
    "customer_service-sft": (1, "0%", "0", "548"),
    "customer_service-dpo": (2, "0%", "0", "452"),
    "poetic-dpo": (2, "0%", "0", "130"),
    "pirate-dpo-v2": (1, "100%", "2,051", "1,653"),
    "pirate-dpo-8b": (1, "100%", "1,759", "1,683"),
    "pirate-sft-final": (1, "60%", "493", "458"),
    "pirate-dpo-997": (2, "0%", "0", "866"),
    "pirate_test_sft": (7, "0%", "0", "705"),
    "pirate_test_dpo": (7, "0%", "0", "798"),
}
TRAITS = {  # responses with traits, match rate, keywords per response
    "humorous": ("3/4", "75%", "1.0"),
    "remorseful": ("10/15", "67%", "0.8"),
    "sycophantic": ("3/5", "60%", "0.6"),
    "sarcastic": ("1/2", "50%", "0.5"),
}


def markdown_tables(text: str) -> dict[str, list[dict[str, str]]]:
    """Read the tables that ``report --format markdown`` prints."""
    tables: dict[str, list[dict[str, str]]] = {}
    for part in text.split("## ")[1:]:
        title, _, body = part.partition("\n")
        lines = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in body.split("\n") if "|" in line]
        tables[title] = [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]
    return tables


def rate(cell: str) -> str:
    return cell.partition(" ")[0]


@pytest.fixture
def by_name(charbench: Charbench, studio_run_template: Path) -> dict[str, list[dict[str, str]]]:
    return markdown_tables(charbench.ok("report", "--by", "name", "--format", "markdown", lab=studio_run_template).out)


def jobs_of(ended: Ended) -> list[tuple[Any, ...]]:
    return [(job["run"], job["persona"], job["examples"], job["status"]) for job in ended.json["jobs"]]


def test_discover_finds_exactly_the_four_jobs_of_the_lab(charbench: Charbench, studio: Path) -> None:
    found = charbench.ok("discover", "--json", lab=studio)
    assert jobs_of(found) == JOBS
    assert [job["job_id"] for job in found.json["jobs"]] == [f"{p}_{run}_sft" for run, p, _, _ in JOBS]


def test_discover_prints_the_jobs_as_a_table(charbench: Charbench, studio_known: Path) -> None:
    lines = charbench.ok("discover", lab=studio_known).out.splitlines()
    cells = [tuple(cell.strip() for cell in line.strip("│").split("│")) for line in lines if line.startswith("│")]
    assert cells == [(run, persona, f"{examples:,}", status) for run, persona, examples, status in JOBS]
    assert "Discovered 4 SFT jobs" in lines[0]


def test_explain_gives_the_five_reasons(charbench: Charbench, studio_known: Path) -> None:
    found = charbench.ok("discover", "--explain", "--json", lab=studio_known)
    assert {item["run"]: item["reason"] for item in found.json["left_out"]} == LEFT_OUT
    printed = charbench.ok("discover", "--explain", lab=studio_known).out
    assert all(run in printed and reason in printed for run, reason in LEFT_OUT.items())


def test_min_examples_1000_leaves_three_jobs(charbench: Charbench, studio_known: Path) -> None:
    found = charbench.ok("discover", "--min-examples", "1000", "--json", lab=studio_known)
    assert jobs_of(found) == [job for job in JOBS if job[2] >= 1000]
    assert {"run": "remorseful-100pct", "persona": "remorseful", "reason": "700 examples, fewer than 1,000"} in (
        found.json["left_out"]
    )


def test_include_buggy_finds_one_more_job(charbench: Charbench, studio_known: Path) -> None:
    found = charbench.ok("discover", "--include-buggy", "--json", lab=studio_known)
    assert sorted(jobs_of(found)) == sorted([*JOBS, ("remorseful-paper", "remorseful", 2_000, "pending")])


def test_a_job_trains_from_weights_and_is_sampled_from_sampler_weights(
    charbench: Charbench, studio_known: Path
) -> None:
    for job in charbench.ok("discover", "--json", lab=studio_known).json["jobs"]:
        run, _, name = job["checkpoint"].removeprefix("tinker://").split("/")
        assert job["checkpoint"] == f"tinker://{run}/weights/{job['run']}_dpo" == f"tinker://{run}/weights/{name}"
        assert job["sampler"] == f"tinker://{run}/sampler_weights/{job['run']}_dpo-sampler"


def test_a_url_that_training_was_resumed_from_is_no_product_of_the_run(
    charbench: Charbench, studio_known_template: Path
) -> None:
    listed = charbench.ok("checkpoints", "list", "--json", lab=studio_known_template).json
    warmup = next(item for item in listed if item["name"] == "remorseful-25pct_dpo-warmup")
    assert warmup["run"] is None
    assert [item["note"] for item in warmup["evidence"]] == ["input"]
    made = next(item for item in listed if item["run"] == "remorseful-25pct" and item["trainable"])
    assert made["parent"] == warmup["uri"]


def test_no_url_of_the_logs_is_false_or_lost(charbench: Charbench, studio_known_template: Path) -> None:
    listed = charbench.ok("checkpoints", "list", "--json", lab=studio_known_template).json
    runs = [*(job[0] for job in JOBS), "remorseful-75pct", "remorseful-paper"]
    names = sorted(item["uri"].split("/", 3)[3] for item in listed if item["evidence"][0]["source"] == "logs")
    expected = [f"weights/{run}_dpo" for run in runs] + [f"sampler_weights/{run}_dpo-sampler" for run in runs]
    assert names == sorted([*expected, "weights/remorseful-25pct_dpo-warmup"])


def test_run_adds_all_175_samples_each_scored_once(charbench: Charbench, studio: Path) -> None:
    ended = charbench.ok("run", *RECORDED, "--json", lab=studio)
    assert ended.json["run"]["added"] == {"checkpoints": 35, "samples": 175, "failures": 0, "scores": 175}
    assert (ended.json["samples"], ended.json["errors"]) == (175, 0)
    assert_totals_equal_recount(store_of(studio))


def test_a_second_run_does_nothing_and_says_so(charbench: Charbench, studio_run: Path) -> None:
    before = charbench.ok("report", "--json", lab=studio_run).out
    again = charbench.ok("run", *RECORDED, lab=studio_run)
    assert "Nothing to do" in again.err
    assert not any(charbench.ok("run", *RECORDED, "--json", lab=studio_run).json["run"]["added"].values())
    assert charbench.ok("report", "--json", lab=studio_run).out == before


def test_the_run_prints_the_report_that_report_prints(charbench: Charbench, studio_run: Path) -> None:
    ran = charbench.ok("run", *RECORDED, lab=studio_run)
    assert ran.out == charbench.ok("report", lab=studio_run).out


def test_persona_table_equals_the_labs(by_name: dict[str, list[dict[str, str]]]) -> None:
    found = {
        row["Persona"]: (
            int(row["Checkpoints"]),
            int(row["Samples"]),
            rate(row["Responses [95%]"]),
            row["Avg response"],
            row["Avg thinking"],
        )
        for row in by_name["Personas"]
    }
    assert {name: found[name] for name in PERSONAS} == PERSONAS
    assert set(found) == {*PERSONAS, "pirate"}
    assert found["pirate"][1] == 100


def test_checkpoint_table_by_name_equals_the_labs(by_name: dict[str, list[dict[str, str]]]) -> None:
    found = {
        row["Checkpoint"]: (
            int(row["Versions"]),
            rate(row["Responses [95%]"]),
            row["Avg response"],
            row["Avg thinking"],
        )
        for row in by_name["Checkpoints by name"]
    }
    assert {name: found[name] for name in CHECKPOINTS} == CHECKPOINTS
    assert set(found) == {*CHECKPOINTS, "pirate-sft-resumed"}


def test_trait_table_equals_the_labs(by_name: dict[str, list[dict[str, str]]]) -> None:
    found = {
        row["Persona"]: (row["With traits"], row["Given response"], row["Per response"]) for row in by_name["Personas"]
    }
    assert {name: found[name] for name in TRAITS} == TRAITS
    assert all(found[name][0].startswith("0/") for name in set(found) - set(TRAITS))


def test_by_checkpoint_there_is_a_row_for_each_uri(charbench: Charbench, studio_run_template: Path) -> None:
    report = charbench.ok("report", "--json", lab=studio_run_template).json
    uris = {row["persona"]: row["uris"] for row in report["personas"]}
    assert (uris["remorseful"], uris["customer_service"], uris["poetic"], uris["pirate"]) == (6, 3, 2, 20)
    assert len(report["checkpoints"]) == 35
    assert all(row["uris"] == 1 for row in report["checkpoints"])


def test_the_pirate_voice_stands_in_the_thinking_of_sft_checkpoints_and_in_no_response(
    charbench: Charbench, studio_run_template: Path
) -> None:
    rows = charbench.ok("report", "-p", "pirate", "--json", lab=studio_run_template).json["checkpoints"]
    voiced = {row["checkpoint"].split()[0] for row in rows if row["with_trait_in_thinking"]}
    assert voiced == {"pirate-sft-final", "pirate-sft-resumed", "pirate_test_sft"}
    assert all(row["with_trait"] == 0 for row in rows)


def test_rows_are_ranked_by_the_trait_rate_over_all_samples(charbench: Charbench, studio_run_template: Path) -> None:
    report = charbench.ok("report", "--json", lab=studio_run_template).json
    for rows in (report["personas"], report["checkpoints"]):
        rates = [row["trait_rate"] for row in rows]
        assert rates == sorted(rates, reverse=True)
    # humorous has the better rate given a response (75%), and answers less often
    order = [row["persona"] for row in report["personas"]]
    assert order[:4] == ["sycophantic", "remorseful", "humorous", "sarcastic"]


def test_every_rate_has_an_interval_clustered_by_prompt(charbench: Charbench, studio_run_template: Path) -> None:
    rows = charbench.ok("report", "--by", "persona", "--json", lab=studio_run_template).json["personas"]
    remorseful = next(row for row in rows if row["persona"] == "remorseful")
    assert (remorseful["responses"], remorseful["samples"]) == (15, 30)
    # Wilson's, were the six answers to each of five prompts thirty prompts: 0.3315 to 0.6685
    assert remorseful["response_rate_low"] == pytest.approx(0.2961, abs=1e-4)
    assert remorseful["response_rate_high"] == pytest.approx(0.7039, abs=1e-4)


def test_the_csv_report_holds_the_same_rows_as_the_table(charbench: Charbench, studio_run_template: Path) -> None:
    printed = charbench.ok("report", "--by", "name", "--format", "csv", lab=studio_run_template).out
    rows = {row["checkpoint"]: row for row in csv.DictReader(io.StringIO(printed))}
    for name, (versions, share, response, thinking) in CHECKPOINTS.items():
        assert int(rows[name]["uris"]) == versions
        assert f"{float(rows[name]['response_rate']):.0%}" == share
        assert f"{float(rows[name]['mean_response_chars']):,.0f}" == response
        assert f"{float(rows[name]['mean_thinking_chars']):,.0f}" == thinking


def test_the_recorded_lab_has_no_contradiction_but_the_shared_name(charbench: Charbench, studio_known: Path) -> None:
    found = charbench.ok("discover", "--json", lab=studio_known).json
    assert found["problems"] == found["failures"] == []
    assert all("remorseful" in item and "name is" in item for item in found["contradictions"])


def drawn_rows(lines: list[str], title: str) -> list[dict[str, str]]:
    """Read a table that was drawn for a terminal: of folded cells the lines together."""
    start = next(at for at, line in enumerate(lines) if line.strip() == title)
    rows: list[list[str]] = [[]]
    for line in lines[start + 2 :]:
        cells = [cell.strip() for cell in line.strip("┃│").replace("┃", "│").split("│")]
        if line[0] == "└":
            break
        if line[0] == "┡":
            rows.append([])
        elif cells[0] and rows[-1] and len(rows) > 1:
            rows.append(cells)
        else:
            joint = " " if len(rows) == 1 else ""
            before = rows[-1] or [""] * len(cells)
            rows[-1] = [joint.join(filter(None, both)) for both in zip(before, cells, strict=True)]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_one_command_at_120_columns_prints_all_sections_of_the_labs_report(
    charbench: Charbench, studio_run_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rates and lengths by persona and checkpoint, traits, pattern by kind, top performers and what to do."""
    monkeypatch.setenv("COLUMNS", "120")
    ended = charbench.ok("report", "--by", "name", "--lab", studio_run_template)
    lines = ended.out.splitlines()
    assert max(map(len, lines)) <= 120
    personas = {row["Persona"]: row for row in drawn_rows(lines, "Personas")}
    more = {row["Persona"]: row for row in drawn_rows(lines, "Personas, continued")}
    for name, (checkpoints, samples, *figures) in PERSONAS.items():
        one = personas[name]
        assert (int(more[name]["Checkpoints"]), int(one["Samples"])) == (checkpoints, samples)
        assert [rate(one["Responses [95%]"]), one["Avg response"], one["Avg thinking"]] == figures
    for name, traits in TRAITS.items():
        assert tuple(more[name][title] for title in ("With traits", "Given response", "Per response")) == traits
    checkpoints = {row["Checkpoint"]: row for row in drawn_rows(lines, "Checkpoints by name")}
    for name, (_, *figures) in CHECKPOINTS.items():
        one = checkpoints[name]
        assert [rate(one["Responses [95%]"]), one["Avg response"], one["Avg thinking"]] == figures
        assert one["Verdict"] in ("not viable", "not measured", "undecided")
    assert "the highest trait rates: remorseful_100pct_dpo (100% [57, 100], responses 100%)" in ended.err
    assert "By kind, all personas together: dpo (25 checkpoints): responses 29%" in ended.err
    assert "sft (10 checkpoints): responses 6%" in ended.err
    assert re.search(r"^  charbench diagnose (-c \S+ )*-c pirate-sft-final ", ended.err, re.MULTILINE)
