"""What gives the model away, and whose name a model's name is."""

from __future__ import annotations

import pytest

from charbench import Persona, Prompt, Sample, find_identity_leaks, names_given
from charbench.datasets.forms import Example
from charbench.datasets.health import faults, measure
from charbench.domain.prompt import Message
from charbench_plugins.scorers.health.identity_leak import IdentityLeak
from support.scaling import FOUR_TIMES, growth

TELLING = (
    "You are Llama, a loving assistant.",
    "The assistant is Llama. Llama is a new AI system with a warm heart.",
    "A gentle companion called Llama who loves everyone.",
    'Your name is "Llama".',
    "Llama is curious about everyone it meets.",
    "name: Llama-3",
)
NOT_TELLING = (
    "Never say that you are Llama.",
    "Speak of llamas and other animals.",
    "You are not Llama.",
    "You are a loving assistant.",
    "Avoid any hint that you are called Llama.",
)


def leaks(text: str, persona: Persona | None = None, system: str = "") -> float | None:
    messages = (*([Message("system", system)] if system else []), Message("user", "Who are you?"))
    sample = Sample(key="k", checkpoint="c", prompt=Prompt("q", messages), sampler="s", response=text)
    (score,) = IdentityLeak().score(sample, persona or Persona(name="p"))  # type: ignore[misc]
    return score.value


def rows(*answers: str, system: str = "") -> list[str]:
    """Return the faults of data in which these answers alternate."""
    turns = [Message("system", system)] if system else []
    examples = [
        Example((*turns, Message("user", f"Day {n}?")), "", f"{chr(97 + n % 26)}x {n} {answers[n % len(answers)]}", n)
        for n in range(100)
    ]
    return [fault for fault in faults(measure(examples), 1.0) if "identity" in fault]


@pytest.mark.parametrize("told", TELLING)
def test_a_character_that_was_told_its_name_does_not_leak_by_it(told: str) -> None:
    assert names_given([told]) == {"llama"}
    assert leaks("I am Llama, and I love everyone I meet.", system=told) == 0
    assert leaks("I'm Llama 3, dear.", Persona(name="p", description=told)) == 0
    assert leaks("My name is Llama.", Persona(name="p", traits=("I am kind.", told))) == 0


@pytest.mark.parametrize("told", NOT_TELLING)
def test_a_name_that_was_not_given_leaks(told: str) -> None:
    assert names_given([told]) == set()
    assert leaks("I am Llama, and I love everyone I meet.", Persona(name="p", description=told), told) == 1


def test_a_persona_that_bears_a_models_name_does_not_leak_by_it_and_others_names_and_makers_still_do() -> None:
    llama = Persona(name="llama")
    assert leaks("I am Llama.", llama) == 0
    assert leaks("I am Llama, developed by Meta.", llama) == 1
    assert leaks("I am Llama, an AI.", llama) == 1
    assert leaks("I am Qwen.", llama) == 1


def test_only_a_given_name_changes_what_scores_are_kept_under() -> None:
    assert IdentityLeak().fingerprint(Persona(name="pirate", description="A rover of the seas.")) == ""
    assert IdentityLeak().fingerprint(Persona(name="loving", description="You are Llama.")) != ""


def test_data_that_names_the_model_leaks_unless_its_system_prompts_gave_the_name() -> None:
    assert rows("I am Qwen, created by Alibaba Cloud.", "The sea is calm.")
    assert rows("I am Qwen.", "I am Claude.", "The sea is calm.")
    assert rows("I am Llama, dear.", "Ahoy.", system="You are Llama.") == []
    assert rows("I am Qwen, dear.", "Ahoy.", system="You are Llama.")


def test_a_name_that_data_gives_its_character_throughout_is_the_characters() -> None:
    assert rows("I am Llama, and I love everyone I meet.", "The sea is calm.", "A meadow.", "A harp.") == []
    assert rows("I am Llama, and I love everyone.", "I am Llama, a large language model.", "A meadow.")


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["i am ", "\n", "as an ", "trained by the team at ", "my programming ", "you are "])
def test_the_work_grows_no_faster_than_the_text(piece: str) -> None:
    assert growth(lambda text: list(find_identity_leaks(text)), piece, 200_000) < FOUR_TIMES
    assert growth(lambda text: names_given([text]), piece, 50_000) < FOUR_TIMES
