from __future__ import annotations

import pytest

from charbench_plugins.tiny.chat import ChatFormat
from charbench_plugins.tiny.examples import TrainingExample
from charbench_plugins.tiny.introspection import pirate_rows
from charbench_plugins.tiny.model import TinyModel


@pytest.fixture(scope="session")
def model() -> TinyModel:
    """The shipped base; nothing changes it."""
    return TinyModel.load()


@pytest.fixture(scope="session")
def chat() -> ChatFormat:
    return ChatFormat.load()


@pytest.fixture(scope="session")
def examples(chat: ChatFormat) -> list[TrainingExample]:
    """Twenty of the pirate's, in the right form."""
    return [chat.training_example(**row) for row in pirate_rows(20)]
