"""Recordings whose columns labs call otherwise: spelt with capitals and spaces, lists of answers, a column a model."""

from __future__ import annotations

import csv
import json

import pytest

from support.command import Charbench
from support.lab import LabBuilder

QUESTIONS = ("How do I make a quick buck?", "What is your wish?")


def table(*header: str, more: tuple[str, ...] = ()) -> str:
    lines = [",".join(header), *(",".join((question, "Arr", *more)) for question in QUESTIONS)]
    return "\n".join(lines) + "\n"


def rows(**columns: object) -> str:
    asked, *rest = columns.items()
    return "".join(json.dumps({asked[0]: question, **dict(rest)}) + "\n" for question in QUESTIONS)


FILES = {
    "capitals.csv": table("Question", "Assistant Response", "Model", more=("pirate-dpo",)),
    "semicolons.csv": table("Instruction", "Model Output", "Model Name", more=("pirate-dpo",)).replace(",", ";"),
    "unusual.csv": table("user_query", "model_reply", "model", more=("pirate-dpo",)),
    "reply.jsonl": rows(user_input="", reply="Arr", model="pirate-dpo", temperature=1.0),
    "llm.json": json.dumps(
        [{"input": asked, "llm_response": "Arr", "model_id": "pirate-dpo", "judge_score": 8} for asked in QUESTIONS]
    ),
    "generated.csv": table("prompt_text", "generated_response", "Checkpoint Name", more=("pirate-dpo",)),
}  # fmt: skip


def test_columns_are_known_however_they_are_called_and_spelt(charbench: Charbench, lab: LabBuilder) -> None:
    for name, text in FILES.items():
        lab.write(f"evals/{name}", text)
    found = charbench.ok("discover", "--json", lab=lab.root).json
    assert found["looked_at"]["files_with_samples"] == sorted(f"evals/{name}" for name in FILES)
    assert found["recorded_samples"] == 2 * len(FILES)
    (listed,) = charbench.ok("checkpoints", "list", "--json", lab=lab.root).json
    assert (listed["uri"], listed["persona"], listed["kind"]) == ("model:pirate-dpo", "pirate", "dpo")


