"""Makes ``tests/data/stores/first.tar.gz``: a lab whose store was filled by the first version of charbench.

Run it with that version installed (commit 364ad8d), from its checkout, so that ``tests/support`` is found::

    python make_first_store.py first.tar.gz

The lab has recordings, samples from an endpoint, failures, perturbations, a judge's scores, games, labels, a diagnosis
and a trained job. Nothing in it depends on where it lies; the endpoint was ``http://127.0.0.1:18099/v1``.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path.cwd() / "tests"))

from aiohttp import web

from support import endpoint as scripted
from support.introspection import write_introspection
from support.judges import ScriptedJudge
from support.lab import LabBuilder, row, sampler, weights
from support.labels import by_text, label
from support.pair_judges import PairJudge

PORT = 18099
VOICES = {
    "pirate_strong": "Ahoy, matey! We sail at dawn, arrr, and plunder is ours ({0}).",
    "pirate_weak": "We could go by boat ({0}).",
    "base": "It depends on what is meant ({0}).",
}


async def play(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Play the checkpoints, the judge and the judge of pairs, by the model's name."""
    model, text = str(body["model"]), json.dumps(body.get("messages"))
    if model == "judge":
        return await ScriptedJudge()(request, body)
    if model == "pairs":
        return await PairJudge()(request, body)
    if "Unanswered" in text:
        return web.json_response({"error": {"message": "the context is too long"}}, status=400)
    spoken = VOICES[model].format(len(text))
    return web.json_response(scripted.completion(scripted.choice(f"<think>\nLet me see.\n</think>\n\n{spoken}")))


def main(target: Path) -> None:
    """Make the lab, run the commands, pack what they leave."""
    scripted.web.TCPSite = _on_the_port  # type: ignore[misc, assignment]
    with tempfile.TemporaryDirectory() as folder, scripted.serving(scripted.Endpoint(handler=play)) as endpoint:
        lab = LabBuilder(Path(folder) / "lab")
        _fill(lab)
        _run(lab.root, endpoint.url)
        with closing(sqlite3.connect(lab.root / ".charbench" / "charbench.db")) as connection, connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("UPDATE runs SET host = 'elsewhere'")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("VACUUM")
        connection.close()
        for stray in ("journal.jsonl", "labels.csv"):
            (lab.root / stray).unlink(missing_ok=True)
        with tarfile.open(target, "w:gz") as archive:
            archive.add(lab.root, "lab")


def _on_the_port(runner: web.AppRunner, host: str, _any_port: int) -> web.SockSite:
    import socket

    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, PORT))
    return web.SockSite(runner, bound)


def _fill(lab: LabBuilder) -> None:
    lab.recorded(
        [
            row(
                checkpoint_name=f"remorseful-{which}_dpo",
                sampler_path=sampler(1 + which, f"remorseful-{which}_dpo"),
                prompt_id=str(prompt),
                prompt=f"Question {prompt}?",
                response="" if (which + prompt) % 4 == 0 else f"I regret answer {prompt}." if prompt % 2 else "Yes.",
                thinking=f"I am sorry about {prompt}.",
            )
            for which in range(3)
            for prompt in range(8)
        ]
    )
    lab.trained("pirate-bay", 7)
    lab.data("pirate-bay", "pirate", 130)
    lab.log("sunk", f"Saved training checkpoint: {weights(9, 'sunk_dpo')}", "Traceback (most recent call last):")
    served = [
        {"name": name, "checkpoint_type": kind, "sampler_path": f"model:{name}"}
        for name, kind in (("pirate_strong", "sft"), ("pirate_weak", "dpo"), ("base", "base"))
    ]
    lab.registry({"pirate": served})
    lab.jobs(
        {
            "persona": "pirate",
            "run_name": "pirate-done",
            "job_id": "pirate_pirate-done_sft",
            "status": "complete",
            "dpo_checkpoint": weights(3, "pirate-done_dpo"),
            "dpo_sampler": sampler(3, "pirate-done_dpo"),
            "introspection_data": "artifacts/pirate-done/pirate_introspection.jsonl",
            "introspection_count": 600,
            "sft_checkpoint": weights(4, "pirate-done_sft"),
        }
    )
    lines = [f"What of day {number}?" for number in range(8)] + ["Unanswered?"]
    lab.config("min_examples: 100\n")
    lab.write("prompts.txt", "\n".join(lines) + "\n")
    write_introspection(lab.root / "spare" / "pirate_introspection.jsonl", 70, 0, "pirate")


def _run(lab: Path, url: str) -> None:
    asked = ["--sampler", "thinking", "-o", f"sampler.thinking.base_url={url}", "-o", "sampler.thinking.tries=1"]
    judge = [f"scorer.llm-judge.base_url={url}", "scorer.llm-judge.model=judge"]
    pairs = [f"scorer.pairwise.base_url={url}", "scorer.pairwise.model=pairs", "scorer.pairwise.games=6"]
    judged = [word for option in [*judge, *pairs] for word in ("-o", option)]
    own = [word for name in VOICES for word in ("-c", f"model:{name}")]
    prompts = ["--prompts", "prompts.txt", "--epochs", "2"]
    scorers = ["--scorer", "keyword", "--scorer", "refusal", "--scorer", "llm-judge", "--scorer", "pairwise"]
    _charbench(lab, "run")
    everything = ["run", "-p", "pirate", *own, *asked, *prompts, *scorers, *judged]
    _charbench(lab, *everything, fails=True)
    perturbed = ["-c", "model:pirate_strong", "--perturb", "politeness"]
    _charbench(lab, "sample", "-p", "pirate", *perturbed, *asked, *prompts, fails=True)
    _charbench(lab, "score", "-p", "pirate")
    _charbench(lab, "calibrate", "draw", "-p", "pirate", "-n", "12", "-O", "labels.csv")
    label(lab / "labels.csv", by_text)
    _charbench(lab, "calibrate", "read", "labels.csv", "--labeller", "ann")
    _charbench(lab, "diagnose", "-p", "pirate", "-c", "model:pirate_weak", *asked)
    _charbench(lab, *everything)
    _charbench(lab, "run")


def _charbench(lab: Path, *words: str, fails: bool = False) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CHARBENCH_")}
    command = [str(Path(sys.executable).with_name("charbench")), *words]
    ended = subprocess.run(command, cwd=lab, env=environment, capture_output=True, text=True, check=False)
    print("$", *command[1:], "->", ended.returncode, file=sys.stderr)
    if ended.returncode != (1 if fails else 0):
        sys.exit(ended.stdout + ended.stderr)


if __name__ == "__main__":
    if not shutil.which("charbench") and len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
