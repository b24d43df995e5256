"""What a change saves: the scorers and whole commands of two versions of charbench, side by side.

    git worktree add /tmp/before COMMIT
    python benchmarks/before_and_after.py /tmp/before scorers|score|eval [ROUNDS]

``scorers``: the default scorers alone, on texts of ``recorded_samples.py`` and the answers of ``chat_server.py``, in
two processes bound to one core that take turns every few hundredths of a second. ``score``: 4,000 stored samples.
``eval``: 2,000 prompts, 64 and 256 in flight, and the bare loop over the openai client. Commands take turns from round
to round, and are told by processor time, their start included. Told are medians of ratios within a round, least and
most: on a machine with other work nothing else says anything.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from chat_server import ANSWER, RESPONSE, prompt, serving
from keyword_scorer import WORDS
from measure import CHARBENCH, as_installed
from sampling import BARE
from stored_scores import stored

AFTER = Path(__file__).parents[1]
SCORERS = {"keyword": "keyword.scorer:KeywordScorer", "repetition": "health.repetition:Repetition",
           "refusal": "health.refusal:Refusal", "identity-leak": "health.identity_leak:IdentityLeak"}  # fmt: skip
Environment = dict[str, str]


def environment(tree: Path) -> Environment:
    """Return the environment in which Python finds charbench in a tree."""
    return as_installed() | {"PYTHONPATH": f"{tree / 'src'}{os.pathsep}{tree / 'plugins'}"}


def tell(name: str, ratios: list[float]) -> None:
    print(
        f"{name:<44} {median(ratios):.3f} times ({min(ratios):.3f} to {max(ratios):.3f}, n={len(ratios)})", flush=True
    )


def work() -> None:
    """Be one of the two processes: score the texts of a name with the scorer of a name, for each line of stdin."""
    from importlib import import_module

    from charbench import Prompt, Sample, Scorer
    from charbench.personas.library import read_persona

    persona = read_persona(AFTER / "personas" / "pirate.yaml")
    dice = random.Random(2)
    made = [" ".join(dice.choices(WORDS, k=dice.randrange(110, 200))) for _ in range(180)]
    texts = {"recorded": [(f"{made[at]} ahoy, matey {at}.", made[-at - 1]) for at in range(90)],
             "answers": [(RESPONSE, ANSWER.partition("</think>")[0])] * 60}  # fmt: skip
    scorers: dict[str, Scorer] = {}
    for name, place in SCORERS.items():
        module, _, kind = place.partition(":")
        scorers[name] = getattr(import_module(f"charbench_plugins.scorers.{module}"), kind)()
    for line in sys.stdin:
        which, scorer = line.split()
        asked = Prompt.from_text(prompt(1))
        samples = [Sample(key="k", checkpoint="c", prompt=asked, sampler="s", response=response, thinking=thinking)
                   for response, thinking in texts[which]]  # fmt: skip
        started = time.thread_time()
        for sample in samples:
            tuple(scorers[scorer].score(sample, persona))  # type: ignore[arg-type]
        print((time.thread_time() - started) / len(samples), flush=True)


def compare_scorers(before: Path, rounds: int) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    workers = [
        subprocess.Popen([sys.executable, __file__, "work"], env=environment(tree), text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for tree in (before, AFTER)
    ]  # fmt: skip

    def taken(number: int, asked: str) -> float:
        process = workers[number]
        assert process.stdin is not None
        assert process.stdout is not None
        print(asked, file=process.stdin, flush=True)
        return float(process.stdout.readline())

    for texts in ("recorded", "answers"):
        for scorer in SCORERS:
            asked, ratios = f"{texts} {scorer}", []
            for number in range(-1, rounds):
                times = {which: taken(which, asked) for which in ((0, 1) if number % 2 else (1, 0))}
                if number >= 0:
                    ratios.append(times[1] / times[0])
            tell(f"{scorer}, {texts}: after to before", ratios)
    for process in workers:
        process.kill()


def cpu_of(words: list[str], within: Environment) -> float:
    process = subprocess.Popen(words, env=within, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, words
    return usage.ru_utime + usage.ru_stime


def compare_commands(before: Path, rounds: int, commands: dict[str, list[str]], store: Path | None, name: str) -> None:
    """Run each command in each round, in another order from round to round; one round more counts for nothing."""
    taken: dict[str, list[float]] = defaultdict(list)
    for number in range(-1, rounds):
        turn = list(commands)[number % len(commands) :] + list(commands)[: number % len(commands)]
        for one in turn:
            with tempfile.TemporaryDirectory() as lab:
                at = Path(lab) / "s.db"
                if store is not None:
                    shutil.copy(store, at)
                words = [word.format(lab=lab, store=at) for word in commands[one]]
                seconds = cpu_of(words, environment(before if one == "before" else AFTER))
            if number >= 0:
                taken[one].append(seconds)
    for one, other in (("after", "before"), ("before", "bare"), ("after", "bare")):
        if other in taken:
            ratios = [mine / theirs for mine, theirs in zip(taken[one], taken[other], strict=True)]
            tell(f"{name}: {one} to {other}", ratios)


def main(before: Path, what: str, rounds: int) -> None:
    if what == "scorers":
        compare_scorers(before, rounds)
        return
    with tempfile.TemporaryDirectory() as temporary, serving() as server:
        lab = Path(temporary)
        if what == "score":
            store = stored(lab, 4000)
            words = [sys.executable, CHARBENCH, "score", "-q", "--lab", str(lab), "--store", "{store}"]
            compare_commands(before, rounds, {"before": words, "after": words}, store, "4,000 stored samples")
            return
        prompts = lab / "prompts.txt"
        prompts.write_text("".join(f"{prompt(number)}\n" for number in range(2000)))
        for at_once in ("64", "256"):
            options = ["-o", f"sampler.thinking.base_url={server.url}", "-o", f"sampler.thinking.concurrency={at_once}"]
            words = [sys.executable, CHARBENCH, "eval", "-q", "--lab", "{lab}", "--store", "{store}", "-c", "model:m",
                     "-p", "pirate", "--sampler", "thinking", "--prompts", str(prompts), *options]  # fmt: skip
            bare = [sys.executable, str(BARE), server.url, str(prompts), at_once]
            commands = {"before": words, "bare": bare, "after": words}
            compare_commands(before, rounds, commands, None, f"eval, {at_once} in flight")


if __name__ == "__main__":
    if sys.argv[1:] == ["work"]:
        work()
    else:
        main(Path(sys.argv[1]).resolve(), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 5)