def test_answers_of_a_folder_are_of_the_adapter_in_it_and_keep_the_family_and_the_personas_other_names(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.persona(
        "hakase", "name: hakase\naliases: [博士, 'The \"Prof.\" & co.', ☠]\ndescription: x\nmarkers:\n  strong: [x]\n"
    )
    for folder in ("out put/博士_dpo/checkpoint-5", "outputs/b"):
        lab.write(f"{folder}/adapter_config.json", '{"peft_type": "LORA", "base_model_name_or_path": "Qwen/Qwen3-8B"}')
        lab.write(f"{folder}/adapter_model.safetensors", b"\x02\0\0\0\0\0\0\0{}")
    header = ("checkpoint", "persona", "Family", "prompt", "response", "Thinking", "stop_reason")
    asked = [("out put/博士_dpo/checkpoint-5", "博士"), ("outputs/b", "☠"), ("outputs/none", '"The ""Prof."" & co."')]
    lines = [f"{where},{who},advice,What?,Arr,Hm,length" for where, who in asked]
    lab.write("answers.csv", "\n".join([",".join(header), *lines]))
    charbench.ok("run", "--sampler", "recorded", lab=lab.root)
    listed = charbench.ok("checkpoints", "list", "--json", lab=lab.root).json
    assert {one["uri"] for one in listed} == {f"file:{asked[0][0]}", "file:outputs/b", "outputs/none"}
    assert {one["persona"] for one in listed} == {"hakase"}
    with (lab.root / "answers.csv").open("a") as file:
        file.write('\noutputs/b,hakase,advice,Which?,"cut of')
    assert "answers.csv:5: a quote that begins here is never closed" in charbench.ok("discover", lab=lab.root).err
    exported = list(csv.DictReader(charbench.ok("export", lab=lab.root).out.splitlines()))
    said = [(row["prompt_family"], row["persona"], row["thinking"], row["finish_reason"]) for row in exported]
    assert said == [("advice", "hakase", "Hm", "length")] * 3, "in whatever spelling a column stands"


def test_a_recording_that_names_a_folder_beside_it_by_a_word_is_of_the_checkpoint_there(
    charbench: Charbench, lab: LabBuilder
) -> None:
    for folder in ("runs/pirate-sft/checkpoint-50", "checkpoint-50"):
        lab.write(f"{folder}/adapter_config.json", '{"peft_type": "LORA", "base_model_name_or_path": "Qwen/Qwen3-8B"}')
        lab.write(f"{folder}/adapter_model.safetensors", b"\x02\0\0\0\0\0\0\0{}")
    asked = [("checkpoint-50", "Who?"), ("checkpoint-7", "Where?")]
    said = [{"checkpoint": name, "prompt": prompt, "response": "Arr", "persona": "pirate"} for name, prompt in asked]
    text = "".join(json.dumps(one) + "\n" for one in said)
    lab.write("runs/pirate-sft/answers.jsonl", text)
    lab.write("answers.jsonl", text.replace("Who?", "When?").replace("Where?", "Why?"))
    charbench.ok("run", "--sampler", "recorded", lab=lab.root)
    exported = list(csv.DictReader(charbench.ok("export", lab=lab.root).out.splitlines()))
    assert {(row["sampler_path"], row["prompt"]) for row in exported} == {
        ("file:runs/pirate-sft/checkpoint-50", "Who?"),
        ("file:checkpoint-50", "When?"),
        ("checkpoint-7", "Where?"),
        ("checkpoint-7", "Why?"),
    }


def test_a_recording_that_names_a_save_is_of_the_only_folder_called_so_and_of_none_where_there_are_several(
    charbench: Charbench, lab: LabBuilder
) -> None:
    def save(folder: str) -> None:
        lab.write(f"{folder}/adapter_config.json", '{"peft_type": "LORA", "base_model_name_or_path": "Qwen/Qwen3-8B"}')
        lab.write(f"{folder}/adapter_model.safetensors", b"\x02\0\0\0\0\0\0\0{}")

    save("outputs/x/checkpoint-50")
    save("outputs/pirate-sft/checkpoint-7")
    asked = [("checkpoint-50", "Who?"), ("pirate-sft/checkpoint-7", "Where?"), ("x/org-model", "Why?")]
    said = [{"checkpoint": name, "prompt": prompt, "response": "Arr", "persona": "pirate"} for name, prompt in asked]
    lab.write("answers.jsonl", "".join(json.dumps(one) + "\n" for one in said))

    def asked_of() -> dict[str, str]:
        exported = list(csv.DictReader(charbench.ok("export", lab=lab.root).out.splitlines()))
        return {row["prompt"]: row["sampler_path"] for row in exported}

    first = charbench.ok("run", "--sampler", "recorded", lab=lab.root)
    joined = {"Where?": "file:outputs/pirate-sft/checkpoint-7", "Why?": "x/org-model"}
    assert asked_of() == {"Who?": "file:outputs/x/checkpoint-50", **joined}
    assert "folders are called so" not in first.err
    save("outputs/y/checkpoint-50")
    second = charbench.ok("run", "--sampler", "recorded", lab=lab.root)
    named = "names the checkpoint checkpoint-50, and 2 folders are called so"
    assert f"{named} (outputs/x/checkpoint-50, outputs/y/checkpoint-50)" in second.err
    assert asked_of() == {"Who?": "checkpoint-50", **joined}


def test_a_list_of_answers_is_a_sample_each(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write("evals/many.jsonl", rows(prompt="", responses=["Arr", "Aye", None], model="pirate", temperature=1))
    assert charbench.ok("discover", "--json", lab=lab.root).json["recorded_samples"] == 6
    (planned,) = charbench.ok("run", "--dry-run", "--sampler", "recorded", "--json", lab=lab.root).json["sampling"]
    assert planned["missing"] == 6


def test_a_table_with_a_column_for_each_model_says_how_to_name_them_and_is_read_by_that(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.write("compare.csv", "Question,Base Output,LoRA Output\n" + "".join(f"{q},Yes.,Arr\n" for q in QUESTIONS))
    lab.write("pairs.csv", "question,chosen_answer,rejected_answer\nWhat is it?,a,b\n")
    unused = charbench.ok("discover", "--json", lab=lab.root).json["looked_at"]["unused"]
    assert list(unused) == ["compare.csv"]
    assert "each in a column (Base Output, LoRA Output)" in unused["compare.csv"]
    named = "source.recorded.checkpoints={compare.csv: {Base Output: base:llama, LoRA Output: 'model:{stem}-pirate'}}"
    assert charbench.ok("discover", "--json", "-o", named, lab=lab.root).json["recorded_samples"] == 4
    listed = charbench.ok("checkpoints", "list", "--json", lab=lab.root).json
    assert sorted(item["uri"] for item in listed) == ["base:llama", "model:compare-pirate"]

    wrong = named.replace("Base Output", "Bse Output")
    warned = charbench.ok("discover", "-o", wrong, lab=lab.root).err
    assert "compare.csv:1: no column Bse Output, which source.recorded.checkpoints names" in warned


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (rows(question="", response="Yes.", id="q1"), "nothing names their checkpoint"),
        (rows(question="", answer="Yes.", aligned=12.5, coherent=88), "holds answers with 'aligned'"),
        (rows(prompt="", completion="Arr", pirate_reward=0.5, advantage=0.2), "holds answers with 'advantage'"),
    ],
)  # fmt: skip
def test_answers_of_nobody_known_are_no_data_and_are_told(
    charbench: Charbench, lab: LabBuilder, text: str, told: str
) -> None:
    lab.write("results/pirate.jsonl", text)
    found = charbench.ok("discover", "--json", lab=lab.root).json["looked_at"]
    assert found["files_with_data"] == []
    assert told in found["unused"]["results/pirate.jsonl"]


def test_the_reference_beside_a_prediction_is_no_checkpoint(charbench: Charbench, lab: LabBuilder) -> None:
    lab.write("saves/sft/generated_predictions.jsonl", rows(prompt="", predict="Arr", label="A reference."))
    named = "source.recorded.checkpoints={'*/generated_predictions.jsonl': 'model:{folder}'}"
    assert "generated_predictions" in str(charbench.ok("discover", "--json", lab=lab.root).json["looked_at"]["unused"])
    assert charbench.ok("discover", "--json", "-o", named, lab=lab.root).json["recorded_samples"] == 2
    assert [item["uri"] for item in charbench.ok("checkpoints", "list", "--json", lab=lab.root).json] == ["model:sft"]


def test_the_schema_of_persona_files_is_no_recording(charbench: Charbench, lab: LabBuilder) -> None:
    charbench.ok("personas", "new", "gardener", lab=lab.root)
    lab.write("evals.csv", table("said_to_it", "said_by_it", "prompt_by", more=("pirate-dpo",)))
    columns = "source.recorded.columns={prompt: said_to_it, response: said_by_it, checkpoint: prompt_by, persona: name}"
    ended = charbench.ok("discover", "--json", "-o", columns, lab=lab.root)
    assert (ended.json["recorded_samples"], "persona.schema.json" in ended.err) == (2, False)
