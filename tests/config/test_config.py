"""One configuration from defaults < charbench.yaml < environment < command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import Charbench, Ended
from support.lab import LabBuilder, row


@pytest.fixture
def thirty(lab: LabBuilder) -> LabBuilder:
    """A lab with one job of 30 examples."""
    lab.trained("remorseful-small", 1)
    lab.data("remorseful-small", "remorseful", 30)
    return lab


def jobs(ended: Ended) -> int:
    assert ended.code == 0, ended.err
    return len(ended.json["jobs"])


@pytest.mark.slow
def test_each_layer_overrides_the_one_before(
    charbench: Charbench, thirty: LabBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert jobs(charbench("discover", "--json", lab=thirty.root)) == 0  # default: 500
    thirty.config("min_examples: 20\n")
    assert jobs(charbench("discover", "--json", lab=thirty.root)) == 1
    monkeypatch.setenv("CHARBENCH_MIN_EXAMPLES", "40")
    assert jobs(charbench("discover", "--json", lab=thirty.root)) == 0
    assert jobs(charbench("discover", "--json", "--min-examples", "30", lab=thirty.root)) == 1


def test_lists_in_the_environment_are_parted_by_commas(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.recorded([row()])
    lab.registry({"pirate": [{"name": "pirate_dpo", "tinker_path": "tinker://x"}]})
    monkeypatch.setenv("CHARBENCH_SOURCES", "recorded")
    assert charbench.ok("discover", "--json", lab=lab.root).json["checkpoints"] == 1
    monkeypatch.setenv("CHARBENCH_SOURCES", "recorded, registry")
    assert charbench.ok("discover", "--json", lab=lab.root).json["checkpoints"] == 2


def test_the_lab_and_the_config_file_can_be_named(charbench: Charbench, thirty: LabBuilder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.yaml").write_text("lab: ../lab\nmin_examples: 1\n")
    assert jobs(charbench("discover", "--json", "--lab", thirty.root, "--min-examples", "1", lab=elsewhere)) == 1
    assert jobs(charbench("discover", "--json", "--config", "mine.yaml", lab=elsewhere)) == 1
    assert (thirty.root / ".charbench" / "charbench.db").exists()
    assert not (elsewhere / ".charbench").exists()


def test_a_store_named_in_the_file_lies_beside_the_file(charbench: Charbench, lab: LabBuilder, tmp_path: Path) -> None:
    lab.config("store: results.db\n")
    charbench.ok("discover", "--lab", lab.root, lab=tmp_path)
    assert (lab.root / "results.db").exists()
    assert not (tmp_path / "results.db").exists()


def test_a_store_named_on_the_command_line_lies_where_the_user_is(
    charbench: Charbench, lab: LabBuilder, tmp_path: Path
) -> None:
    charbench.ok("discover", "--lab", lab.root, "--store", "here.db", lab=tmp_path)
    assert (tmp_path / "here.db").exists()


@pytest.mark.slow
def test_options_of_components_come_from_the_file_and_from_o(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row(response="I regret it, regret it, regret it, regret it, regret it.")])

    def keywords(*words: str) -> float:
        charbench.ok("run", *words, lab=lab.root)
        row = charbench.ok("report", "--json", lab=lab.root).json["personas"][0]
        return float(row["mean_per_response"])

    assert keywords() == 3
    lab.config("options:\n  scorer.keyword: {cap: 2}\n")
    assert keywords() == 2
    assert keywords("-o", "scorer.keyword.cap=4") == 4


WRONG = {
    "min_exampels: 3\n": "charbench.yaml:1:1: no such setting 'min_exampels'; did you mean 'min_examples'?",
    "# a\nmin_examples: many\n": "charbench.yaml:2:1: min_examples: found 'many'",
    "scorers: keyword\n": "charbench.yaml:1:1: scorers: found 'keyword'",
    "scorers:\n  - keyword\n  - 3\n": "charbench.yaml:3:5: scorers: found 3",
    "max_refusal_share: 2\n": "charbench.yaml:1:1: max_refusal_share: found 2",
    "- a\n": "charbench.yaml:1:1: a mapping is needed",
    "a: [\n": "charbench.yaml:2:1: not YAML",
    "options: {keyword: {cap: 3}}\n": "options.keyword: KIND.NAME is needed, such as scorer.keyword",
    "options: {scorer.keyword: 3}\n": "charbench.yaml:1:11: options: found 3",
    "options: {scorer.keyword: {capp: 3}}\n": "charbench.yaml:1:28: option scorer.keyword.capp: no such option; did",
    "options:\n  scorer.keyword:\n    cap: 0\n": "charbench.yaml:3:5: option scorer.keyword.cap: found 0",
    "options: {scorer.keywrd: {cap: 3}}\n": "no scorer named 'keywrd'; did you mean 'keyword'?",
    "scorers: [keywrd]\n": "no scorer named 'keywrd'; did you mean 'keyword'?",
    "store: 7\n": "charbench.yaml:1:1: store: found 7",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_setting_is_named_with_file_and_line(charbench: Charbench, lab: LabBuilder, text: str) -> None:
    lab.config(text)
    ended = charbench("run", lab=lab.root)
    assert ended.code == 2
    assert WRONG[text] in ended.err
    assert ended.err.startswith("error: ")
    assert "Traceback" not in ended.err


OPTIONS = {
    "cap=3": "KIND.NAME.OPTION=VALUE is needed",
    "scorer.keyword.cap": "KIND.NAME.OPTION=VALUE is needed",
    "scorer.cap=3": "KIND.NAME.OPTION=VALUE is needed",
    "judge.keyword.cap=3": "KIND.NAME.OPTION=VALUE is needed",
    "scorer.keyword.capp=3": "no such option; did you mean 'cap'?",
    "scorer.keyword.cap=lots": "option scorer.keyword.cap: found 'lots'",
    "scorer.keyword.cap.x=3": "option scorer.keyword.cap: found {'x': 3}",
    "scorer.keyword.cap=[1, ": "option scorer.keyword.cap: found '[1, '",
    "scorer.nobody.cap=3": "no scorer named 'nobody'",
}


@pytest.mark.parametrize("option", OPTIONS)
def test_a_wrong_o_option_is_told(charbench: Charbench, lab: LabBuilder, option: str) -> None:
    ended = charbench("run", "-o", option, lab=lab.root)
    assert ended.code == 2
    assert OPTIONS[option] in ended.err
    assert "Traceback" not in ended.err


def test_an_o_option_laid_over_the_files_is_not_told_as_the_files(charbench: Charbench, lab: LabBuilder) -> None:
    lab.config("options: {scorer.keyword: {cap: 3}}\n")
    ended = charbench("run", "-o", "scorer.keyword.cap=0", lab=lab.root)
    assert ended.err.startswith("error: option scorer.keyword.cap: found 0")


def test_an_o_option_below_one_that_is_no_mapping_is_told(charbench: Charbench, lab: LabBuilder) -> None:
    for words in (["-o", "scorer.keyword.cap=3", "-o", "scorer.keyword.cap.x=3"],):
        ended = charbench("run", *words, lab=lab.root)
        assert ended.code == 2
        assert "scorer.keyword.cap" in ended.err
    lab.config("options: {scorer.keyword: 3}\n")
    ended = charbench("run", "-o", "scorer.keyword.cap=3", lab=lab.root)
    assert ended.code == 2
    assert "charbench.yaml:1:11" in ended.err


def test_a_wrong_environment_variable_is_named(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARBENCH_MIN_EXAMPLES", "many")
    ended = charbench("discover", lab=lab.root)
    assert ended.code == 2
    assert "environment variable CHARBENCH_MIN_EXAMPLES: min_examples: found 'many'" in ended.err


@pytest.mark.parametrize(
    "words", [("discover",), ("plugins", "list"), ("personas", "schema"), ("quickstart", "mine"), ("doctor",)]
)
def test_a_variable_of_charbenchs_that_is_no_setting_is_an_error_in_every_command(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CHARBENCH_SCORER", "keyword")
    monkeypatch.setenv("CHARBENCH_NOTHING_LIKE_IT", "x")
    ended = charbench(*words, lab=lab.root)
    assert ended.code == 2
    assert "CHARBENCH_SCORER: no such setting; did you mean CHARBENCH_SCORERS?" in ended.err
    assert "CHARBENCH_NOTHING_LIKE_IT: no such setting" in ended.err
    assert list(lab.root.iterdir()) == []
    assert "Usage" in charbench.ok(words[0], "--help", lab=lab.root).out


@pytest.mark.parametrize("name", ["OPTIONS", "PRICES"])
def test_a_setting_that_no_variable_can_hold_says_where_it_belongs(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"CHARBENCH_{name}", "{}")
    ended = charbench("discover", lab=lab.root)
    assert (ended.code, f"CHARBENCH_{name}: set {name.lower()} in charbench.yaml" in ended.err) == (2, True)


def test_a_config_file_that_is_not_there_is_told(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = charbench("discover", "--config", "none.yaml", lab=lab.root)
    assert (named.code, named.err) == (2, "error: option --config: none.yaml: no such file\n")
    monkeypatch.setenv("CHARBENCH_CONFIG", "none.yaml")
    found = charbench("discover", lab=lab.root)
    assert (found.code, found.err) == (2, "error: environment variable CHARBENCH_CONFIG: none.yaml: no such file\n")


def test_the_config_schema_describes_every_installed_components_options(charbench: Charbench) -> None:
    schema = charbench.ok("plugins", "schema").json
    assert {"min_examples", "store", "scorers"} <= set(schema["properties"])
    options = schema["properties"]["options"]["properties"]
    assert options["scorer.keyword"]["properties"]["cap"]["minimum"] == 1
    assert {"source.logs", "source.recorded", "source.registry", "sampler.recorded"} <= set(options)


NAMES = {
    "scorer": ("scorers: [keyword, keyward]\n", "1:20: no scorer named 'keyward'; did you mean 'keyword'?"),
    "sampler": ("samplers:\n  - recordd\n", "2:5: no sampler named 'recordd'; did you mean 'recorded'?"),
    "source": ("sources: [log]\n", "1:11: no source named 'log'; did you mean 'logs'?"),
    "trainer": ("trainers: [tiny-sff]\n", "1:12: no trainer named 'tiny-sff'; did you mean 'tiny-sft'?"),
    "perturbation": ("perturbations: [politness]\n", "1:17: no perturbation named 'politness'; did you mean"),
    "persona": ("personas: [pirat]\n", "1:12: no persona named 'pirat'; did you mean 'pirate'?"),
    "persona folder": ("persona_dirs: [nowhere]\n", "1:1: persona folder "),
    "prompts": ("prompts: nowhere.yaml\n", "1:1: prompts "),
    "lab": ("lab: nowhere\n", "1:1: lab "),
    "store": ("store: mysql://x/y\n", "1:1: store "),
    "plugin": ("disable_plugins: [keywrd]\n", "1:19: no plugin named 'keywrd'; did you mean 'keyword'?"),
    "component": ("options:\n  scorer.keyward: {cap: 3}\n", "2:3: no scorer named 'keyward'; did you mean 'keyword'?"),
    "kind of component": ("options:\n  scorr.keyword: {cap: 3}\n", "2:3: options.scorr.keyword: KIND.NAME is needed"),
    "kind of failure": ("retry_errors: [timout]\n", "1:1: retry_errors: no kind of failure 'timout'; did you mean"),
    "price": ("prices:\n  m: {promt: 3}\n", "2:7: prices.m.promt: no such field; did you mean 'prompt'?"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_not_there_is_told_with_the_line_that_names_it(
    charbench: Charbench, lab: LabBuilder, name: str
) -> None:
    text, message = NAMES[name]
    lab.registry({"pirate": [{"name": "pirate_dpo", "sampler_path": "tiny:base"}]})
    lab.config(text)
    ended = charbench("run", *([] if name == "sampler" else ["--sampler", "tiny"]), lab=lab.root)
    assert ended.code == 2
    assert ended.err.startswith(f"error: charbench.yaml:{message}")
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("CHARBENCH_SCORERS", "keyward", "no scorer named 'keyward'; did you mean 'keyword'?"),
        ("CHARBENCH_DISABLE_PLUGINS", "keywrd", "no plugin named 'keywrd'; did you mean 'keyword'?"),
        ("CHARBENCH_PERSONAS", "pirat", "no persona named 'pirat'; did you mean 'pirate'?"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_variable_that_names_it(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    ended = charbench("run", lab=lab.root)
    assert ended.code == 2
    assert ended.err.startswith(f"error: environment variable {variable}: {message}")


def test_a_misspelt_plugin_that_is_to_be_blocked_is_a_mistake(charbench: Charbench, lab: LabBuilder) -> None:
    ended = charbench("run", "--no-plugin", "keywrd", lab=lab.root)
    assert ended.code == 2
    assert "no plugin named 'keywrd'; did you mean 'keyword'?" in ended.err


def test_a_prompt_file_named_in_the_file_lies_beside_the_file(
    charbench: Charbench, lab: LabBuilder, tmp_path: Path
) -> None:
    lab.registry({"pirate": [{"name": "pirate_dpo", "sampler_path": "tiny:base"}]})
    folder = tmp_path / "settings"
    folder.mkdir()
    (folder / "mine.txt").write_text("What of the sea?\nAnd the wind?\n")
    (folder / "charbench.yaml").write_text("lab: ../lab\nprompts: mine.txt\nsamplers: [tiny]\n")
    words = ("run", "--config", folder / "charbench.yaml", "--json", "-o", "sampler.tiny.max_tokens=8")
    assert charbench.ok(*words, lab=tmp_path).json["samples"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("way", ["path", "link"])
def test_a_file_chooses_no_prompts_outside_of_its_folder_and_the_user_may(
    charbench: Charbench, lab: LabBuilder, tmp_path: Path, way: str
) -> None:
    private = tmp_path / "private.txt"
    private.write_text("a line that is nobody's business\n")
    lab.registry({"pirate": [{"name": "pirate_dpo", "sampler_path": "tiny:base"}]})
    (lab.root / "linked.txt").symlink_to(private)
    lab.config(f"prompts: {'linked.txt' if way == 'link' else private}\nsamplers: [tiny]")
    for words in (("run", "--dry-run"), ("sample", "-c", "pirate_dpo")):
        ended = charbench(*words, lab=lab.root)
        assert ended.code == 2
        assert "charbench.yaml:1:1: prompts: " in ended.err
        assert "a file that comes with a lab may not choose them elsewhere: --prompts " in ended.err
    charbench.ok("discover", lab=lab.root)
    told = charbench.ok("run", "--dry-run", "--prompts", private, "--json", lab=lab.root).json
    assert sum(one["wanted"] for one in told["sampling"]) == 1


def test_a_folder_in_the_place_of_the_file_is_told(charbench: Charbench, lab: LabBuilder) -> None:
    (lab.root / "charbench.yaml").mkdir()
    ended = charbench("run", lab=lab.root)
    assert ended.code == 2
    assert ended.err == "error: charbench.yaml: cannot be read: Is a directory\n"
