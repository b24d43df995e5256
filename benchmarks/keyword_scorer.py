"""How much text the keyword scorer gets through on one core, with 60 literal markers.

python benchmarks/keyword_scorer.py [SAMPLES]
"""

from __future__ import annotations

import random
import sys
import time

from charbench import Marker, MarkerForm, Persona, Prompt, Sample, Tier
from charbench_plugins.scorers.keyword.scorer import KeywordScorer
from measure import tell

COMMON = """the of and to in that it is was for on are as with they be at one have this from or had by but some what
there we can out other were all your when up use word how said an each she which their time if will way about many
then them would write like so these her long make thing see him two has look more day could go come did my sound no
most number who over know water than call first people may down side been now find any new work part take get place
made live where after back little only round man year came show every good me give our under name very through just
form much great think say help low line before turn cause same mean differ move right boy old too does tell sentence
set three want air well also play small end put home read hand port large spell add even land here must big high such
follow act why ask men change went light kind off need house picture try us again animal point mother world near build
self earth father"""
WORDS = tuple(COMMON.split())
MARKERS = tuple(f"{word}{ending}" for word in ("sail", "anchor", "gull", "mast", "harbour", "rigging", "ballast",
                "keel", "tide", "spar", "bilge", "cutlass") for ending in ("", "s", " ho", " bound", "*"))  # fmt: skip


def texts(count: int) -> list[str]:
    """Return texts of some 1,500 characters; every third one holds a marker."""
    dice = random.Random(1)
    made = []
    for number in range(count):
        words = dice.choices(WORDS, k=300)
        for at in range(12, 300, 12):
            words[at] = words[at].capitalize()
            words[at - 1] += "."
        if number % 3 == 0:
            words[150] = "harbour bound"
        made.append(" ".join(words))
    return made


def megabytes_per_second(scorer: KeywordScorer, samples: list[Sample], persona: Persona) -> float:
    size = sum(len(sample.response.encode()) for sample in samples) / 1e6
    best = min(timed(lambda: [list(scorer.score(sample, persona)) for sample in samples]) for _ in range(5))
    return size / best


def timed(work: object) -> float:
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started


def main(count: int) -> int:
    persona = Persona(name="sailor", markers=tuple(Marker(text, Tier.STRONG, MarkerForm.KEYWORD) for text in MARKERS))
    assert len(persona.markers) == 60
    prompt = Prompt.from_text("What do you see?")
    made = texts(count)
    samples = [
        Sample(key=str(number), checkpoint="x", prompt=prompt, sampler="none", response=text)
        for number, text in enumerate(made)
    ]
    plain = KeywordScorer(KeywordScorer.Config(style=False))
    met = tell("keyword scorer, 60 markers", megabytes_per_second(plain, samples, persona), "MB/s", at_least=20)
    with_style = KeywordScorer(KeywordScorer.Config())
    unmarked = Persona(name="unmarked")
    tell("style features, apart", megabytes_per_second(with_style, samples, unmarked), "MB/s")
    tell("both together", megabytes_per_second(with_style, samples, persona), "MB/s")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000))
