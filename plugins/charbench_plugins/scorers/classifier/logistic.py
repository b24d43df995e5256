"""Logistic regression on weighted frequencies, with an L2 penalty: convex, so there is one answer, found by L-BFGS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from charbench_plugins.scorers.classifier.features import LEAST_TEXTS, Vectorizer

if TYPE_CHECKING:
    import numpy as np

PENALTY = 0.1
"""Weight of half the squared length of the coefficients beside the summed loss (1 / ``C`` of scikit-learn)."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """One fitted model: a weight for rareness (idf) and a coefficient for each feature, and the intercept."""

    idf: np.ndarray
    coefficients: np.ndarray
    intercept: float

    def logit(self, numbers: np.ndarray, frequencies: np.ndarray, first_character: int) -> float:
        """Return the log-odds that a text with these features is in character."""
        return float((weigh(numbers, frequencies, self.idf, first_character) * self.coefficients[numbers]).sum()) + (
            self.intercept
        )


def weigh(numbers: np.ndarray, frequencies: np.ndarray, idf: np.ndarray, first_character: int) -> np.ndarray:
    """Return the values of features: frequency times idf, words and characters each with the length one."""
    import numpy as np

    values: np.ndarray = frequencies * idf[numbers]
    split = int(np.searchsorted(numbers, first_character))
    for part in (slice(0, split), slice(split, None)):
        length = float(np.sqrt(values[part] @ values[part]))
        if length:
            values[part] /= length
    return values


def fit(
    texts: list[tuple[np.ndarray, np.ndarray]],
    labels: np.ndarray,
    vectorizer: Vectorizer,
    tolerance: float | None = None,
) -> Fitted:
    """Fit texts, as :meth:`Vectorizer.frequencies` gives them, with labels of 1 (in character) and 0.

    Both classes weigh the same, however many texts they have. ``tolerance`` is the relative fall of the loss in one
    step that ends the search; None: 2e-9.
    """
    import numpy as np
    from scipy.optimize import minimize  # type: ignore[import-untyped]
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    size, count = len(vectorizer.names), len(texts)
    seen = np.bincount(np.concatenate([numbers for numbers, _ in texts]), minlength=size)
    # What too few of these texts have is not known, as in a new text: else texts that were held out would be told by
    # features that stand in the vectorizer because of them, which no new text has.
    idf = np.where(seen >= LEAST_TEXTS, np.log((1.0 + count) / (1.0 + seen)) + 1.0, 0.0)
    rows = [weigh(numbers, frequencies, idf, vectorizer.first_character) for numbers, frequencies in texts]
    ends = np.cumsum([0, *(len(row) for row in rows)])
    matrix: Any = csr_matrix((np.concatenate(rows), np.concatenate([n for n, _ in texts]), ends), shape=(count, size))
    transposed: Any = matrix.T.tocsr()
    sign = np.where(labels == 1, 1.0, -1.0)
    weight = np.where(labels == 1, count / (2.0 * (labels == 1).sum()), count / (2.0 * (labels == 0).sum()))

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (matrix @ parameters[:-1] + parameters[-1])
        pull = -sign * weight / (1.0 + np.exp(np.clip(margin, -500, 500)))
        gradient = np.append(transposed @ pull + PENALTY * parameters[:-1], pull.sum())
        value = float((weight * np.logaddexp(0.0, -margin)).sum() + 0.5 * PENALTY * parameters[:-1] @ parameters[:-1])
        return value, gradient

    options = {"maxiter": 200} if tolerance is None else {"maxiter": 200, "ftol": tolerance}
    found = minimize(loss, np.zeros(size + 1), jac=True, method="L-BFGS-B", options=options)
    return Fitted(idf, found.x[:-1], float(found.x[-1]))
