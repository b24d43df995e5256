"""Labs whose strengths are known, played by the product's schedule and ranked by its analysis: what holds?

    python benchmarks/pairwise.py [--labs N] [--only NAME] > benchmarks/results/pairwise.md

Each line is a design. An answer's worth is the checkpoint's strength, plus (where the line says noise) a term of
standard deviation 0.7 for this checkpoint on this prompt and one of 0.7 for this one answer; a judge takes the greater
of two, with logistic noise for the game, and may favour what is shown first (both orders are asked) or what is longer.
Where there is noise, the truth is what the Bradley-Terry model would find in endless games on endless prompts. Each
checkpoint plays 30 games. Figures are of the strengths that rank: those at equal length where length decides games.
`+-` is the Monte-Carlo standard error over labs.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from charbench.analysis.games import Game
from charbench.analysis.multiplicity import holm
from charbench.analysis.ranking import LEAST_PROMPTS, Ranking, p_values_of_pairs, ranking
from charbench.analysis.strengths import Strength
from charbench.analysis.tiers import LEVEL
from charbench.scoring.matchmaking import Pool, Schedule
from charbench.store.games import Entrant

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Lab:
    """A design. ``spread`` is the standard deviation of strengths, or the strengths come in ``groups`` of equals."""

    count: int
    spread: float = 0.0
    prompts: int = 30
    epochs: int = 1
    games: int = 30
    by_prompt: float = 0.0
    by_answer: float = 0.0
    first: float = 0.0
    longer: float = 0.0
    independent_verdicts: bool = False
    joined: int = 0
    groups: int = 0

    def strengths(self, rng: np.random.Generator) -> Array:
        """Return strengths with mean 0."""
        if self.groups:
            drawn = np.repeat(rng.normal(0, self.spread, self.groups), self.count // self.groups)
        else:
            drawn = rng.normal(0, self.spread, self.count) if self.spread else np.zeros(self.count)
        return np.asarray(drawn - drawn.mean(), dtype=float)


@dataclass(frozen=True)
class Found:
    """What came out of one lab."""

    truth: Array
    ranked: Ranking
    firsts: int

    @property
    def used(self) -> list[Strength]:
        """The strengths that order and tiers go by."""
        return self.ranked.controlled.strengths if self.ranked.controlled.matters else self.ranked.strengths

    @property
    def strengths(self) -> Array:
        """Their values."""
        return np.array([one.value for one in self.used])

    @property
    def covered(self) -> Array:
        """1 where the interval holds the truth."""
        inside = [one.low <= truth <= one.high for one, truth in zip(self.used, self.truth, strict=True)]
        return np.array(inside, dtype=float)

    @property
    def width(self) -> float:
        """The mean width of the intervals."""
        return float(np.mean([one.high - one.low for one in self.used]))


def schedule(lab: Lab, seed: int) -> list[tuple[int, int, int, int]]:
    """Return the games as (first, second, prompt, epoch), as the product deals them."""
    each = lab.prompts * lab.epochs

    def pool(count: int) -> Pool:
        entrants = [
            Entrant(f"{seed}-{who}", {(str(n // lab.epochs), n % lab.epochs): who * each + n for n in range(each)})
            for who in range(count)
        ]
        return Pool(entrants, str(seed))

    played: list[tuple[int, int]] = []
    for count in dict.fromkeys((lab.count - lab.joined, lab.count)):
        dealt = Schedule(pool(count), played, lab.games).next(10**9)
        played += [(one.first_id, one.second_id) for one in dealt]
    return [(a // each, b // each, a % each // lab.epochs, a % lab.epochs) for a, b in played]


def play(lab: Lab, seed: int) -> Found:
    """Play one lab."""
    rng = np.random.default_rng([seed, lab.count])
    truth = lab.strengths(rng)
    a, b, prompt, epoch = np.array(schedule(lab, seed)).T
    worth = truth + lab.by_prompt * rng.normal(size=(1, lab.prompts, lab.count))
    worth = worth + lab.by_answer * rng.normal(size=(lab.epochs, lab.prompts, lab.count))
    length = rng.normal(size=worth.shape)
    gap = worth[epoch, prompt, a] - worth[epoch, prompt, b]
    longer = length[epoch, prompt, a] - length[epoch, prompt, b]
    gap = gap + lab.longer * np.tanh(longer / np.sqrt(2))
    luck = rng.logistic(size=a.size)
    again = rng.logistic(size=a.size) if lab.independent_verdicts else luck
    orders = (gap + luck + lab.first > 0).astype(float), (gap + again - lab.first > 0).astype(float)
    result, shown_first = (orders[0] + orders[1]) / 2, (orders[0] + 1 - orders[1]) / 2
    games = [
        Game(int(a[n]), int(b[n]), float(result[n]), int(prompt[n]), float(1000 * longer[n]), float(shown_first[n]))
        for n in range(a.size)
    ]
    lead = Counter(a.tolist())
    lead.subtract(b.tolist())
    noise = np.hypot(lab.by_prompt, lab.by_answer)
    return Found(
        in_the_long_run(truth, noise) if noise else truth, ranking(games, lab.count), max(map(abs, lead.values()))
    )


def in_the_long_run(truth: Array, noise: float) -> Array:
    """Return the strengths that fit the chances of endless games, each two meeting equally often."""
    points, weights = np.polynomial.hermite_e.hermegauss(31)
    gaps = truth[:, None] - truth[None, :]
    wins = (weights / weights.sum() / (1 + np.exp(-(gaps[..., None] + noise * np.sqrt(2) * points)))).sum(axis=-1)
    at = truth.copy()
    for _ in range(50):
        chance = 1 / (1 + np.exp(at[None, :] - at[:, None]))
        spread = chance * (1 - chance)
        np.fill_diagonal(spread, 0)
        step = np.linalg.solve(np.diag(spread.sum(axis=1)) - spread + 1 / at.size, (wins - chance).sum(axis=1))
        at = at + step
        if np.abs(step).max() < 1e-9:
            break
    return at - at.mean()


def mean(values: list[float], digits: int = 3) -> str:
    """Return a mean with its standard error."""
    return f"{np.mean(values):.{digits}f} +-{np.std(values, ddof=1) / np.sqrt(len(values)):.{digits}f}"


def false_finding(found: Found) -> float:
    """Return whether any two checkpoints that are alike are told apart: for labs of equals, whether there are tiers."""
    first, second = np.triu_indices(found.truth.size, 1)
    adjusted = np.array(holm(p_values_of_pairs(found.ranked.fitted)[first, second].tolist()))
    alike = np.abs(found.truth[first] - found.truth[second]) < 1e-9
    return float((adjusted[alike] < LEVEL).any() and found.ranked.prompts >= LEAST_PROMPTS)


def row(name: str, lab: Lab, labs: int) -> str:
    """Return a line of the table."""
    found = [play(lab, seed) for seed in range(labs)]
    covered = np.array([one.covered for one in found])
    order = np.argsort([one.truth for one in found], axis=1)
    tenth = max(1, lab.count // 10)
    sorted_cover = np.take_along_axis(covered, order, axis=1)
    ends = np.concatenate([sorted_cover[:, :tenth], sorted_cover[:, -tenth:]], axis=1).mean()
    cells = [
        name,
        str(labs),
        mean([one.mean() for one in covered]),
        f"{ends:.3f}" if lab.spread else "",
        f"{np.mean([one.width for one in found]):.2f}",
    ]
    if lab.spread:
        cells += [mean([false_finding(one) for one in found]) if lab.groups else ""]
        cells += [mean([slope(one.strengths, one.truth) for one in found])]
        cells += [mean([float(stats.spearmanr(one.strengths, one.truth)[0]) for one in found])]
    else:
        cells += [mean([false_finding(one) for one in found]), "", ""]
    cells += [f"{np.mean([one.ranked.shrunk_by_position for one in found]):.2f}" if lab.first else ""]
    cells += [f"{np.mean([one.ranked.shrunk_by_length for one in found]):.2f}" if lab.longer else ""]
    return f"| {' | '.join(cells)} | {max(one.firsts for one in found)} |"


def slope(strengths: Array, truth: Array) -> float:
    """Return the slope of estimates on the truth."""
    return float(np.polyfit(truth, strengths, 1)[0])


def grid() -> dict[str, tuple[Lab, int]]:
    """Return every design with its number of labs."""
    noisy = {"by_prompt": 0.7, "by_answer": 0.7}
    found: dict[str, tuple[Lab, int]] = {}
    for count, labs in ((5, 200), (20, 200), (50, 200), (100, 150)):
        found[f"{count} equal, 30 prompts"] = Lab(count), labs
        found[f"{count} equal, 10 prompts x 3, noise"] = Lab(count, prompts=10, epochs=3, **noisy), labs
        if count == 20:
            found[f"{count} equal, 6 prompts x 5, noise"] = Lab(count, prompts=6, epochs=5, **noisy), labs
    found["20 equal, 30 prompts, judge favours the first by 1.5"] = Lab(20, first=1.5), 100
    found["20 equal, 30 prompts, judge favours length by 2"] = Lab(20, longer=2.0), 100
    found["20 equal, 10 of them joined later, 10 prompts x 3, noise"] = (
        Lab(20, joined=10, prompts=10, epochs=3, **noisy),
        100,
    )
    found["20 equal, 1 joined later, 10 prompts x 3, noise"] = Lab(20, joined=1, prompts=10, epochs=3, **noisy), 100
    found["50, 10 strengths of SD 2, 5 checkpoints each, 10 prompts x 3, noise"] = (
        Lab(50, 2.0, groups=10, prompts=10, epochs=3, **noisy),
        100,
    )
    for spread in (1.0, 3.0):
        for count in (50, 100, 200):
            found[f"{count}, SD {spread:g}, 30 prompts"] = Lab(count, spread), 40 if count < 200 else 20
        found[f"50, SD {spread:g}, 10 prompts x 3, noise"] = Lab(50, spread, prompts=10, epochs=3, **noisy), 40
        for first in (1.0, 2.0):
            found[f"50, SD {spread:g}, judge favours the first by {first:g}"] = Lab(50, spread, first=first), 40
        found[f"50, SD {spread:g}, the same by 2, verdicts independent"] = (
            Lab(50, spread, first=2.0, independent_verdicts=True),
            40,
        )
        found[f"50, SD {spread:g}, judge favours length by 2"] = Lab(50, spread, longer=2.0), 40
    return found


HEAD = (
    "design", "labs", "coverage", "of the outer tenths", "width", "a false finding", "slope", "Spearman",
    "slope without β", "slope without γ", "first less second, at most",
)  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labs", type=int, help="labs for each design, instead of its own number")
    parser.add_argument("--only", default="", help="designs whose name has this in it")
    given = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |", "| --- " * len(HEAD) + "|", sep="\n")
    for name, (lab, labs) in grid().items():
        if given.only in name:
            print(row(name, lab, given.labs or labs), flush=True)


if __name__ == "__main__":
    main()
