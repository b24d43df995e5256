"""Prints the lowest versions that pyproject.toml declares, as constraints for pip: of the base, and of extras named."""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
extras = project["optional-dependencies"]
for requirement in [*project["dependencies"], *(one for extra in sys.argv[1:] for one in extras[extra])]:
    if found := re.match(r"([\w.-]+)(?:\[[\w,-]+\])?>=([\w.]+)", requirement):
        print(f"{found[1]}=={found[2]}")
