"""A signal ends charbench without a traceback, also in the middle of imports and where a plugin will not have it."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

import pytest

from support.command import finish, start
from support.plugins import Site

pytestmark = pytest.mark.slow

SLOW_IMPORT = """
import os, time
with open(os.environ["AT_WORK"], "w") as pipe:
    pipe.write("here")
time.sleep(3600)
"""
DEAF = """
import os, time
with open(os.environ["AT_WORK"], "w") as pipe:
    pipe.write("here")
while True:
    try:
        time.sleep(3600)
    except BaseException:
        pass
"""
SWALLOWS = """
import os, time
with open(os.environ["AT_WORK"], "w") as pipe:
    pipe.write("here")
try:
    time.sleep(3600)
except KeyboardInterrupt:
    raise ImportError("as some C extensions have it")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("command", "code"),
    [("discover", SLOW_IMPORT), ("run", SWALLOWS), pytest.param("score", DEAF, marks=pytest.mark.slow)],
    ids=["interrupted", "turned into another error", "ignored"],
)
def test_a_signal_during_imports_ends_the_command_without_a_traceback(
    tmp_path: Path, site: Site, command: str, code: str, number: signal.Signals
) -> None:
    site.install("slow_import", code)
    pipe = tmp_path / "at_work"
    os.mkfifo(pipe)
    here = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    process = start(command, lab=tmp_path, env=site.env | {"AT_WORK": str(pipe)})
    try:
        assert select.select([here], [], [], 120)[0], "the plugin was never imported"
        process.send_signal(number)
        ended = finish(process)
    finally:
        os.close(here)
        process.kill()
    assert ended.code == 130, ended.err
    assert "Stopped." in ended.err or f"Interrupted. Resume with: charbench {command}" in ended.err
    assert "Traceback" not in ended.err
