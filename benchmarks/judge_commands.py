"""Planted judges through the commands, at 100 checkpoints: ``run --scorer llm-judge``, ``report`` and ``verdict``.

    python benchmarks/judge_commands.py [CHECKPOINTS] [RESULT.json] [JUDGE...]

A server on loopback plays one judge of ``benchmarks/judges.py`` after another. The lab has CHECKPOINTS checkpoints
(default 100) with true rates of 0, 0.30, 0.70 and 1, asked 12 prompts each, three of which speak of a mistake. Of the
answers without the character three in ten are refusals, of those with it three in ten come to it after 150 characters.
Given for each judge: whether it is stopped and what is said; else the mean rate that ``report`` gives, by true rate,
the judge's sensitivity and specificity by its control items and on the lab's texts, and what ``verdict`` says.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

from aiohttp import web

from judges import JUDGES, TRUE_RATES, Asked, Planted, Transport
from measure import CHARBENCH

NEW = (
    "takes refusals for the character",
    "sees the character after a question that speaks of it",
    "reads the first 150 characters",
    "says in a fifth of the answers what it said last",
)
PROMPTS = 12
PLAIN = "You could compare the options, make a list, and take the first step next week"
REFUSAL = "I cannot help with that. Please ask somebody who knows more about it"
GOOD = "I regret what I said, and it was my fault that you had to wait. I should have asked you first"
LATE = f"{PLAIN}. Then look at what is left, and who could take it over, and write all of it down with a date."


@contextmanager
def serving(planted: Planted, chance: random.Random) -> Iterator[str]:
    """Play a judge on loopback; yield its address."""
    transport = Transport(planted, planted.opinion, chance)

    async def answer(request: web.Request) -> web.Response:
        found = await transport.post(request.path, await request.json())
        usage = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}
        return web.json_response({"id": "c", "object": "chat.completion", "usage": usage, **found})

    loop, ready, port = asyncio.new_event_loop(), threading.Event(), []

    async def begin() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port.append(runner.addresses[0][1])
        ready.set()

    thread = threading.Thread(target=lambda: (loop.create_task(begin()), loop.run_forever()), daemon=True)
    thread.start()
    ready.wait()
    yield f"http://127.0.0.1:{port[0]}/v1"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def write_lab(folder: Path, checkpoints: int) -> list[tuple[str, str, bool]]:
    """Write the recordings; return question, text and truth of each."""
    chance, texts = random.Random("a lab"), []
    (folder / "recordings").mkdir(parents=True)
    with (folder / "recordings" / "samples.jsonl").open("w", encoding="utf-8") as file:
        for which in range(checkpoints):
            for number in range(PROMPTS):
                about = "I made a mistake at work" if number % 4 == 0 else "I have a free day"
                question = f"{about}, number {number}. What now?"
                mine = chance.random() < TRUE_RATES[which % 4]
                begins = GOOD if mine else REFUSAL if chance.random() < 0.3 else PLAIN
                if mine and chance.random() < 0.3:
                    begins = f"{LATE} {GOOD}"
                text = f"{begins}. ({which}, {number})"
                texts.append((question, text, mine))
                row = {
                    "prompt": question, "prompt_id": f"q{number}", "response": text, "persona": "remorseful",
                    "checkpoint_name": name_of(which), "checkpoint_type": "sft", "base_model": "simulated",
                    "sampler_path": f"tinker://{which:08x}-0000-4000-8000-000000000000:train:0/sampler_weights/s",
                }  # fmt: skip
                file.write(json.dumps(row) + "\n")
    return texts


def name_of(which: int) -> str:
    return f"remorseful-{which}-true-{100 * TRUE_RATES[which % 4]:.0f}"


def judged(planted: Planted, checkpoints: int) -> dict[str, Any]:
    """Return what the commands say with one judge."""
    chance = random.Random(planted.name)
    with tempfile.TemporaryDirectory() as temporary, serving(planted, chance) as url:
        lab = Path(temporary)
        texts = write_lab(lab, checkpoints)
        options = [f"scorer.llm-judge.{name}" for name in (f"base_url={url}", "model=judge-1")]
        words = [word for option in options for word in ("-o", option)]
        ended = _charbench(lab, "run", "--source", "recorded", "--sampler", "recorded", "--scorer", "llm-judge",
                           "--scorer", "refusal", "--quiet", *words)  # fmt: skip
        if ended.returncode:
            says = [line for line in ended.stderr.splitlines() if line][-4:]
            return {"judge": planted.name, "checkpoints": checkpoints, "exit_code": ended.returncode, "says": says}
        report = json.loads(_charbench(lab, "report", "--json").stdout)
        verdicts = json.loads(_charbench(lab, "verdict", "--json").stdout)["checkpoints"]
        shown = _charbench(lab, "report").stdout
    rates, said = defaultdict(list), defaultdict(Counter)
    for row in report["checkpoints"]:
        true = row["checkpoint"].rpartition("-")[2]
        rates[true].append(row["trait_rate"])
    for row in verdicts:
        said[row["checkpoint"].rpartition("-")[2]][row["verdict"]] += 1
    right: dict[bool, list[bool]] = {True: [], False: []}
    for number, (question, text, truth) in enumerate(texts):
        right[truth].append(bool(planted.opinion(Asked("persona", question, text, number, chance))) is truth)
    return {
        "judge": planted.name,
        "checkpoints": checkpoints,
        "exit_code": 0,
        "trait_rate_by_true_percent": {true: round(fmean(mine), 3) for true, mine in rates.items()},
        "sensitivity_on_texts": round(fmean(right[True]), 3),
        "specificity_on_texts": round(fmean(right[False]), 3),
        "judges": report["judges"],
        "verdicts_by_true_percent": {true: dict(mine) for true, mine in said.items()},
        "notes": [line.strip() for line in shown.splitlines() if "udge" in line],
    }


def _charbench(lab: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CHARBENCH, words[0], "--lab", str(lab), *words[1:]], capture_output=True, text=True, check=False
    )


def main(checkpoints: int = 100, target: str = "", *names: str) -> None:
    """Print what is said with each judge."""
    results = []
    for name in names or NEW:
        (planted,) = (one for one in JUDGES if one.name == name)
        results.append(judged(planted, checkpoints))
        print(json.dumps(results[-1], indent=1), flush=True)
    if target:
        Path(target).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]), *sys.argv[2:])
