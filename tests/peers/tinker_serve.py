"""Serves the Tinker API from SkyRL's implementation, on a CPU; run by the server environment's Python, not ours.

    python tinker_serve.py --base-model DIR --backend jax --host 127.0.0.1 --port 8765 \
        --database-url sqlite:////ABSOLUTE/tinker.db --checkpoints-base /ABSOLUTE/checkpoints

SkyRL (PyPI ``skyrl``) is the work of others, which is the point: what charbench says to Tinker is held against
a server that charbench's authors did not write. Two things stand between it and Python 3.11 without ``uv``:

- ``skyrl.tinker.types`` uses ``typing.TypedDict``, which pydantic refuses before Python 3.12;
- ``skyrl.tinker.api`` starts its engine through ``uv run``, guessed from its own command line.
"""

import os
import sys
import typing
from pathlib import Path

import typing_extensions

ENGINE = "--engine"

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
typing.TypedDict = typing_extensions.TypedDict  # before anything of SkyRL's is imported


def serve_engine() -> None:
    """Run the engine, the process that trains and samples; it dies with the server, even by ``kill -9``."""
    import ctypes
    import signal

    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    from skyrl.tinker import engine

    engine.main()


def serve_api() -> None:
    """Run the HTTP server, which starts the engine with this same file."""
    import argparse

    import uvicorn
    from skyrl.tinker import api
    from skyrl.tinker.config import EngineConfig, add_model, config_to_argv
    from skyrl.utils.log import get_uvicorn_log_config

    def engine_command(_parent: object, config: object) -> list[str]:
        return [sys.executable, str(Path(__file__).resolve()), ENGINE, *config_to_argv(config)]

    api._build_uv_run_cmd_engine = engine_command
    parser = argparse.ArgumentParser()
    add_model(parser, EngineConfig)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = vars(parser.parse_args())
    settings = {name: value for name, value in given.items() if name in EngineConfig.model_fields}
    api.app.state.engine_config = EngineConfig.model_validate(settings)
    uvicorn.run(api.app, host=given["host"], port=given["port"], log_config=get_uvicorn_log_config())


if __name__ == "__main__":
    if sys.argv[1:2] == [ENGINE]:
        del sys.argv[1]
        serve_engine()
    else:
        serve_api()
