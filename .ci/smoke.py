"""Whether an installed charbench works: run by the interpreter that it is installed for, outside of the repository."""

import json
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path


def program() -> Path:
    """Return the command that is installed beside this interpreter."""
    return Path(sys.executable).with_name("charbench")


def charbench(*arguments: str, folder: Path) -> str:
    """Run a command, which must succeed, and return what it prints."""
    return subprocess.run([program(), *arguments], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


with tempfile.TemporaryDirectory() as name:
    lab = Path(name)
    assert charbench("--version", folder=lab).split()[-1] == version("charbench")
    assert (files("charbench") / "py.typed").is_file(), "its types are not for others to check"
    listed = json.loads(charbench("plugins", "list", "--json", folder=lab))["plugins"]
    assert [(one["name"], one["error"]) for one in listed if one["state"] != "works"] == []
    assert len(listed) > 20
    misspelt = subprocess.run([program(), "report", "--by", "chekpoint"], cwd=lab, capture_output=True, text=True)
    assert misspelt.returncode == 2, misspelt
    assert "checkpoint" in misspelt.stderr.rpartition(";")[2], misspelt.stderr
    charbench("personas", "new", "captain", folder=lab)
    made = lab / "personas" / "captain.yaml"
    schema = re.match(r"# yaml-language-server: \$schema=(\S+)\n", made.read_text("utf-8"))
    assert schema, "a new persona names no schema"
    assert json.loads((made.parent / schema[1]).read_text("utf-8"))["properties"], "its schema does not resolve"
    assert json.loads(charbench("personas", "list", "--json", folder=lab))
    report = charbench("quickstart", "lab", "--quiet", folder=lab)
    assert re.search(r"viable +│ +1 │ pirate-full_sft", report), report
    made = lab / "lab"
    if find_spec("pandas"):
        from charbench.frames import samples

        assert len(samples(made)) == 240, "not every sample is in the data frame"
    if find_spec("pyarrow"):
        charbench("export", "--format", "parquet", "-O", "samples.parquet", folder=made)
        assert (made / "samples.parquet").stat().st_size > 0
    if find_spec("vl_convert"):
        charbench("report", "--format", "plots", "-O", "plots", folder=made)
        assert list((made / "plots").glob("*.png")), "no plot was drawn"
    print(f"charbench {version('charbench')} works on Python {sys.version.split()[0]}")
