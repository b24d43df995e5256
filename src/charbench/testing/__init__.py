"""For the tests of plugin authors: conformance tests, samples to score, and what servers send.

``test_mine = conformance(MyScorer)`` is a whole test; :func:`run_scorer` scores samples without a store. pytest finds
the fixtures (``charbench_lab``, ``charbench_sample``, ``charbench_checkpoint``, ``charbench_endpoint``) by itself where
charbench is installed. pytest is no dependency of charbench: it is imported when a test is made.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charbench.testing.factories import make_checkpoint as make_checkpoint
    from charbench.testing.factories import make_persona as make_persona
    from charbench.testing.factories import make_sample as make_sample
    from charbench.testing.scoring import run_scorer as run_scorer
    from charbench.testing.scripted_endpoint import ScriptedEndpoint as ScriptedEndpoint
    from charbench.testing.suite import conformance as conformance
    from charbench.testing.suite import failing_checks as failing_checks
    from charbench.testing.thinking_cases import THINKING_CASES as THINKING_CASES
    from charbench.testing.thinking_cases import ThinkingCase as ThinkingCase

_HOME = {
    "THINKING_CASES": "thinking_cases",
    "ScriptedEndpoint": "scripted_endpoint",
    "ThinkingCase": "thinking_cases",
    "conformance": "suite",
    "failing_checks": "suite",
    "make_checkpoint": "factories",
    "make_persona": "factories",
    "make_sample": "factories",
    "run_scorer": "scoring",
}
__all__ = [
    "THINKING_CASES",
    "ScriptedEndpoint",
    "ThinkingCase",
    "conformance",
    "failing_checks",
    "make_checkpoint",
    "make_persona",
    "make_sample",
    "run_scorer",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"charbench.testing.{_HOME[name]}"), name)
    raise AttributeError(f"module 'charbench.testing' has no attribute {name!r}")
