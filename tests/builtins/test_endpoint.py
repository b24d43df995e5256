"""Which endpoint is asked, with whose key, and what makes a served checkpoint itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from charbench import Checkpoint
from charbench.model_client.endpoints import find_endpoint
from charbench_plugins.samplers.thinking.sampler import TINKER, ThinkingSampler
from support.command import Charbench
from support.endpoint import Endpoint, options, refuses, serving, write_prompts
from support.lab import LabBuilder, sampler
from support.store import query, store_of

KEY = "tml-Secret0123456789"


@pytest.mark.parametrize(
    "url",
    [
        "https://tinker.thinkingmachines.dev.evil.example/v1",
        "http://evil.example/tinker.thinkingmachines.dev/v1",
        "http://tinker.thinkingmachines.dev/v1",
        "https://tinker.thinkingmachines.dev@evil.example/v1",
        "https://evil.example/?https://tinker.thinkingmachines.dev/v1",
    ],
)
def test_a_tinker_key_goes_to_tinkers_own_host_over_tls_only(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TINKER_API_KEY", KEY)
    assert find_endpoint(url, None, "sampler thinking", defaults=[TINKER]).api_key != KEY
    assert find_endpoint(TINKER.url, None, "sampler thinking", defaults=[TINKER]).api_key == KEY


def test_a_key_that_an_endpoint_repeats_is_neither_printed_nor_stored(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_KEY", "gsk_verysecretkey0123456789")
    prompts = write_prompts(lab.root / "prompts.txt", 3)
    with serving(Endpoint(refuses(401, "Incorrect API key provided: gsk_verysecretkey0123456789"))) as endpoint:
        ended = charbench(
            "eval", "-c", "model:m", "-p", "pirate", "--scorer", "keyword", "--prompts", prompts,
            *options(endpoint, api_key_env="OTHER_KEY", extra_body={"user_key": "sk-abcdef123456"}), lab=lab.root,
        )  # fmt: skip
    assert ended.code == 1
    assert "Incorrect API key provided: [redacted]" in ended.err
    assert "verysecret" not in ended.err + ended.out
    stored = b"".join(path.read_bytes() for path in store_of(lab.root).parent.iterdir() if path.is_file())
    assert b"verysecret" not in stored
    assert b"sk-abcdef123456" not in stored
    assert query(store_of(lab.root), "SELECT count(*) FROM samples")[0][0] > 0


def test_a_tinker_checkpoint_that_is_mapped_to_another_model_is_another_one(tmp_path: Path) -> None:
    uri = sampler(1, "pirate_sft")

    def identity(**models: str) -> str:
        config = ThinkingSampler.Config(base_url="http://127.0.0.1:1/v1", models=dict(models))
        thinking = ThinkingSampler(config)
        thinking.prepare(tmp_path, tmp_path)
        return thinking.identity(Checkpoint(uri=uri))

    assert identity() == uri
    assert len({uri, identity(**{uri: "wrong-model"}), identity(**{uri: "right-model"})}) == 3
