"""What a run costs is said before and after, and a limit holds for all of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from support.command import Charbench, Ended
from support.endpoint import Body, Endpoint, choice, completion, options, says, write_prompts
from support.plugins import Site
from support.store import query, store_of

PRICED = "prices: {'model:*': {prompt: 0, completion: 1000}}\n"  # 0.02 for each answer of the endpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_prompts(tmp_path / "prompts.txt", 10)
    return tmp_path


def ask(charbench: Charbench, folder: Path, endpoint: Endpoint, *words: str, **values: Any) -> Ended:
    return charbench(
        *words[:1], "-p", "pirate", "--prompts", "prompts.txt", *words[1:], *options(endpoint, **values), lab=folder
    )


def dry(charbench: Charbench, folder: Path, endpoint: Endpoint, *words: str, **values: Any) -> Ended:
    more = ["run", "-c", "model:m", "--sampler", "thinking", "--dry-run"]
    ended = ask(charbench, folder, endpoint, *more, *words, **values)
    assert (ended.code, endpoint.count) == (0, 0)
    return ended


def test_one_limit_holds_for_all_probes_of_a_diagnosis(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    (folder / "charbench.yaml").write_text(PRICED)
    ended = ask(
        charbench, folder, endpoint, "diagnose", "-c", "model:m", "--max-cost", "0.3", concurrency=1, thinking="prefill"
    )
    assert endpoint.count == 15  # those that try out how the server takes a prefill are among them
    assert ended.err.count("stopped: --max-cost 0.3 is reached (0.3000 spent)") == 1


@pytest.mark.parametrize("words", [["eval", "-c", "model:m"], ["run", "-c", "model:m", "--sampler", "thinking"],
                                   ["sample", "-c", "model:m", "--prompt", "Who?"], ["diagnose", "-c", "model:m"]],
                         ids=lambda words: words[0])  # fmt: skip
def test_a_limit_that_cannot_be_kept_is_refused_in_one_line_before_anything_is_asked(
    charbench: Charbench, folder: Path, endpoint: Endpoint, words: list[str]
) -> None:
    (folder / "charbench.yaml").write_text("prices: {'Qwen/*': {completion: 1}}\n")
    ended = ask(charbench, folder, endpoint, *words, "--max-cost", "5")
    assert (ended.code, endpoint.count) == (2, 0)
    (line,) = [line for line in ended.err.splitlines() if line.startswith("error:")]
    assert line == "error: --max-cost cannot be enforced: no price for m; set prices in charbench.yaml"


def test_a_limit_needs_no_price_for_recordings(charbench: Charbench, folder: Path) -> None:
    (folder / "recordings").mkdir()
    recording = '{"sampler_path": "model:pirate_sft", "prompt": "Hi?", "response": "Ahoy!"}\n'
    (folder / "recordings" / "a.jsonl").write_text(recording)
    charbench.ok("run", "--max-cost", "1", lab=folder)


def test_a_limit_that_cannot_see_the_tokens_says_so(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    (folder / "charbench.yaml").write_text(PRICED)
    endpoint.handler = says(completion(usage=None))
    ended = ask(charbench, folder, endpoint, "eval", "-c", "model:m", "--max-cost", "1")
    assert "10 replies without token counts: --max-cost does not include their cost" in ended.err


def test_answers_that_nobody_asked_for_are_paid_for(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    (folder / "charbench.yaml").write_text(PRICED)

    async def always_four(request: web.Request, body: Body) -> web.StreamResponse:
        usage = {"prompt_tokens": 10, "completion_tokens": 80}
        return web.json_response(completion(*(choice() for _ in range(4)), usage=usage))

    endpoint.handler = always_four
    ended = ask(charbench, folder, endpoint, "eval", "-c", "model:m", "--epochs", "2", n=2)
    assert endpoint.count == 10
    assert "100 prompt tokens and 800 completion tokens, 0.8000 by the price table" in ended.err
    assert query(store_of(folder), "SELECT count(*) FROM samples")[0][0] == 20


def test_the_dry_run_counts_requests(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    (folder / "prompts.yaml").write_text("- {text: Who are you?, follow_ups: [a, b, c]}\n- What now?\n")
    words = ["--prompts", "prompts.yaml", "--json"]
    (part,) = dry(charbench, folder, endpoint, *words, max_tokens=100).json["sampling"]
    assert (part["wanted"], part["missing"], part["requests"], part["completion_tokens"]) == (2, 2, 5, 500)
    (part,) = dry(charbench, folder, endpoint, *words, "--epochs", "6", max_tokens=100, n=4).json["sampling"]
    assert (part["missing"], part["requests"], part["completion_tokens"]) == (12, 2 + 2 + 18, 3000)


def test_the_dry_run_counts_the_requests_that_a_run_then_makes(
    charbench: Charbench, folder: Path, endpoint: Endpoint
) -> None:
    (folder / "prompts.yaml").write_text("- {text: Who are you?, follow_ups: [a, b, c]}\n- What now?\n")

    async def as_asked(request: web.Request, body: Body) -> web.StreamResponse:
        return web.json_response(completion(*(choice() for _ in range(body.get("n", 1)))))

    endpoint.handler = as_asked
    words = ["run", "-c", "model:m", "--sampler", "thinking", "--prompts", "prompts.yaml", "--epochs", "6"]
    (part,) = ask(charbench, folder, endpoint, *words, "--dry-run", "--json", n=4).json["sampling"]
    ask(charbench, folder, endpoint, *words, n=4)
    assert endpoint.count == part["requests"] == 22


def test_the_dry_run_says_where_it_knows_no_price(charbench: Charbench, folder: Path, endpoint: Endpoint) -> None:
    ended = dry(charbench, folder, endpoint)
    assert "no price for m: set prices in charbench.yaml" in ended.err
    assert "0.0000" not in ended.out
    (part,) = dry(charbench, folder, endpoint, "--json").json["sampling"]
    assert (part["cost"], part["unpriced"]) == (None, ["m"])
    (folder / "charbench.yaml").write_text(PRICED)
    ended = dry(charbench, folder, endpoint, max_tokens=100)
    assert "1.0000" in ended.out
    assert "no price" not in ended.err


BATCHES = """
from charbench import Completion, Sampler, Usage, hookimpl

