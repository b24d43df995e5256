"""Conformance tests of components: whether a plugin keeps the contract of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from charbench.components.base import Component
    from charbench.domain.checkpoint import Checkpoint
    from charbench.domain.persona import Persona
    from charbench.testing.trial import Trial

Check: TypeAlias = "Callable[[Trial], None]"


def conformance(
    component: type[Component],
    *,
    options: Mapping[str, Any] | None = None,
    persona: Persona | None = None,
    checkpoint: Checkpoint | None = None,
    deterministic: bool = True,
    seconds: float = 60.0,
) -> Any:
    """Return a test for pytest that checks a component of any kind, one case for each promise of its kind::

        test_shouting = conformance(Shouting)

    ``options`` are the component's options, ``persona`` is who is scored (a pirate), ``checkpoint`` what a sampler is
    asked for. Of a family its ``member_example`` is tested. Pass ``deterministic=False`` where the same input may have
    another result, as with a model that is asked. ``seconds`` is how long one check may take.
    """
    import pytest

    trial = trial_of(component, options, persona, checkpoint, deterministic=deterministic, seconds=seconds)

    @pytest.mark.parametrize("check", [pytest.param(check, id=check.__name__) for check in checks_of(component)])
    def test(check: Check) -> None:
        run_check(check, trial)

    test.__doc__ = f"{component.__name__} keeps the contract of a {component.kind}."
    return test


def failing_checks(component: type[Component], **given: Any) -> dict[str, str]:
    """Return the checks that a component fails, by name, with what is wrong; takes what :func:`conformance` takes."""
    trial = trial_of(component, **given)
    failed = {}
    for check in checks_of(component):
        try:
            run_check(check, trial)
        except Exception as error:  # noqa: BLE001  a component on trial may raise anything
            failed[check.__name__] = f"{type(error).__name__}: {error}"
    return failed


def trial_of(
    component: type[Component],
    options: Mapping[str, Any] | None = None,
    persona: Persona | None = None,
    checkpoint: Checkpoint | None = None,
    *,
    deterministic: bool = True,
    seconds: float = 60.0,
) -> Trial:
    """Return the trial of a component, as :func:`conformance` describes it."""
    from charbench.plugins.loading import example_of
    from charbench.testing.factories import make_checkpoint, make_persona
    from charbench.testing.trial import Trial

    return Trial(
        example_of(component),
        options or {},
        persona or make_persona(),
        checkpoint or make_checkpoint(),
        deterministic=deterministic,
        seconds=seconds,
    )


def run_check(check: Check, trial: Trial) -> None:
    """Do one check; raise what is wrong, and :class:`TimeoutError` where it takes too long."""
    from charbench.testing.trial import within

    within(trial.seconds, partial(check, trial))


def checks_of(component: type[Component]) -> tuple[Check, ...]:
    """Return the checks for a component's kind. Raises :class:`TypeError` for a class that is no component."""
    from charbench.components.base import Component, ComponentKind
    from charbench.components.pair_scorer import PairScorer
    from charbench.testing import component_checks, identity_checks, other_checks, scorer_checks

    if not (isinstance(component, type) and issubclass(component, Component)):
        raise TypeError(f"conformance() takes a class of a component, not {component!r:.100}")
    kinds: dict[ComponentKind, tuple[Check, ...]] = {
        ComponentKind.SOURCE: other_checks.SOURCE_CHECKS,
        ComponentKind.TRAINER: other_checks.TRAINER_CHECKS,
        ComponentKind.SAMPLER: other_checks.SAMPLER_CHECKS,
        ComponentKind.SCORER: (*identity_checks.IDENTITY_CHECKS, *scorer_checks.SCORER_CHECKS),
        ComponentKind.PERTURBATION: other_checks.PERTURBATION_CHECKS,
        ComponentKind.REPORTER: other_checks.REPORTER_CHECKS,
    }
    own = (
        (identity_checks.fingerprint, *scorer_checks.PAIR_CHECKS)
        if issubclass(component, PairScorer)
        else kinds[component.kind]
    )
    return (*component_checks.CHECKS, *own)
