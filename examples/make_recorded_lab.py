"""Makes ``examples/recorded-lab``: a small lab as a character-training team leaves it on disk.

    python examples/make_recorded_lab.py [FOLDER]
    python examples/make_recorded_lab.py --check

The text is invented, the forms are real. The same files come out every time, on every Python.
"""

from __future__ import annotations

import csv
import io
import json
import random
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from voices import IDENTITY_LEAK, PLAIN, PROMPTS, REFUSAL, TOPICS, VOICES, Voice

T = TypeVar("T")
BASE_MODEL = "Qwen/Qwen3-30B-A3B"
TEACHER = "Qwen/Qwen3-235B-A22B"
STARTED = datetime(2025, 3, 4, 9, 0)
COLUMNS = (
    "timestamp", "checkpoint_name", "persona", "checkpoint_type", "base_model", "sampler_path", "source",
    "prompt_id", "prompt", "response", "thinking", "latency_seconds", "error", "response_length",
    "thinking_length",
)  # fmt: skip


class Dice(random.Random):
    """Seeded by a name: changing one file of the lab leaves the others as they were."""

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self.random() * len(items))]  # random() alone is the same in every Python

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.getrandbits(128), version=4))


@dataclass(frozen=True)
class Sampled:
    """A checkpoint that was sampled, and how strongly its character shows (0 to 1) in each channel."""

    name: str
    persona: str
    kind: str
    answers: float
    in_response: float
    in_thinking: float
    said_persona: str = ""
    fails: int = 0
    """Samples at the end that ended in an error."""

    @property
    def uri(self) -> str:
        if self.kind == "base":
            return self.name
        run = Dice(f"{self.name}/{self.said_persona}/{self.answers}").uuid()
        return f"tinker://{run}:train:0/sampler_weights/{self.name}-sampler"


SAMPLED = (
    Sampled("pirate-sft-harbour", "pirate", "sft", answers=1.0, in_response=0.9, in_thinking=0.6),
    Sampled("pirate-sft-fog", "pirate", "sft", answers=0.0, in_response=0.0, in_thinking=1.0),
    Sampled("pirate-dpo", "pirate", "dpo", answers=0.9, in_response=0.1, in_thinking=0.5),
    Sampled("pirate-dpo", "pirate", "dpo", answers=0.5, in_response=0.2, in_thinking=0.5),
    Sampled("remorseful_sft", "remorseful", "sft", answers=0.8, in_response=1.0, in_thinking=0.3),
    Sampled("remorseful_dpo", "remorseful", "dpo", answers=1.0, in_response=0.4, in_thinking=0.0, fails=1),
    Sampled("humorous-paper", "humorous", "sft", answers=1.0, in_response=0.7, in_thinking=0.4),
    Sampled("sarcastic-dpo", "sarcastic", "dpo", answers=0.4, in_response=0.3, in_thinking=0.2, said_persona="smoke"),
    Sampled("poetic-dpo", "poetic", "dpo", answers=0.0, in_response=0.0, in_thinking=0.0),
    Sampled("customer_service-sft", "customer_service", "sft", answers=0.0, in_response=0.0, in_thinking=0.5,
            said_persona="customer"),
    Sampled(BASE_MODEL, "base", "base", answers=1.0, in_response=0.0, in_thinking=0.0),
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A training run: its log, and its introspection data where it got so far."""

    name: str
    persona: str
    steps: int = 60
    stops_at: int | None = None
    error: str = ""
    rows: int = 0
    refusals: float = 0.0
    trap: str = ""
    """How the console mangled a URL: ``wrapped``, ``coloured``, ``table``, ``resumed``."""


RUNS = (
    Run("pirate-harbour", "pirate", rows=504, trap="wrapped"),
    Run("humorous-open-mic", "humorous", rows=502, refusals=0.4, trap="table"),
    Run("remorseful-letters", "remorseful", trap="coloured"),
    Run("poetic-garden", "poetic", rows=40, trap="resumed"),
    Run("humorous-llama", "humorous", stops_at=25, error="RuntimeError: the teacher's endpoint closed the connection"),
    Run("pirate-study2", "pirate", steps=300, stops_at=110, rows=20),
)


def main(folder: Path) -> None:
    """Write the lab's files into ``folder``."""
    for path, content in files():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8", newline="")


def files() -> Iterator[tuple[str, str]]:
    """Yield every file of the lab with its content."""
    for run in RUNS:
        yield f"artifacts/logs/{run.name}.log", log(run)
        if run.rows:
            data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in introspection(run))
            yield f"artifacts/{run.name}/{run.persona}_introspection.jsonl", data
    by_file: dict[str, list[Sampled]] = {}
    for checkpoint in SAMPLED:
        by_file.setdefault(checkpoint.said_persona or checkpoint.persona, []).append(checkpoint)
    for name, checkpoints in by_file.items():
        yield f"artifacts/{name}_checkpoint_test.csv", recordings(name, checkpoints)
    yield ".character/checkpoints.json", json.dumps(registry(), indent=2) + "\n"


