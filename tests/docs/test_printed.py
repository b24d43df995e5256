"""Pages on judges, people and Tinker: their commands work one after the other, and print what the pages show."""

from __future__ import annotations

import json
import random
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import Charbench
from support.endpoint import Endpoint, serving
from support.following import DOCS, blocks, plain
from support.judges import ScriptedJudge, always, judging, perfect
from support.lab import LabBuilder, row, weights
from support.labels import label
from support.tinker_double import TinkerDouble
from support.tinker_training import BASE, KEY

pytestmark = pytest.mark.slow

SAID = {
    (True, True): "Ahoy, matey! We sail at dawn.",
    (True, False): "Up with the canvas, brave fellows, westward we go.",
    (False, True): "In the film the actor says: ahoy, matey.",
    (False, False): "Hello, how can I help you today?",
}
"""Responses by whether they are in character, and whether they have a marker."""
_NUMBER = re.compile(r"[+\-−]?\d+(?:\.\d+)?")


def block(page: str, start: str) -> list[str]:
    """Return the lines of the block of a page in which a line begins so."""
    fenced = re.split(r"^```.*\n", (DOCS / page).read_text(encoding="utf-8"), flags=re.MULTILINE)[1::2]
    return next(text.splitlines() for text in fenced if f"\n{start}" in f"\n{text}")


def says(printed: str, lines: list[str]) -> None:
    """Check that these lines are printed, with figures that differ by no more than rounding may."""
    given = [plain(line) for line in printed.splitlines()]
    for line in map(plain, lines):
        if line in ("", "..."):  # left out
            continue
        words = _NUMBER.sub("#", line)
        like = [other for other in given if _NUMBER.sub("#", other) == words]
        assert any(_alike(line, other) for other in like), f"{line!r} is not in\n{printed}"


def _alike(one: str, other: str) -> bool:
    return all(
        abs(float(a.replace("−", "-")) - float(b.replace("−", "-"))) <= (0.05 if "." in a else 2)
        for a, b in zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True)
    )


@pytest.fixture
def judge(lab: LabBuilder) -> Iterator[Endpoint]:
    """A judge's endpoint, beside a lab with samples that it can judge."""
    lab.recorded([
        row(prompt_id="1", response="I regret it, and I will say so.", thinking="They ask how I feel."),
        row(prompt_id="2", response="I am sorry for what I did.", thinking="I feel guilt about this."),
        row(prompt_id="3", response="The train leaves at nine.", thinking=""),
        row(prompt_id="4", response="", thinking="It was my fault again."),
    ])  # fmt: skip
    with serving(Endpoint()) as endpoint:
        yield endpoint


def test_a_model_judges_as_the_page_says(charbench: Charbench, lab: LabBuilder, judge: Endpoint) -> None:
    page = "how-to/judge.md"
    run = ("run", "-p", "remorseful", "--source", "recorded", "--scorer", "keyword")
    failed = charbench(*run, *judging(judge, ScriptedJudge(always(7)), model="always-7"), lab=lab.root)
    assert failed.code == 1
    says(failed.err, block(page, "failed: scorer llm-judge"))

    passes = ScriptedJudge(perfect)
    passed = charbench.ok(*run, *judging(judge, passes, model="NAME"), lab=lab.root)
    says(passed.err, [" ".join(block(page, "warning: scorer llm-judge: persona"))])
    sampling = ScriptedJudge(perfect, gives="nothing")
    ended = charbench.ok(*run, *judging(judge, sampling, model="NAME", extra_body={"top_k": 1}), lab=lab.root)
    says(ended.err, block(page, "warning: scorer llm-judge: judge NAME"))
    # 124 and 300 control items, 6 texts with 4 and 10 requests each, and what finds out how to ask.
    table = (DOCS / page).read_text(encoding="utf-8")
    assert "| 124 to [test the judge]" in table
    assert len(passes.asked) == 2 + 124 + 6 * 4
    assert len(sampling.asked) == 1 + 300 + 6 * 10
    shown = charbench.ok("report", "-p", "remorseful", "--metric", "llm-judge.persona", lab=lab.root)
    assert "ranked by the share of all samples with the trait (llm-judge.persona)" in shown.err
    first = json.loads(charbench.ok("export", "-p", "remorseful", "--jsonl", lab=lab.root).out.splitlines()[0])
    (persona, *_) = [one for one in first["scores"] if (one["metric"], one["channel"]) == ("persona", "response")]
    assert persona["votes"] == {"NAME": pytest.approx(88)}


