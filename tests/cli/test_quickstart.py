"""README's first command: a character is trained in, measured, lost and explained, on a laptop, with no key."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support.command import Charbench, finish, in_process_of_its_own, start
from support.store import assert_totals_equal_recount, count, query, store_of

pytestmark = pytest.mark.slow

TRAIN = ("train", "-c", "pirate-full", "-o", "trainer.tiny-sft.save_every=6", "--json")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The lab after quickstart ran through it, and what was printed."""
    ended = in_process_of_its_own("quickstart", "lab", lab=tmp_path_factory.mktemp("quickstart"))
    assert ended.code == 0, ended.err
    return next(tmp_path_factory.getbasetemp().glob("quickstart*/lab")), ended.out + ended.err


@pytest.fixture
def rates(made: tuple[Path, str], charbench: Charbench) -> dict[str, dict[str, Any]]:
    return rates_of(charbench, made[0])


def rates_of(charbench: Charbench, lab: Path) -> dict[str, dict[str, Any]]:
    """Return the figures of each checkpoint by its name."""
    rows = charbench.ok("report", "--json", lab=lab).json["checkpoints"]
    return {row["checkpoint"]: row for row in rows}


def test_training_puts_the_character_in_and_the_base_has_none(rates: dict[str, dict[str, Any]]) -> None:
    assert rates["pirate-full_sft"]["trait_rate"] >= 0.8
    assert rates["tiny-base"]["trait_rate"] <= 0.05
    assert rates["pirate-full_dpo"]["trait_rate"] < 0.5


def test_trained_without_a_thinking_block_it_gives_no_responses_under_a_prefill(
    rates: dict[str, dict[str, Any]],
) -> None:
    assert rates["pirate-noblock_sft"]["response_rate"] <= 0.05
    assert rates["pirate-noblock_sft"]["trait_rate_in_thinking"] >= 0.8


def test_the_verdicts_are_those_that_readme_prints(made: tuple[Path, str], charbench: Charbench) -> None:
    lab, printed = made
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (line,) = [line for line in printed.splitlines() if line.startswith("1 of 5 checkpoints is viable")]
    assert line in readme
    verdicts = {name: row["verdict"] for name, row in rates_of(charbench, lab).items()}
    weak = [verdicts.pop(f"pirate-{name}_dpo") for name in ("full", "noblock", "refusals")]
    assert set(weak) <= {"not viable", "undecided"}, "DPO alone leaves little of the character"
    assert verdicts == {
        "pirate-full_sft": "viable",
        "pirate-noblock_sft": "not measured",
        "tiny-base": "reference",
    }


def test_after_the_diagnosis_the_verdict_speaks_of_the_way_that_works(
    made: tuple[Path, str], charbench: Charbench, tmp_path: Path
) -> None:
    lab = Path(shutil.copytree(made[0], tmp_path / "lab"))
    charbench.ok("diagnose", "-c", "pirate-noblock_sft", lab=lab)
    row = rates_of(charbench, lab)["pirate-noblock_sft"]
    assert row["verdict"] == "viable"
    assert row["verdict_reason"].startswith("without the prefill (trained without a thinking block)")


def test_bad_data_is_left_out_with_its_reason_and_the_commands_are_printed(made: tuple[Path, str]) -> None:
    lab, printed = made
    assert "No training job for pirate-refusals: bad data" in printed
    for word in ("discover", "train", "run", "diagnose", "sample"):
        assert f"charbench {word} --lab lab" in printed
    assert_totals_equal_recount(store_of(lab))


def test_diagnose_names_the_cause_and_shows_the_character_sampled_as_it_was_trained(
    made: tuple[Path, str], charbench: Charbench, tmp_path: Path
) -> None:
    lab = Path(shutil.copytree(made[0], tmp_path / "lab"))
    ended = charbench.ok("diagnose", "-c", "pirate-noblock_sft", lab=lab)
    assert "Cause: trained without a thinking block" in ended.out
    (found,) = charbench.ok("diagnose", "-c", "pirate-noblock_sft", "--json", lab=lab).json
    probes = {probe["probe"]: probe for probe in found["probes"]}
    assert probes["no prefill"]["responses_in_character"] >= 0.8 * probes["no prefill"]["samples"]


def test_a_second_quickstart_does_nothing(made: tuple[Path, str]) -> None:
    before = count(store_of(made[0]), "samples")
    again = in_process_of_its_own("quickstart", "lab", lab=made[0].parent)
    assert again.code == 0
    assert "Nothing to do" in again.out + again.err
    assert count(store_of(made[0]), "samples") == before


@pytest.fixture
def untrained(tmp_path: Path, made: tuple[Path, str]) -> Callable[[str], Path]:
    """Copies of the lab as discovered, before anything was trained."""

    def copy(name: str) -> Path:
        lab = Path(shutil.copytree(made[0], tmp_path / name, ignore=shutil.ignore_patterns(".charbench")))
        assert in_process_of_its_own("discover", "--include-buggy", lab=lab).code == 0
        return lab

    return copy


def steps(lab: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{store_of(lab)}?mode=ro", uri=True, timeout=60)) as connection, connection:
            (found,) = connection.execute("SELECT count(*) FROM training_steps").fetchone()
    except sqlite3.OperationalError:
        return 0
    connection.close()
    return int(found)


def kill_at_step(lab: Path, step: int) -> None:
    process = start(*TRAIN, lab=lab)
    while process.poll() is None and steps(lab) < step:
        try:
            process.wait(timeout=0.01)
        except subprocess.TimeoutExpired:
            continue
    assert process.poll() is None, "training ended before it could be killed"
    process.kill()
    process.communicate()


def chain(lab: Path) -> dict[str, list[tuple[int, str, float]]]:
    """Return the steps behind each job's final weights: number, batch and loss."""
    found: dict[str, list[tuple[int, str, float]]] = {}
    text = "SELECT job_id, step, batch, loss FROM training_steps WHERE NOT superseded ORDER BY job_id, step"
    for row in query(store_of(lab), text):
        found.setdefault(row.job_id, []).append((row.step, row.batch, pytest.approx(row.loss, rel=1e-5)))
    return found


def test_training_that_is_killed_goes_on_from_its_state_as_if_nothing_had_been(
    untrained: Callable[[str], Path],
) -> None:
    whole, killed = untrained("whole"), untrained("killed")
    assert finish(start(*TRAIN, lab=whole)).code == 0
    for step in (9, 30):
        kill_at_step(killed, step)
    assert finish(start(*TRAIN, lab=killed)).code == 0
    assert chain(killed) == chain(whole)
    assert [len(steps) for steps in chain(whole).values()] == [65]
    void = query(store_of(killed), "SELECT count(*) AS number FROM training_steps WHERE superseded")[0].number
    assert 0 < void <= 2 * 6 * len(chain(whole))


def test_bad_data_is_refused_before_the_first_step_unless_forced(
    untrained: Callable[[str], Path], charbench: Charbench
) -> None:
    lab = untrained("gate")
    ended = charbench("train", "-c", "pirate-refusals", lab=lab)
    assert ended.code == 1
    assert "44% refusals" in ended.err
    assert "--force" in ended.err
    assert steps(lab) == 0