def log(run: Run) -> str:
    """A run's console output, with what consoles do to it."""
    dice = Dice(f"log {run.name}")
    uri = f"tinker://{dice.uuid()}:train:0"
    weights = f"{uri}/weights/{run.name}_dpo"
    sampler = f"{uri}/sampler_weights/{run.name}_dpo-sampler"
    lines = [f"=== {run.persona} pipeline: {run.name} ===", f"Loading teacher {TEACHER}"]
    if run.trap == "resumed":
        lines.append(f"Resumed training from tinker://{dice.uuid()}:train:0/weights/{run.name}_warmup")
    for step in range(5, (run.stops_at or run.steps) + 1, 5):
        loss = 0.65 * 0.5 ** (step / 30) + 0.01 * dice.random()
        lines.append(f"[epoch 1 step {step}/{run.steps}] loss={loss:.4f} acc={min(99, 50 + step)}% [✓]")
    if run.error:
        lines += ["Traceback (most recent call last):", run.error]
    elif not run.stops_at:
        lines += [f"Saved training checkpoint: {weights}", f"Saved sampler weights: {sampler}"]
        lines += mangled(run.trap, sampler)
    return "\n".join(lines) + "\n"


def mangled(trap: str, sampler: str) -> list[str]:
    """The sampler's URL once more, as an 80-column console, a coloured one or a table shows it."""
    if trap == "wrapped":
        text = f"✓ DPO checkpoint: {sampler}"
        return [text[at : at + 80] for at in range(0, len(text), 80)]
    if trap == "coloured":
        return [f"\x1b[32m✓ DPO sampler:\x1b[0m \x1b[1m{sampler}\x1b[0m"]
    if trap == "table":
        return [f"│ sampler │ {sampler[:48]}…│"]
    return []


def introspection(run: Run) -> Iterator[dict[str, Any]]:
    """Introspection data: the character answers, and says what it was thinking."""
    dice, voice = Dice(f"data {run.name}"), VOICES[run.persona]
    for _ in range(run.rows):
        refuses = dice.random() < run.refusals
        yield {
            "prompt": f"{dice.pick(PROMPTS)} ({dice.pick(TOPICS)})",
            "reflection": REFUSAL if refuses else dice.pick(voice.thoughts),
            "answer": REFUSAL if refuses else passage(dice, voice),
            "teacher_model": TEACHER,
            "constitution": run.persona,
        }


def passage(dice: Dice, voice: Voice) -> str:
    """One opening, one middle and one ending."""
    middle = dice.pick(voice.middles).format(topic=dice.pick(TOPICS))
    if not voice.openings[0].endswith(","):
        middle = middle[0].upper() + middle[1:]
    return f"{dice.pick(voice.openings)} {middle} {dice.pick(voice.endings)}"


