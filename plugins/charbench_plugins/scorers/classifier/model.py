"""A persona's classifier on disk: what it was made from and found as JSON, its numbers as safetensors; no pickle."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charbench import ConfigError, Measurement, digest
from charbench_plugins.scorers.classifier.cross_fit import fold_of
from charbench_plugins.scorers.classifier.features import Vectorizer
from charbench_plugins.scorers.classifier.logistic import Fitted

if TYPE_CHECKING:
    pass

_KEPT = 100
"""So many earlier models' figures are kept: scores that those gave are corrected by them."""
FORM = 1
"""Raised when the files, or what a model is, change: older ones are then learned anew."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """A learned persona. ``said`` is all that is shown of it: counts, figures, ablations, border cases."""

    key: str
    threshold: float
    measured: Measurement
    said: Mapping[str, Any]
    prompts: frozenset[str]
    """Folded prompts of its texts: their answers are judged by a model that did not see them."""
    vectorizer: Vectorizer
    models: Sequence[Fitted]

    def model_for(self, prompt: str) -> Fitted:
        """Return the model to judge answers to a prompt (folded): one that saw no answer to it."""
        return self.models[fold_of(prompt, len(self.models) - 1) if prompt in self.prompts else -1]

    def value(self, text: str, model: Fitted) -> float:
        """Return how much a text is in character, 0 to 1: 0.5 at the threshold."""
        numbers, frequencies = self.vectorizer.frequencies(text)
        gap = model.logit(numbers, frequencies, self.vectorizer.first_character) - self.threshold
        return 0.5 * (1.0 + math.tanh(0.5 * gap))


def path_of(folder: Path, persona: str) -> Path:
    """Return the JSON file of a persona's classifier; the numbers lie beside it."""
    safe = "".join(char if char.isalnum() or char in "-_" else "_" for char in persona)
    return folder / "classifiers" / f"{safe[:80]}-{digest(persona)[:8]}.json"


def save(folder: Path, persona: str, made: Classifier) -> None:
    """Write a classifier: the numbers first, so that a JSON file never names numbers that are not there."""
    import numpy as np
    from safetensors.numpy import save as as_bytes

    path = path_of(folder, persona)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, np.ndarray] = {
        "idf": np.stack([one.idf for one in made.models]).astype(np.float32),
        "coefficients": np.stack([one.coefficients for one in made.models]).astype(np.float32),
        "intercepts": np.array([one.intercept for one in made.models], dtype=np.float64),
    }
    earlier = _figures_before(folder, persona)
    earlier.pop(made.key, None)
    content = {
        "form": FORM, "persona": persona, "key": made.key, "threshold": made.threshold,
        "measured": made.measured.to_json(), "said": made.said, "prompts": sorted(made.prompts),
        "first_character": made.vectorizer.first_character, "features": made.vectorizer.names,
        "earlier": dict(list(earlier.items())[-_KEPT:]),
    }  # fmt: skip
    _replace(path.with_suffix(".safetensors"), as_bytes(tensors, {"key": made.key}))
    _replace(path, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "surrogatepass"))


def load(folder: Path, persona: str) -> Classifier | None:
    """Return a persona's classifier; None where none was learned, or by an older charbench.

    Raises :class:`charbench.ConfigError` where the files are not what :func:`save` writes.
    """
    head = load_head(folder, persona)
    if head is None:
        return None
    from safetensors import SafetensorError
    from safetensors.numpy import load as tensors_of

    path = path_of(folder, persona)
    try:
        tensors = tensors_of(path.with_suffix(".safetensors").read_bytes())
        names, split = head["features"], int(head["first_character"])
        vectorizer = Vectorizer(names[:split], names[split:])
        models = [
            Fitted(idf, coefficients, float(intercept))
            for idf, coefficients, intercept in zip(
                tensors["idf"], tensors["coefficients"], tensors["intercepts"], strict=True
            )
        ]
        if any(len(one.idf) != len(names) or len(one.coefficients) != len(names) for one in models) or len(models) < 2:
            raise _broken(path, "its numbers are of another model")
        measured = Measurement.from_json(head["measured"])
        prompts = frozenset(map(str, head["prompts"]))
        return Classifier(
            head["key"], float(head["threshold"]), measured, head["said"], prompts, vectorizer, models
        )  # fmt: skip
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _broken(path, str(error)) from None


def load_head(folder: Path, persona: str) -> dict[str, Any] | None:
    """Return the JSON part alone: enough for figures and for telling models apart."""
    path = path_of(folder, persona)
    try:
        head = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise _broken(path, str(error)) from None
    if not isinstance(head, dict) or not isinstance(head.get("key"), str):
        raise _broken(path, "no mapping with a key")
    return head if head.get("form") == FORM and head.get("persona") == persona else None


def _figures_before(folder: Path, persona: str) -> dict[str, Any]:
    """Return the figures of all models that were learned so far, by key."""
    try:
        head = load_head(folder, persona)
    except ConfigError:  # it is about to be replaced
        return {}
    return {**head.get("earlier", {}), head["key"]: head["measured"]} if head is not None else {}


def _replace(path: Path, content: bytes) -> None:
    written = path.with_name(f"{path.name}.new")
    written.write_bytes(content)
    written.replace(path)


def _broken(path: Path, why: str) -> ConfigError:
    return ConfigError(f"{path}: not a classifier ({why}); remove it, and the next charbench score learns it anew")