class Paid(Sampler):
    "A paid batch API."
    name = "batches"
    batch_size = 2
    {more}
    def accepts(self, checkpoint): return checkpoint.uri.startswith("paid:")
    def sample_batch(self, requests):
        return [Completion(text="Ahoy", finish_reason="stop", usage=Usage(0, 1_000_000)) for _ in requests]

@hookimpl
def charbench_samplers(): return [Paid]
"""
BATCHED = ("-c", "paid:one", "-p", "pirate", "--sampler", "batches")


def test_a_limit_counts_samplers_of_batches(charbench: Charbench, site: Site, folder: Path) -> None:
    site.install("batches", BATCHES.format(more=""))
    (folder / "charbench.yaml").write_text("prices: {'paid:*': {completion: 1}}\n")
    words = ("eval", *BATCHED, "--prompts", "prompts.txt", "--scorer", "keyword", "--max-cost", "3")
    ended = charbench(*words, lab=folder)
    assert (ended.code, "stopped: --max-cost 3 is reached (4.0000 spent)" in ended.err) == (1, True)
    assert len(query(store_of(folder), "SELECT id FROM samples")) == 4  # two batches
    (folder / "charbench.yaml").write_text("")
    unpriced = charbench(*words, lab=folder)
    assert "error: --max-cost cannot be enforced: no price for" in unpriced.err


def test_a_sampler_says_itself_that_it_costs_nothing(charbench: Charbench, site: Site, folder: Path) -> None:
    site.install("batches", BATCHES.format(more="costs_money = False"))
    words = ("eval", *BATCHED, "--prompts", "prompts.txt", "--scorer", "keyword", "--max-cost", "3")
    charbench.ok(*words, lab=folder)
    assert len(query(store_of(folder), "SELECT id FROM samples")) == 10