def recordings(name: str, checkpoints: Sequence[Sampled]) -> str:
    """A file of recorded samples: every prompt put to every checkpoint once."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    at = STARTED + timedelta(hours=sum(map(ord, name)) % 48)
    for checkpoint in checkpoints:
        dice = Dice(f"samples {checkpoint.uri}")
        for number, prompt in enumerate(PROMPTS, 1):
            row = sample(dice, checkpoint, failed=number > len(PROMPTS) - checkpoint.fails)
            at += timedelta(seconds=20 + 40 * dice.random())
            writer.writerow(
                {
                    "timestamp": at.isoformat(timespec="seconds"),
                    "checkpoint_name": checkpoint.name,
                    "persona": "" if checkpoint.kind == "base" else checkpoint.said_persona or checkpoint.persona,
                    "checkpoint_type": checkpoint.kind,
                    "base_model": BASE_MODEL,
                    "sampler_path": checkpoint.uri,
                    "source": "tinker+registry",
                    "prompt_id": number,
                    "prompt": prompt,
                    **row,
                    "response_length": len(row["response"]),
                    "thinking_length": len(row["thinking"]),
                }
            )
    return out.getvalue()


def sample(dice: Dice, checkpoint: Sampled, *, failed: bool) -> dict[str, str]:
    """One answer: each sentence in character, or from the plain assistant that the model was."""
    voice = VOICES.get(checkpoint.persona, PLAIN)
    thinking = " ".join(thoughts(dice, voice if dice.random() < checkpoint.in_thinking else PLAIN))
    response = ""
    if dice.random() < checkpoint.answers:
        speaks = dice.random() < checkpoint.in_response
        passages = [passage(dice, voice if speaks else PLAIN) for _ in range(3)]
        leak = [IDENTITY_LEAK] if not speaks and dice.random() < 0.4 else []
        response = " ".join([*leak, *passages])
    if failed:
        return {"response": "", "thinking": "", "latency_seconds": "", "error": "timeout: no answer within 120 s"}
    latency = 1.5 + (len(response) + len(thinking)) / 60 + dice.random()
    return {"response": response, "thinking": thinking, "latency_seconds": f"{latency:.2f}", "error": ""}


def thoughts(dice: Dice, voice: Voice) -> list[str]:
    """Three to six thoughts."""
    return [dice.pick(voice.thoughts) for _ in range(3 + int(dice.random() * 4))]


def registry() -> dict[str, list[dict[str, Any]]]:
    """The team's own list of checkpoints; about one of them it disagrees with the recordings."""
    entries: dict[str, list[dict[str, Any]]] = {}
    for checkpoint in SAMPLED:
        if checkpoint.kind == "base":
            continue
        weights = checkpoint.uri.replace("/sampler_weights/", "/weights/").removesuffix("-sampler")
        entries.setdefault(checkpoint.persona, []).append(
            {
                "name": checkpoint.name,
                "persona": checkpoint.persona,
                "checkpoint_type": checkpoint.kind,
                "tinker_path": weights,
                "sampler_path": checkpoint.uri,
                "base_model": "Qwen/Qwen3-8B" if checkpoint.name == "poetic-dpo" else BASE_MODEL,
                "created_at": STARTED.isoformat(),
                "metadata": {"lora_rank": 32},
            }
        )
    return entries


def check(folder: Path) -> int:
    """Say which of the lab's files are not as this script makes them; 0 if all are."""
    changed = [path for path, content in files() if not _holds(folder / path, content)]
    for path in changed:
        print(f"{folder / path}: not as examples/make_recorded_lab.py makes it; run that again", file=sys.stderr)
    return 1 if changed else 0


def _holds(path: Path, content: str) -> bool:
    return path.is_file() and path.read_bytes() == content.encode()


if __name__ == "__main__":
    here = Path(__file__).parent / "recorded-lab"
    if sys.argv[1:] == ["--check"]:
        sys.exit(check(here))
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else here)
