"""For the tests of plugin authors: what servers send, and what charbench makes of it."""

from __future__ import annotations

from charbench.testing.thinking_cases import THINKING_CASES as THINKING_CASES
from charbench.testing.thinking_cases import ThinkingCase as ThinkingCase

__all__ = ["THINKING_CASES", "ThinkingCase"]
