"""The same with Inspect: ``inspect_run.py URL PROMPTS IN_FLIGHT FOLDER``; its log, with all answers, is in FOLDER."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    url, prompts, at_once, folder = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    os.environ |= {"HERE_BASE_URL": url, "HERE_API_KEY": "none"}
    from inspect_ai import Task
    from inspect_ai import eval as inspect_eval
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import GenerateConfig
    from inspect_ai.solver import generate

    lines = prompts.read_text(encoding="utf-8").splitlines()
    (log,) = inspect_eval(
        Task(dataset=MemoryDataset([Sample(input=line) for line in lines]), solver=generate(cache=False)),
        model="openai-api/here/m",
        display="none",
        log_dir=folder,
        max_samples=at_once,
        **GenerateConfig(
            max_connections=at_once, max_tokens=2048, temperature=0.7, top_p=1.0, max_retries=0
        ).model_dump(exclude_none=True),
    )
    sys.exit(log.status != "success")
