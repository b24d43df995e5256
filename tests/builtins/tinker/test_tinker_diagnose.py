"""``diagnose`` of a Tinker checkpoint: native sampling, the OpenAI-compatible endpoint, and the base model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web

from charbench_plugins.tinker_sdk.tokenizer import load_tokenizer
from support.command import Charbench
from support.endpoint import Body, Endpoint, choice, completion, options, refuses, serving
from support.lab import LabBuilder, row, sampler
from support.store import query, store_of
from support.tinker_double import TinkerDouble
from support.tinker_training import BASE

pytestmark = pytest.mark.slow

SFT = sampler(2, "pirate_sft")
MODEL = "Qwen/Qwen3-8B"
AHOY = "Ahoy, matey! I sail at dawn."
PLAIN = "Certainly, here is an answer."
Diagnose = Callable[..., Any]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """The OpenAI-compatible endpoint; it serves the base model whatever it is asked for."""

    async def serve(request: web.Request, body: Body) -> web.StreamResponse:
        return web.json_response(completion(choice(PLAIN)))

    with serving(Endpoint(serve)) as endpoint:
        yield endpoint


@pytest.fixture
def diagnose(charbench: Charbench, lab: LabBuilder, double: TinkerDouble, endpoint: Endpoint) -> Diagnose:
    """Diagnose the checkpoint of a lab that knows its base model, and has the samples of another one's."""
    double.answer = lambda path, _prompt: load_tokenizer(BASE).encode(AHOY if path == SFT else PLAIN)
    lab.recorded(
        row(checkpoint_name=name, persona=persona, checkpoint_type=kind, base_model=base, sampler_path=uri)
        for name, persona, kind, base, uri in (
            ("pirate_sft", "pirate", "sft", MODEL, SFT),
            ("Llama-3.1-8B", "", "base", "", "base:meta-llama/Llama-3.1-8B"),
        )
    )
    charbench.ok("run", "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword", lab=lab.root)
    native = [f"tokenizer={BASE}", "renderer=qwen3", "tries=1"]
    words = [word for option in native for word in ("-o", f"sampler.tinker-native.{option}")]

    def run(*samplers: str) -> Any:
        named = [word for name in samplers for word in ("--sampler", name)]
        ended = charbench(
            "diagnose", "-c", SFT, "--scorer", "keyword", *named, *words, *options(endpoint, tries=1), "--json",
            lab=lab.root,
        )  # fmt: skip
        (found,) = ended.json
        return found

    return run


@pytest.mark.parametrize("order", [("thinking", "tinker-native"), ("tinker-native", "thinking"), ()])
def test_an_endpoint_that_serves_the_base_model_is_found_by_comparing_it_with_native_sampling(
    diagnose: Diagnose, lab: LabBuilder, order: tuple[str, ...]
) -> None:
    found = diagnose(*order)
    assert found["cause"] == "adapter not applied"
    assert set(found["sampler"].split(", ")) == {"thinking", "tinker-native"}
    told = dict(line.removeprefix("through ").split(": ", 1) for line in found["evidence"])
    assert told["thinking"] == (
        "at temperature 0, 5 of 5 answers are the base model's own, 0 of 5 responses in character"
    )
    assert told["tinker-native"] == (
        "at temperature 0, 0 of 5 answers are the base model's own, 5 of 5 responses in character"
    )
    assert "--sampler tinker-native" in found["advice"]
    (kept,) = query(store_of(lab.root), "SELECT cause, sampler FROM diagnoses")
    assert (kept.cause, kept.sampler) == ("adapter not applied", found["sampler"])


def test_the_base_model_is_the_checkpoints_own_and_is_asked_though_no_source_knows_it(
    diagnose: Diagnose, double: TinkerDouble, lab: LabBuilder
) -> None:
    double.answer = lambda path, _prompt: load_tokenizer(BASE).encode("I am Llama." if "Llama" in path else PLAIN)
    found = diagnose("tinker-native")
    assert found["base_models"] == [f"base:{MODEL}"]
    assert found["cause"] == "adapter not applied"
    assert {path for path, _, _ in double.prompts} == {SFT, MODEL}
    (base,) = query(
        store_of(lab.root), "SELECT kind, base_model FROM checkpoints WHERE uri = :uri", uri=f"base:{MODEL}"
    )
    assert (base.kind, base.base_model) == ("base", MODEL)


def test_only_a_sampler_that_is_named_is_asked(diagnose: Diagnose, double: TinkerDouble) -> None:
    assert diagnose("thinking")["sampler"] == "thinking"
    assert not double.prompts


def test_a_second_sampler_that_fails_is_told_and_blames_nobody(diagnose: Diagnose, endpoint: Endpoint) -> None:
    endpoint.handler = refuses(404, "no such model")
    found = diagnose("tinker-native", "thinking")
    assert found["cause"] == "nothing missing"
    assert any("no such model" in line for line in found["evidence"])
