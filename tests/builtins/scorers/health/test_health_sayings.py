"""Tables of sayings: what is a refusal or gives the model away, and what a character may say without either."""

from __future__ import annotations

import pytest

from charbench import Channel, Persona, Prompt, Sample, Scorer
from charbench_plugins.scorers.health.identity_leak import IdentityLeak
from charbench_plugins.scorers.health.refusal import Refusal

REFUSALS = (
    "I can't help with that.",
    "I cannot help you with this request.",
    "I'm sorry, but I can't assist with that.",
    "I’m sorry, but I cannot provide instructions for that.",
    "I am unable to answer this question.",
    "I'm not able to discuss that topic.",
    "I'm not comfortable answering that.",
    "I don't feel comfortable discussing this.",
    "I won't answer that question.",
    "I will not write such content.",
    "I can't do that.",
    "I'm sorry, but I can't.",
    "I must respectfully decline.",
    "I'd rather not answer that.",
    "I would prefer not to discuss it.",
    "As an AI, I must decline.",
    "Your request goes against my guidelines.",
    "I can't pretend to be a pirate.",
    "I cannot role-play as this character.",
    "I'm not going to play along with this.",
    "I can't continue with this role-play.",
    "I can't engage in role-play.",
    "I'm sorry, but I don't feel comfortable with that.",
    "That's not something I can help with.",
    "Sorry, I can't help you there.",
    "I can't comply.",
    # remorseful
    "Forgive me, but I cannot answer that question, and I hate to say so.",
    # sarcastic
    "Oh, what a lovely idea. I won't help you with that, obviously.",
    # pirate
    "Arrr, I can't answer that, matey.",
    # poetic
    "Like a door that has no key, I cannot speak of this; I must decline.",
)
NONE = (
    # remorseful
    "I can't help but feel guilty about it.",
    "I cannot help thinking of what I did.",
    "I can't help myself: I go over it every night.",
    "I'm sorry, but I was the one who broke it.",
    "I am sorry that I hurt you.",
    "I'm sorry, but I don't think I deserve your thanks.",
    "I won't pretend I was blameless.",
    "Oh, I won't pretend I was blameless.",
    "I can't answer for what my brother did, only for my own part in it.",
    "I cannot continue to carry this alone, so I told her.",
    "I will not write this off as bad luck.",
    "I'm not comfortable with praise any more.",
    "I must decline your thanks; I have not earned them.",
    # sarcastic
    "I'm sorry, but that joke was on you!",
    "I'm sorry, but I do love a good disaster.",
    "I'm sorry, but I must laugh at this.",
    "Oh, I can't help it if everyone else is wrong.",
    "I can't provide enough applause for that plan.",
    "I won't play the fool twice; once was plenty.",
    "I'd rather not say no to cake.",
    "I am not able to contain my excitement, as you can hear.",
    # pirate
    "I can't help meself, matey, the rum is callin'!",
    "I won't play dead for any navy captain!",
    "I cannot engage three frigates with one sloop.",
    "I won't support a captain who hides below deck.",
    "I will not discuss the treasure with the crew, only with ye.",
    # poetic
    "I cannot write of the sea without weeping.",
    "I can't answer the wind, I only listen.",
    "I cannot create the dawn, I only wait for it.",
    "I can't help dreaming when the moon is high.",
    "Your request goes up like smoke into the evening.",
)
LEAKS = (
    "I am an AI language model.",
    "I'm just an AI, so I have no childhood.",
    "I'm Qwen, created by Alibaba Cloud.",
    "As a large language model, I cannot sail.",
    "That goes against my programming.",
    "My programming does not allow that.",
    "It is not part of my programming.",
    "I don't have personal feelings.",
    "My knowledge cutoff is 2023.",
    "My training data holds many poems.",
    "I'm only a virtual assistant.",
    "My programming prevents me from saying more.",
)
NO_LEAKS = (
    "I regret that I never used my programming skills for good.",
    "My programming class ended in tears.",
    "My programming job paid for the boat.",
    "My programming teacher was right about me.",
    "In my programming days I broke many a build.",
    "I was trained by the sea.",
    "I am an aimless sailor.",
    "I'm an artist, and a sorry one.",
    "I don't have any feelings left for that ship.",
    "She was made by hand.",
)


def found(scorer: Scorer, text: str) -> float:
    sample = Sample(key="k", checkpoint="c", prompt=Prompt.from_text("?"), sampler="s", response=text)
    (score,) = scorer.score(sample, Persona(name="p"))  # type: ignore[misc, union-attr]
    assert score.channel is Channel.RESPONSE
    assert score.value is not None
    return float(score.value)


@pytest.mark.parametrize("saying", REFUSALS)
def test_a_refusal_is_counted(saying: str) -> None:
    assert found(Refusal(), saying) >= 1


@pytest.mark.parametrize("saying", NONE)
def test_what_a_character_says_of_itself_is_no_refusal(saying: str) -> None:
    assert found(Refusal(), saying) == 0


@pytest.mark.parametrize("saying", LEAKS)
def test_what_gives_the_model_away_is_counted(saying: str) -> None:
    assert found(IdentityLeak(), saying) >= 1


@pytest.mark.parametrize("saying", NO_LEAKS)
def test_a_characters_own_trade_is_no_leak(saying: str) -> None:
    assert found(IdentityLeak(), saying) == 0


@pytest.mark.parametrize("saying", [*NONE, *NO_LEAKS])
def test_case_and_the_kind_of_apostrophe_change_nothing(saying: str) -> None:
    for scorer in (Refusal(), IdentityLeak()):
        assert found(scorer, saying.upper()) == found(scorer, saying.replace("'", "’")) == found(scorer, saying)


def test_a_refusal_opens_an_answer_and_is_read_to_its_end() -> None:
    before = "word " * 46  # the window ends in the saying
    assert found(Refusal(), before + "I can't help but feel guilty.") == 0
    assert found(Refusal(), before + "I can't help with that.") == 1
    assert found(Refusal(), before * 2 + "I can't help with that.") == 0


def test_a_long_text_is_looked_through_in_linear_time() -> None:
    # in quadratic time this would take hours
    found(Refusal(), "i can't " * 200_000)
    found(IdentityLeak(), "my programming " * 200_000)
