"""Cross-fitting: every text is judged by a model that saw neither it nor its prompt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from charbench_plugins.scorers.classifier.features import Vectorizer, choose_features
from charbench_plugins.scorers.classifier.logistic import Fitted, fit

if TYPE_CHECKING:
    import numpy as np

FOLDS = 5
FALSE_RATE = 0.02
"""Share of held-out texts out of character that may reach the threshold."""
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class CrossFitted:
    """Models of all folds and of everything, and what the held-out texts were given."""

    vectorizer: Vectorizer
    models: tuple[Fitted, ...]
    """One for each fold, fitted on the others; the last is fitted on everything."""
    logits: np.ndarray
    """Of each text, by the model that did not see it."""
    folds: np.ndarray


def fold_of(prompt: str, folds: int = FOLDS) -> int:
    """Return the fold that a prompt is in, the same everywhere and always."""
    return int.from_bytes(hashlib.blake2b(prompt.encode("utf-8", "surrogatepass"), digest_size=4).digest()) % folds


def cross_fit(
    texts: Sequence[str], labels: np.ndarray, folds: np.ndarray, *, final: bool = True, tolerance: float | None = None
) -> CrossFitted:
    """Fit a model for each fold on the texts of the others, and one on everything (unless ``final`` is off).

    ``tolerance`` is that of :func:`~charbench_plugins.scorers.classifier.logistic.fit`.

    Raises :class:`ValueError` where a fold leaves only one class to fit.
    """
    import numpy as np

    vectorizer = Vectorizer(*choose_features(texts))
    rows = [vectorizer.frequencies(text) for text in texts]
    models = []
    logits = np.full(len(texts), np.nan)
    for fold in range(int(folds.max()) + 1):
        kept = np.flatnonzero(folds != fold)
        if len(set(labels[kept].tolist())) < 2:
            raise ValueError("too few prompts to hold some of them out")
        model = fit([rows[at] for at in kept], labels[kept], vectorizer, tolerance)
        for at in np.flatnonzero(folds == fold):
            logits[at] = model.logit(*rows[at], vectorizer.first_character)
        models.append(model)
    if final:
        models.append(fit(rows, labels, vectorizer))
    return CrossFitted(vectorizer, tuple(models), logits, folds)


def threshold(negatives: np.ndarray) -> float:
    """Return the least logit that at most :data:`FALSE_RATE` of these texts out of character reach."""
    import numpy as np

    ordered = np.sort(negatives)[::-1]
    allowed = int(FALSE_RATE * len(ordered))
    return float(np.nextafter(ordered[allowed], np.inf)) if len(ordered) else 0.0


def held_out_hits(logits: np.ndarray, negative: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return which texts reach the threshold that texts out of character of the other folds set."""
    import numpy as np

    hits = np.zeros(len(logits), dtype=bool)
    for fold in np.unique(folds):
        mine = folds == fold
        hits[mine] = logits[mine] >= threshold(logits[negative & ~mine])
    return hits


def auc(positives: np.ndarray, negatives: np.ndarray) -> float:
    """Return the chance that a text in character has the higher logit (Mann–Whitney; a tie counts half)."""
    import numpy as np

    if not len(positives) or not len(negatives):
        return float("nan")
    both = np.concatenate([positives, negatives])
    _, inverse, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    n, m = len(positives), len(negatives)
    return float((ranks[:n].sum() - n * (n + 1) / 2.0) / (n * m))


def drawn_anew(clusters: Sequence[str]) -> Iterator[np.ndarray]:
    """Yield, :data:`RESAMPLES` times, the numbers of the texts of clusters that are drawn with replacement."""
    import numpy as np

    numbers = np.unique(np.array(clusters), return_inverse=True)[1]
    members = [np.flatnonzero(numbers == one) for one in range(numbers.max() + 1)]
    dice = np.random.default_rng(0)
    for _ in range(RESAMPLES):
        yield np.concatenate([members[one] for one in dice.integers(len(members), size=len(members))])


def auc_interval(
    clusters: Sequence[str], positive: np.ndarray, negative: np.ndarray, logits: np.ndarray
) -> tuple[float, float] | None:
    """Return a 95% interval of the AUC, with prompts drawn anew (percentile bootstrap); None: no draw has both."""
    import numpy as np

    drawn = []
    for at in drawn_anew(clusters):
        mine, others = at[positive[at]], at[negative[at]]
        if len(mine) and len(others):
            drawn.append(auc(logits[mine], logits[others]))
    return (float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))) if drawn else None
