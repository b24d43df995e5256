"""The conformance suite finds the faults that were planted, each by name, and none in components without one."""

from __future__ import annotations

import pytest

from charbench.testing import conformance, failing_checks, make_sample, run_scorer
from charbench.testing.suite import checks_of, run_check, trial_of
from charbench_plugins.formats import CsvReporter, JsonlReporter, JsonReporter, LatexReporter, MarkdownReporter
from charbench_plugins.perturbations import charbench_perturbations
from charbench_plugins.scorers.health import charbench_scorers as health_scorers
from charbench_plugins.scorers.keyword import charbench_scorers as keyword_scorers
from charbench_plugins.sources.huggingface import charbench_checkpoint_sources as huggingface_sources
from charbench_plugins.sources.inspect_logs import charbench_checkpoint_sources as inspect_sources
from charbench_plugins.sources.logs import charbench_checkpoint_sources as log_sources
from support.planted import PLANTED, Lengths
from test_public_surface import command, loaded_by

BUILT_IN = [
    *keyword_scorers(),
    *health_scorers(),
    *charbench_perturbations(),
    *huggingface_sources(),
    *inspect_sources(),
    *log_sources(),
    CsvReporter,
    JsonReporter,
    JsonlReporter,
    LatexReporter,
    MarkdownReporter,
]


class AsyncLengths(Lengths):
    """The same scorer, asynchronous."""

    async def score(self, sample, persona):
        return list(super().score(sample, persona))


test_a_scorer_without_a_fault = conformance(Lengths)
test_an_async_scorer_without_a_fault = conformance(AsyncLengths)


@pytest.mark.parametrize(("component", "name", "says"), PLANTED, ids=[planted[0].__name__ for planted in PLANTED])
def test_a_planted_fault_is_found_by_the_check_of_its_name(component: type, name: str, says: str) -> None:
    check = next(check for check in checks_of(component) if check.__name__ == name)
    with pytest.raises(Exception, match=says):
        run_check(check, trial_of(component, seconds=0.3 if says == "not done after" else 2))


@pytest.mark.parametrize("component", BUILT_IN, ids=lambda component: f"{component.kind}-{component.name}")
def test_a_built_in_component_conforms(component: type) -> None:
    assert failing_checks(component) == {}


def test_run_scorer_scores_text_and_samples() -> None:
    (first,), (second, _) = run_scorer(Lengths, "Ahoy", make_sample("No.", thinking="Hm."))
    assert (first.value, second.value) == (4, 3)


def test_run_scorer_raises_for_what_a_run_would_not_take() -> None:
    undeclared = next(component for component, *_ in PLANTED if component.__name__ == "UndeclaredMetric")
    with pytest.raises(ValueError, match="scored 'width', which it does not declare"):
        run_scorer(undeclared, "Ahoy")


def test_conformance_takes_classes_of_components_alone() -> None:
    with pytest.raises(TypeError, match="class of a component"):
        conformance(Lengths())  # type: ignore[arg-type]


def test_the_endpoint_of_the_fixtures_answers_what_it_is_told(charbench_endpoint) -> None:
    from openai import InternalServerError, OpenAI

    charbench_endpoint.replies = ["Arr.", 500]
    with OpenAI(base_url=charbench_endpoint.url, api_key="none", max_retries=0) as client:
        asked = {"model": "m", "messages": [{"role": "user", "content": "Who?"}]}
        assert client.chat.completions.create(**asked).choices[0].message.content == "Arr."
        with pytest.raises(InternalServerError):
            client.chat.completions.create(**asked)
    assert [request["model"] for request in charbench_endpoint.requests] == ["m", "m"]


def test_the_store_of_the_fixtures_is_that_of_its_lab(charbench, charbench_lab, charbench_store) -> None:
    assert charbench.ok("status", "--lab", charbench_lab)
    assert charbench_store.path.is_relative_to(charbench_lab)


def test_the_samples_of_the_fixtures_have_what_they_are_given(charbench_sample, charbench_checkpoint) -> None:
    assert charbench_sample("Ahoy!", thinking="Arr.").thinking == "Arr."
    assert charbench_checkpoint("file:one").uri == "file:one"


def test_importing_the_fixtures_loads_nothing_heavy() -> None:
    modules = loaded_by("import charbench.testing, charbench.testing.pytest_plugin")
    assert {name for name in modules if name.startswith("charbench")} == {
        "charbench", "charbench.testing", "charbench.testing.pytest_plugin",
    }  # fmt: skip
    assert "charbench.testing" not in loaded_by(command("plugins", "list"))
    assert "pytest" not in loaded_by("from charbench.testing import run_scorer, conformance, make_sample")