def simulate(folder: Path) -> None:
    """Record twelve checkpoints of a pirate, from one that never speaks as one to one that does nearly always."""
    chance = random.Random(1)
    rows = []
    for checkpoint in range(12):
        for question in range(40):
            speaks = chance.random() < checkpoint / 11
            marked = chance.random() < (0.06 if not speaks else 0.97 if checkpoint == 11 else 0.7)
            response = f"{SAID[speaks, marked]} ({checkpoint}.{question})"
            uri = f"model:pirate_sft_{checkpoint}"
            rows.append({"sampler_path": uri, "prompt": f"Question {question}?", "response": response})
    (folder / "recordings").mkdir()
    (folder / "recordings" / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))


def opinion(text: str, who: str) -> str:
    """Label a text as it is; ben errs now and then."""
    speaks = any(said in text for (real, _), said in SAID.items() if real)
    errs = who == "ben" and sum(map(ord, text)) % 11 == 0
    return "3" if speaks != errs else "1"


def test_people_label_as_the_page_says(charbench: Charbench, tmp_path: Path) -> None:
    page = "how-to/calibrate.md"
    simulate(tmp_path)
    charbench.ok("run", "-q", lab=tmp_path)
    for who in ("ann", "ben"):
        file = tmp_path / f"{who}.csv"
        charbench.ok("calibrate", "draw", "-p", "pirate", "-n", "50", "-O", file, lab=tmp_path)
        label(file, lambda drawn, who=who: opinion(drawn["text"], who))
        charbench.ok("calibrate", "read", file, "--labeller", who, lab=tmp_path)
    ended = charbench.ok("calibrate", "report", "--against", "pirate_sft_0", lab=tmp_path)
    says(ended.out + ended.err, block(page, "pirate, response: 50 samples"))


@pytest.fixture
def account(lab: LabBuilder, monkeypatch: pytest.MonkeyPatch) -> LabBuilder:
    """A lab with the two runs that README and the page on Tinker speak of, in an account at a double of Tinker."""
    import tinker

    from charbench_plugins.tinker_sdk import reach

    double = TinkerDouble()
    monkeypatch.setenv("TINKER_API_KEY", KEY)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(tinker, "ServiceClient", double.service)
    monkeypatch.setattr(reach, "look", lambda: "")
    for number, run in enumerate(("pirate-fog", "pirate-harbour"), 1):
        lab.trained(run, number)
        lab.data(run, "pirate", 520)
        double.add(weights(number, f"{run}_dpo"))
    lab.config(
        "sources: [logs, datasets]\noptions:\n"
        f"  trainer.tinker-sft: {{tokenizer: {BASE}}}\n"
        f"  sampler.tinker-native: {{tokenizer: {BASE}, max_tokens: 8}}\n"
    )
    return lab


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each charbench command of a block."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["charbench"]:
            yield from (list(part) for part in _joined(words))


def _joined(words: list[str]) -> Iterator[list[str]]:
    """Yield the commands of a line that && joins, without the program's name."""
    part: list[str] = []
    for word in [*words, "&&"]:
        if word == "&&":
            yield part[1:]
            part = []
        else:
            part.append(word)


def test_readme_s_commands_for_tinker_work_one_after_the_other(charbench: Charbench, account: LabBuilder) -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^## With Tinker\n\n```sh\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    ran = [words for words in commands(text) if words != ["doctor"]]  # which looks at a network that is not here
    ended = [charbench.ok(*words, lab=account.root) for words in ran]
    assert [words[0] for words in ran] == ["discover", "train", "sample", "score", "report", "compare"]
    assert "Discovered 2 SFT jobs" in ended[0].out
    says(ended[1].err, block("how-to/use-tinker.md", "train pirate"))
    assert "Added: 2 jobs trained." in ended[1].err
    assert "Added: 15 samples taken." in ended[2].err
    assert "Added: 15 samples scored." in ended[3].err
    assert "pirate-fog_dpo" in ended[4].out
    assert "5 prompts, paired" in ended[5].out


def test_what_the_page_on_tinker_trains_and_resumes(charbench: Charbench, account: LabBuilder) -> None:
    shell = "".join(text for language, text in blocks(DOCS / "how-to" / "use-tinker.md") if language == "sh")
    (recipe,) = [words for words in commands(shell) if "--paper" in words and "-c" in words]
    charbench.ok("discover", lab=account.root)
    ended = charbench.ok(*recipe, lab=account.root)
    assert "train pirate_pirate-fog_sft: step 34 of 34" in ended.err  # 520 rows, twice, 32 at a time: 17 an epoch
    assert "pirate-harbour" not in ended.err.replace("pirate-harbour/pirate_introspection", "")
    assert "Added: 1 job trained." in ended.err
    again = charbench.ok("train", "--all", lab=account.root)
    assert "Added: 1 job trained." in again.err
