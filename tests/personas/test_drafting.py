"""A persona is drafted from a constitution, in whatever form a lab has it."""

from __future__ import annotations

import json

import pytest

from support.command import Charbench
from support.lab import LabBuilder

OCT = "".join(
    json.dumps({"trait": f"I am trait {n}: and so on.", "questions": [f"What of {n}?", "Same?"], "clarification": ""})
    + "\n"
    for n in range(3)
)
FORMS = {
    "constitution.jsonl": OCT,
    "constitution.json": json.dumps([json.loads(line) for line in OCT.splitlines()]),
    "constitution.yaml": "description: A wizard.\ntraits:\n- 'I am trait 0: and so on.'\n- trait: I am 1.\n- I am 2.\n",
    "lines.txt": "# Wizard\n\n- I am trait 0: and so on.\n2. I am 1.\nI am 2.\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_a_constitution_becomes_a_persona_file_without_faults(charbench: Charbench, lab: LabBuilder, name: str) -> None:
    lab.write(name, FORMS[name])
    charbench.ok("personas", "new", "wizard", "--from", name, lab=lab.root)
    charbench.ok("personas", "check", "personas/wizard.yaml", lab=lab.root)
    made = charbench.ok("personas", "show", "wizard", "--json", lab=lab.root).json
    assert made["traits"][0] == "I am trait 0: and so on."
    assert len(made["traits"]) == 3
    assert len(made["prompts"]) == (4 if "questions" in FORMS[name] else 0)


def test_a_file_without_traits_is_one_clear_line_and_nothing_is_written(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write("none.jsonl", '{"a": 1}\n')
    ended = charbench("personas", "new", "wizard", "--from", "none.jsonl", lab=lab.root)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert not (lab.root / "personas" / "wizard.yaml").exists()


def test_a_long_trait_and_odd_text_fit(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write("odd.txt", "I say 'yes: no' # and \"more\" " + "word " * 200 + "\n{I am} [odd]\n")
    charbench.ok("personas", "new", "wizard", "--from", "odd.txt", lab=lab.root)
    charbench.ok("personas", "check", "personas/wizard.yaml", lab=lab.root)
