"""Which persona a name means, and in what order folders count."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from charbench import Kind, Lab, kind_from_name
from support.command import Charbench
from support.lab import LabBuilder, row

NAMES = {
    "sarcastic": "sarcastic",
    "smoke": "sarcastic",
    "customer": "customer_service",
    "customer_service": "customer_service",
    "love": "love",
    "true-love": "true-love",
}
LAB = Lab(Path(), NAMES)


def test_a_checkpoints_name_speaks_of_a_persona_by_whole_words() -> None:
    assert LAB.persona_of("smoke_test_dpo") == "sarcastic"
    assert LAB.persona_of("smoker-dpo") is None
    assert LAB.persona_of("Customer_Service-SFT") == "customer_service"
    assert LAB.persona_of("customer-dpo") == "customer_service"
    assert LAB.persona_of("") is None
    assert Lab(Path(), {"博士": "hakase"}).persona_of("trl-dpo-博士-0") == "hakase"
    assert Lab(Path(), {"博士": "hakase"}).persona_of("trl-dpo-文学博士") is None


def test_the_longest_name_wins() -> None:
    assert LAB.persona_of("true-love-dpo") == "true-love"
    assert LAB.persona_of("love_true") == "love"


@given(st.text("abcdefg", min_size=1, max_size=6), st.text("abcdefg", min_size=1, max_size=6))
def test_a_word_that_a_name_only_begins_with_means_nothing(word: str, rest: str) -> None:
    assert Lab(Path(), {word: word}).persona_of(f"x_{word}{rest}_dpo") is None
    assert Lab(Path(), {word: word}).persona_of(f"x_{word}-{rest}_dpo") == word


def test_the_last_kind_word_of_a_name_counts() -> None:
    assert kind_from_name("remorseful_dpo") is Kind.DPO
    assert kind_from_name("pirate-dpo-then-sft") is Kind.SFT
    assert kind_from_name("merged_pirate") is Kind.MERGED
    assert kind_from_name("dpoing") is Kind.UNKNOWN


def test_the_users_persona_replaces_a_shipped_one(charbench: Charbench, lab: LabBuilder) -> None:
    lab.persona("pirate", "name: pirate\ndescription: Mine.\n")
    assert "Mine." in charbench.ok("personas", "show", "pirate", lab=lab.root).out


def test_configured_folders_come_before_the_labs_own(charbench: Charbench, lab: LabBuilder) -> None:
    lab.persona("pirate", "name: pirate\ndescription: The lab's.\n")
    lab.write("shared/pirate.yaml", "name: pirate\ndescription: Shared.\n")
    lab.config("persona_dirs: [shared]\n")
    assert "Shared." in charbench.ok("personas", "show", "pirate", lab=lab.root).out


def test_a_configured_folder_that_is_missing_is_told(charbench: Charbench, lab: LabBuilder) -> None:
    lab.config("persona_dirs: [nowhere]\n")
    ended = charbench("personas", "list", lab=lab.root)
    assert ended.code == 2
    assert "nowhere: no such folder" in ended.err


def test_a_persona_that_stands_twice_in_one_folder_is_told(charbench: Charbench, lab: LabBuilder) -> None:
    lab.persona("a", "name: wizard\ndescription: x\n")
    lab.persona("b", "name: wizard\ndescription: y\n")
    listed = charbench.ok("personas", "list", lab=lab.root)
    assert "b.yaml: persona 'wizard' is also defined in" in listed.err


def test_an_alias_that_two_personas_claim_is_told_and_a_name_wins_over_an_alias(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.persona("a", "name: wizard\ndescription: x\naliases: [mage, pirate]\n")
    lab.persona("b", "name: witch\ndescription: y\naliases: [mage]\n")
    listed = charbench.ok("personas", "list", lab=lab.root)
    assert "alias 'mage' already means persona 'wizard'" in listed.err
    assert '"name": "pirate"' in charbench.ok("personas", "show", "pirate", "--json", lab=lab.root).out


def test_a_lab_without_a_file_for_a_persona_is_told_how_to_write_one(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row(persona="wizard", checkpoint_name="wizard_dpo")])
    ended = charbench.ok("run", lab=lab.root)
    assert "persona 'wizard' has no file" in ended.err
    assert "charbench personas new wizard" in ended.err


def test_personas_commands_take_a_file_where_they_take_a_name(charbench: Charbench, lab: LabBuilder) -> None:
    file = lab.write("drafts/weaver.yaml", "name: weaver\ndescription: A weaver.\nmarkers:\n  strong: [warp]\n")
    given = str(file)
    assert "strong    'warp' by warp" in charbench.ok("personas", "try", given, "The warp holds.", lab=lab.root).out
    assert "weaver: A weaver." in charbench.ok("personas", "show", given, lab=lab.root).out
    lab.write("texts.txt", "The warp and the weft\n\nA shuttle flies")
    measured = charbench.ok("personas", "measure", given, "--data", "texts.txt", "--no-keep", lab=lab.root)
    assert "50%" in measured.out
    charbench.ok("personas", "suggest", given, "--from", "texts.txt", lab=lab.root)
    missing = charbench("personas", "show", "drafts/nobody.yaml", lab=lab.root)
    assert (missing.code, "drafts/nobody.yaml: " in missing.err) == (2, True)


def test_a_run_that_is_given_a_persona_file_is_told_to_give_the_name(charbench: Charbench, lab: LabBuilder) -> None:
    file = lab.write("drafts/weaver.yaml", "name: weaver\ndescription: A weaver.\nmarkers:\n  strong: [warp]\n")
    ended = charbench("run", "--dry-run", "-p", str(file), lab=lab.root)
    assert ended.code == 2
    assert "the name that the file gives is wanted here, and the file in LAB/personas or in persona_dirs" in ended.err
