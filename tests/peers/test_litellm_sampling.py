"""Sampler ``thinking`` against LiteLLM's proxy: another server's ways to say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from peers.sampling import assert_in_character, evaluate, rows
from support.command import Charbench
from support.store import assert_each_exactly_once, store_of

pytestmark = pytest.mark.peer


def test_thinking_and_response_come_through_a_proxy_of_another_make(
    charbench: Charbench, tmp_path: Path, litellm_proxy: str
) -> None:
    ended = evaluate(charbench, tmp_path, litellm_proxy)
    assert ended.code == 0, ended.err
    assert_in_character(ended)
    assert_each_exactly_once(store_of(tmp_path), 10)
    for row in rows(tmp_path, "pirate"):
        assert (row.state, row.finish_reason) == ("closed", "stop")
        assert row.thinking
        assert row.raw_reasoning
        assert row.completion_tokens


def test_its_refusal_of_an_unknown_model_is_one_clear_line(
    charbench: Charbench, tmp_path: Path, litellm_proxy: str
) -> None:
    ended = evaluate(charbench, tmp_path, litellm_proxy, models={"model:pirate": "nobody", "model:bland": "nobody"})
    assert ended.code == 1
    assert "nobody" in ended.err
    assert "Traceback" not in ended.err
