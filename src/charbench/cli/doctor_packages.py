"""The doctor's look at installed packages: is each of the version that charbench asks for?"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

import charbench
from charbench.components.check_result import CheckResult

_SHOWN = frozenset({"pluggy", "click", "pydantic", "tinker", "openai", "sqlalchemy", "jsonschema"})
"""Packages whose versions are always told; of the others, only what is wrong."""


def look_at_packages() -> Iterator[CheckResult]:
    """Hold each installed package against charbench's own requirements."""
    yield CheckResult("charbench", "ok", charbench.__version__)
    for requirement in _requirements():
        finding = _judged(requirement)
        if finding.state != "ok" or requirement.name in _SHOWN:
            yield finding


def _requirements() -> list[Requirement]:
    """Return what charbench needs here, extras left out; nothing where it runs without being installed."""
    try:
        texts = requires("charbench") or []
    except PackageNotFoundError:
        return []
    found = [Requirement(text) for text in texts]
    return [one for one in found if one.marker is None or one.marker.evaluate({"extra": ""})]


def _judged(requirement: Requirement) -> CheckResult:
    advice = f"pip install '{requirement}'"
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return CheckResult(requirement.name, "bad", "not installed", advice)
    if not requirement.specifier.contains(installed, prereleases=True):
        return CheckResult(requirement.name, "bad", f"{installed}, {requirement.specifier} is required", advice)
    return CheckResult(requirement.name, "ok", installed)
