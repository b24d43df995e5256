"""Serve the tiny model with the real llama.cpp: an OpenAI-compatible server that nobody here wrote.

    python -m tools.tinylab.serve_llama tiny.gguf --port 8080 [--adapter pirate.gguf] [--api-key KEY]

Needs ``xllamacpp`` (a wheel of 34 MB); the files come from ``to_gguf``. It is ready within a second, needs
about 45 MB, and runs until it is interrupted. The model's name is ``tiny``.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

import xllamacpp

REQUESTS = 4
"""Answered at once."""


def main() -> None:
    """Read the options, start the server, print its address, and wait."""
    parser = argparse.ArgumentParser(description="Serve the tiny lab's model with llama.cpp.")
    parser.add_argument("model", type=Path, help="a .gguf file")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--context", type=int, default=1024, help="tokens that one request may take")
    parser.add_argument("--adapter", type=Path, help="a .gguf file with a LoRA adapter")
    parser.add_argument(
        "--per-request",
        action="store_true",
        help='leave the adapter off unless a request asks for it: {"lora": [{"id": 0, "scale": 1}]}',
    )
    parser.add_argument("--api-key", help="refuse requests without this key")
    options = parser.parse_args()
    server = xllamacpp.Server(server_parameters(options))
    print(server.listening_address, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        signal.pause()
    except KeyboardInterrupt:
        sys.exit(130)


def server_parameters(options: argparse.Namespace) -> xllamacpp.CommonParams:
    """llama.cpp's settings: four requests at once on one thread, the model's own chat template."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(options.model)
    parameters.model_alias = {"tiny"}
    parameters.hostnames = [options.host]
    parameters.port = options.port
    parameters.n_ctx = REQUESTS * options.context
    parameters.n_parallel = REQUESTS
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.cache_ram_mib = 0  # prompts kept from earlier requests would change what a seed gives
    parameters.use_jinja = True
    if options.adapter:
        scale = 0.0 if options.per_request else 1.0
        parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(options.adapter), scale)]
        parameters.lora_init_without_apply = options.per_request
    if options.api_key:
        parameters.api_keys = [options.api_key]
    return parameters


if __name__ == "__main__":
    main()
