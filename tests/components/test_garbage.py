"""Memory that is free is given back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FREES = """
import os
from charbench.components.garbage import return_free_memory

def megabytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6

many = [bytes(2_000) for _ in range(20_000)]
many[:-1] = []
before = megabytes()
return_free_memory()
print(before - megabytes())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries cannot be told to")
def test_memory_below_what_is_still_in_use_is_returned() -> None:
    freed = subprocess.run([sys.executable, "-c", FREES], capture_output=True, text=True, check=True)
    assert float(freed.stdout) > 20  # of 40
