"""Learns a persona's classifier from its material, and measures it on texts that were held out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from charbench import LabelledText, Measurement, folded_prompt
from charbench_plugins.scorers.classifier.cross_fit import (
    CrossFitted,
    auc,
    auc_interval,
    cross_fit,
    fold_of,
    held_out_hits,
    threshold,
)
from charbench_plugins.scorers.classifier.features import tokens
from charbench_plugins.scorers.classifier.learned_threshold import rate_intervals
from charbench_plugins.scorers.classifier.material import OTHERS, Material
from charbench_plugins.scorers.classifier.model import Classifier

if TYPE_CHECKING:
    import numpy as np

_MARKDOWN = re.compile(r"(?m)^\s*(?:#{1,6} |[-*+] |\d+[.)] |>|\||```)|\*\*")
_SHOWN = 5
_ROUGH = 1e-4
_TERMS = 25


def learn(material: Material) -> Classifier:
    """Return a classifier of the material. Raises :class:`ValueError` where no prompts can be held out.

    On one thread: vectors of these lengths are added up faster than threads can wait for each other.
    """
    import scipy.linalg  # type: ignore[import-untyped]  # noqa: F401 - brings a BLAS of its own, to be limited too
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1, "blas"):
        return _learn(material)


def _learn(material: Material) -> Classifier:
    import numpy as np

    kinds = [(kind, one) for kind, texts in material.negatives.items() for one in texts]
    texts = [*material.positives, *(one for _, one in kinds)]
    labels = np.array([1] * len(material.positives) + [0] * len(kinds))
    prompts = [folded_prompt(one.prompt) or folded_prompt(one.text) for one in texts]
    folds = np.array([fold_of(prompt) for prompt in prompts])
    fitted = cross_fit([one.text for one in texts], labels, folds)
    kind_of = np.array([""] * len(material.positives) + [kind for kind, _ in kinds])
    # The threshold is for answers of a model without the character: what others personas say is no guide to it.
    ordinary = (labels == 0) & (kind_of != OTHERS)
    hits = held_out_hits(fitted.logits, ordinary, folds)
    positive = labels == 1
    counted = np.isin(kind_of, material.counted)
    measured = Measurement(
        found=int(hits[positive].sum()), positives=int(positive.sum()),
        flagged=int(hits[counted].sum()), negatives=int(counted.sum()),
        texts="held-out training data against " + ", ".join(material.counted),
        auc=auc(fitted.logits[positive], fitted.logits[counted]),
        auc_interval=auc_interval(prompts, positive, counted, fitted.logits),
    )  # fmt: skip
    rates = [(one.share, (one.low, one.high)) for one in (measured.recall, measured.false_rate)]
    recall, false = rate_intervals(rates, prompts, (positive, counted), ordinary, folds, fitted.logits)
    measured = replace(measured, recall_interval=recall, false_interval=false)
    level = threshold(fitted.logits[ordinary])
    said = {
        "flagged_by_kind": {
            kind: [int(hits[kind_of == kind].sum()), int((kind_of == kind).sum())] for kind in material.negatives
        },
        "confounded": material.confounded,
        "files": list(material.files),
        "auc_without": _ablations(texts, labels, folds, counted, measured.auc or 0.0),
        "terms": _terms(fitted),
        **_cases(texts, fitted.logits, level, positive),
    }
    return Classifier(
        material.key, level, measured, said, frozenset(prompts), fitted.vectorizer, fitted.models
    )  # fmt: skip


def _ablations(
    texts: Sequence[LabelledText], labels: np.ndarray, folds: np.ndarray, ordinary: np.ndarray, whole: float
) -> dict[str, float]:
    """Return the AUC of what is no character: length alone, Markdown alone; and of texts without their topic's words.

    The topic's words are those of the prompt. ``whole`` is the AUC of the texts as they are.
    """
    import numpy as np

    positive = labels == 1

    def alone(values: Sequence[float]) -> float:
        given = np.array(values, dtype=float)
        found = auc(given[positive], given[ordinary])
        return max(found, 1.0 - found)

    def area(changed: Sequence[str], is_unchanged: bool) -> float:
        """Return the AUC of changed texts, fitted roughly: it differs by less than the two digits that are shown."""
        if is_unchanged:
            return whole
        logits = cross_fit(changed, labels, folds, final=False, tolerance=_ROUGH).logits
        return auc(logits[positive], logits[ordinary])

    plain = [_MARKDOWN.sub(" ", one.text) for one in texts]
    bare = [_without_topic(one) for one in texts]
    return {
        "length alone": alone([len(one.text) for one in texts]),
        "Markdown alone": alone([len(_MARKDOWN.findall(one.text)) for one in texts]),
        "without Markdown": area(plain, all(new == one.text for new, one in zip(plain, texts, strict=True))),
        "without words of the prompt": area(bare, all(not _topic(one) for one in texts)),
    }


def _without_topic(one: LabelledText) -> str:
    topic = _topic(one)
    return " ".join(word for word in tokens(one.text) if word not in topic)


def _topic(one: LabelledText) -> set[str]:
    """Return the words of the prompt that a text has, too."""
    of_prompt = {word for word in tokens(one.prompt) if len(word) > 3}
    return of_prompt.intersection(tokens(one.text)) if of_prompt else set()


def _terms(fitted: CrossFitted) -> list[list[Any]]:
    """Return the words and pairs of words that speak most for the character, and most against it, with weights."""
    import numpy as np

    size = fitted.vectorizer.first_character
    weights = fitted.models[-1].coefficients[:size] * fitted.models[-1].idf[:size]
    order = np.argsort(weights)
    chosen = [*order[::-1][:_TERMS], *order[:_TERMS]]
    return [[fitted.vectorizer.names[at], round(float(weights[at]), 3)] for at in chosen]


def _cases(
    texts: Sequence[LabelledText], logits: np.ndarray, level: float, positive: np.ndarray
) -> Mapping[str, list[list[Any]]]:
    """Return the worst errors of each kind, and the texts closest to the threshold, with their distance from it."""
    import numpy as np

    gap = logits - level

    def cases(chosen: np.ndarray) -> list[list[Any]]:
        return [[texts[at].text[:300], round(float(gap[at]), 2)] for at in chosen[:_SHOWN]]

    missed = np.flatnonzero(positive & (gap < 0))
    flagged = np.flatnonzero(~positive & (gap >= 0))
    return {
        "missed": cases(missed[np.argsort(gap[missed])]),
        "flagged": cases(flagged[np.argsort(-gap[flagged])]),
        "border": cases(np.argsort(np.abs(gap))),
    }
