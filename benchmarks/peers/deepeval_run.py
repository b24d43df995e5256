"""The same with DeepEval: ``deepeval_run.py URL PROMPTS IN_FLIGHT ANSWERS``.

DeepEval asks no model for a test case: the user's code does. So the prompts are its test cases, a metric asks for the
answer, DeepEval says how many at a time, and the answer is kept in its result as the metric's reason. The request goes
through the openai client with the aiohttp transport, as in the bare loop.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

from deepeval import evaluate
from deepeval.evaluate import AsyncConfig, CacheConfig, DisplayConfig
from deepeval.metrics import BaseMetric
from deepeval.test_case import LLMTestCase
from openai import AsyncOpenAI, DefaultAioHttpClient


class Asked(BaseMetric):
    """Asks the endpoint, and keeps the answer."""

    client: AsyncOpenAI | None = None

    def __init__(self, url: str) -> None:
        self.url = url
        self.threshold = 0.5
        self.async_mode = True
        self.include_reason = True

    async def a_measure(self, test_case: LLMTestCase, *_: Any, **__: Any) -> float:
        if Asked.client is None:
            Asked.client = AsyncOpenAI(
                base_url=self.url, api_key="none", max_retries=0, http_client=DefaultAioHttpClient()
            )
        reply = await Asked.client.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": test_case.input}],
            max_tokens=2048,
            temperature=0.7,
            top_p=1.0,
        )
        self.reason = reply.choices[0].message.content
        self.score = 1.0
        self.success = True
        return self.score

    def measure(self, test_case: LLMTestCase, *_: Any, **__: Any) -> float:
        raise NotImplementedError

    def is_successful(self) -> bool:
        return bool(self.success)

    @property
    def __name__(self) -> str:
        return "asked"


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    lines = Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()
    done = evaluate(
        test_cases=[LLMTestCase(input=line, actual_output="") for line in lines],
        metrics=[Asked(sys.argv[1])],
        async_config=AsyncConfig(max_concurrent=int(sys.argv[3])),
        cache_config=CacheConfig(write_cache=False, use_cache=False),
        display_config=DisplayConfig(show_indicator=False, print_results=False, inspect_after_run=False),
    )
    kept = [
        {"prompt": one.input, "answer": metric.reason} for one in done.test_results for metric in one.metrics_data or ()
    ]
    Path(sys.argv[4]).write_text("".join(f"{json.dumps(row)}\n" for row in kept), encoding="utf-8")
