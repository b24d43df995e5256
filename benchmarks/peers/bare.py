"""A loop over the openai client with its aiohttp transport: ``bare.py URL PROMPTS IN_FLIGHT [ANSWERS]``.

PROMPTS is a file with one prompt a line. With ANSWERS each answer is written to that file as a line of JSON;
otherwise they are thrown away.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path


async def ask(url: str, prompts: list[str], at_once: int, answers: Path | None) -> None:
    """Send the requests that charbench sends."""
    from openai import AsyncOpenAI, DefaultAioHttpClient

    client = AsyncOpenAI(base_url=url, api_key="none", max_retries=0, http_client=DefaultAioHttpClient())
    left = iter(prompts)
    kept: list[str] = []

    async def worker() -> None:
        for prompt in left:
            reply = await client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": prompt}],
                max_tokens=2048,
                temperature=0.7,
                top_p=1.0,
            )
            if answers:
                kept.append(json.dumps({"prompt": prompt, "answer": reply.choices[0].message.content}))

    await asyncio.gather(*(worker() for _ in range(at_once)))
    await client.close()
    if answers:
        answers.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    asyncio.run(
        ask(
            sys.argv[1],
            Path(sys.argv[2]).read_text(encoding="utf-8").splitlines(),
            int(sys.argv[3]),
            Path(sys.argv[4]) if len(sys.argv) > 4 else None,
        )
    )
