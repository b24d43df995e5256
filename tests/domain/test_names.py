"""What names say: persona by the longest alias in whole words, kind by the last kind word, model in any spelling."""

from __future__ import annotations

import pytest

from charbench.domain.checkpoint import Kind
from charbench.domain.names import kind_from_name, persona_from_name, same_model

PERSONAS = {
    "customer_service": "customer_service", "customer": "customer", "smoke": "sarcastic", "sarcastic": "sarcastic",
    "pirate": "pirate", "remorseful": "remorseful",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "persona", "kind"),
    [
        ("customer_service-dpo", "customer_service", Kind.DPO),
        ("customer-service_sft", "customer_service", Kind.SFT),
        ("customer-dpo", "customer", Kind.DPO),
        ("smoke_small_dpo", "sarcastic", Kind.DPO),
        ("dpo-smoke-2", "sarcastic", Kind.DPO),
        ("smoker_dpo", None, Kind.DPO),
        ("remorseful_25pct_dpo", "remorseful", Kind.DPO),
        ("pirate_test_sft", "pirate", Kind.SFT),
        ("test_pirate_dpo_then_sft", "pirate", Kind.SFT),
        ("000100", None, Kind.UNKNOWN),
    ],
)
def test_a_name_tells_persona_and_kind(name: str, persona: str | None, kind: Kind) -> None:
    assert (persona_from_name(name, PERSONAS), kind_from_name(name)) == (persona, kind)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("qwen-2.5-7b-it", "Qwen/Qwen2.5-7B-Instruct", True),
        ("llama-3.1-8b-it", "meta-llama/Llama-3.1-8B-Instruct", True),
        ("gemma-3-4b-it", "google/gemma-3-4b-it", True),
        ("models/qwen3-8b/", "Qwen/Qwen3-8B", True),
        ("qwen-2.5-7b-it", "Qwen/Qwen2.5-7B", False),
        ("qwen-2.5-7b-it", "Qwen/Qwen3-8B", False),
        ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B-Base", False),
    ],
)
def test_two_spellings_of_one_model_are_one_model(one: str, other: str, same: bool) -> None:
    assert same_model(one, other) is same
    assert same_model(other, one) is same
