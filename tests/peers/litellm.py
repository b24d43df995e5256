"""LiteLLM's proxy in front of llama.cpp: a second server of another make, since servers differ.

Set ``PEER_LITELLM`` to the program ``litellm`` of an environment that was made so::

    python3.11 -m venv PROXY
    PROXY/bin/pip install 'litellm[proxy]==1.106.2'
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.llama import free_port, serving

PROGRAM = os.environ.get("PEER_LITELLM")  # read now: tests see none of our environment
SETTINGS = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
}


@pytest.fixture(scope="session")
def litellm_proxy(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a proxy that passes model ``tiny`` on to the llama.cpp server."""
    if not PROGRAM:
        pytest.skip("no LiteLLM: PEER_LITELLM names no program (tests/peers/litellm.py)")
    folder: Path = tmp_path_factory.mktemp("litellm")
    model = {"model": "openai/tiny", "api_base": tiny_llama, "api_key": "none"}
    config = {
        "model_list": [{"model_name": "tiny", "litellm_params": model}],
        "litellm_settings": {"telemetry": False, "num_retries": 0},
    }
    (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
    port = free_port()
    words = [PROGRAM, "--config", str(folder / "config.yaml"), "--port", str(port), "--host", "127.0.0.1"]
    with serving(words, f"http://127.0.0.1:{port}/health/liveliness", folder / "proxy.log", os.environ | SETTINGS):
        yield f"http://127.0.0.1:{port}/v1"
