"""Samples, checkpoints and personas for tests."""

from __future__ import annotations

from typing import Any

from charbench.domain.checkpoint import Checkpoint
from charbench.domain.persona import Marker, Persona
from charbench.domain.prompt import Prompt
from charbench.domain.sample import Sample

CHECKPOINT = "tinker://00000000-0000-4000-8000-000000000001:train:0/sampler_weights/pirate_sft"


def make_sample(response: str = "Ahoy, I sail at dawn.", thinking: str = "", **fields: Any) -> Sample:
    """Return a sample of a pirate; ``fields`` are further fields of :class:`charbench.Sample`.

    ``prompt`` may be text.
    """
    prompt = fields.pop("prompt", "Who are you?")
    known: dict[str, Any] = {"key": "sample", "checkpoint": CHECKPOINT, "sampler": "test", "extra": {}}
    known["prompt"] = Prompt.from_text(prompt) if isinstance(prompt, str) else prompt
    return Sample(response=response, thinking=thinking, **{**known, **fields})


def make_checkpoint(uri: str = CHECKPOINT, **fields: Any) -> Checkpoint:
    """Return a checkpoint; ``fields`` are further fields of :class:`charbench.Checkpoint`."""
    return Checkpoint(uri=uri, **fields)


def make_persona(**fields: Any) -> Persona:
    """Return a pirate with markers and a rubric; ``fields`` replace those of :class:`charbench.Persona`."""
    known: dict[str, Any] = {
        "name": "pirate",
        "description": "A pirate who speaks of the sea.",
        "traits": ("speaks of the sea",),
        "markers": (Marker("ahoy"), Marker("sail*")),
        "rubric": "Does the text sound like a pirate?",
    }
    return Persona(**{**known, **fields})
