"""``charbench quickstart``: the whole program on a small lab, with no key and no GPU."""

from __future__ import annotations

import os
import sys
import time
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from charbench.cli import options, output
from charbench.cli.finish import finish
from charbench.errors import PluginError, UsageError

FOLDER = "charbench-quickstart"


@click.command("quickstart")
@click.argument("folder", type=click.Path(path_type=Path), default=FOLDER)
@options.quiet
@options.as_json
def command(folder: Path, json_output: bool, quiet: bool) -> int:
    """Create a small lab in FOLDER, and discover, train, sample, score and report on it.

    Needs no key and no GPU, and takes about half a minute. A second run does nothing: everything is
    already in the store.
    """
    from charbench.concurrency.interrupt import stop_on_interrupt
    from charbench.run.result import Stage
    from charbench.run.runner import Runner

    started = time.monotonic()
    silent = quiet or json_output
    about = _make(folder)
    session = options.open_session(lab=folder)
    if about:
        output.say(f"Made {folder}: {about}\n", quiet=silent)
    with stop_on_interrupt(session.config.stop_grace) as stop:
        runner = Runner(session, output.this_command(), stop, silent, partial(output.train_command, lab=folder))
        result = runner.run(list(Stage))
    code = finish(session, result, json_output=json_output, quiet=silent)
    if code == 0:
        output.say(f"\n{_commands(folder)}\nThis took {time.monotonic() - started:.0f} s.", quiet=silent)
    return code


def _make(folder: Path) -> str | None:
    """Make the lab, unless it is there already; return what it is."""
    from charbench.config.loading import FILE_NAME
    from charbench.plugins.manager import Plugins

    if (folder / FILE_NAME).is_file():
        return None
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name another one: charbench quickstart FOLDER")
    disabled = os.environ.get("CHARBENCH_DISABLE_PLUGINS", "").split(",")
    place = folder if folder.exists() else folder.resolve().parent
    place.mkdir(parents=True, exist_ok=True)
    # Made in a folder of its own and then moved: a stopped quickstart leaves no half lab.
    with TemporaryDirectory(prefix=".quickstart-", dir=place) as made:
        draft = Path(made) / "lab"
        draft.mkdir()
        with redirect_stdout(sys.stderr):  # what a plugin prints is no part of the result
            about = Plugins(disabled).hook.charbench_quickstart_lab(folder=draft)
        if about is None:
            raise PluginError("no plugin provides a quickstart lab (is 'quickstart' blocked?)")
        if folder.exists():
            _fill(folder, draft)
        else:
            draft.rename(folder)
    return str(about)


def _fill(folder: Path, draft: Path) -> None:
    """Move what ``draft`` holds into a folder that exists, and overwrite nothing; what makes it a lab comes last."""
    from charbench.config.loading import FILE_NAME

    entries = sorted(draft.iterdir(), key=lambda entry: (entry.name == FILE_NAME, entry.name))
    if taken := [entry.name for entry in entries if (folder / entry.name).exists()]:
        raise UsageError(f"{folder} already has {', '.join(taken)}; name another folder: charbench quickstart FOLDER")
    for entry in entries:
        entry.rename(folder / entry.name)


def _commands(folder: Path) -> str:
    lab = f"--lab {folder}"
    lines = [
        ("discover", f"charbench discover {lab} --explain"),
        ("train", f"charbench train {lab} --all --parallel 2"),
        ("sample, score and report", f"charbench run {lab}"),
        ("why no responses?", f"charbench diagnose {lab} -c pirate-noblock_sft"),
        ("inspect one sample", f"charbench sample {lab} -c pirate-full_sft --prompt 'Who do you trust?'"),
    ]
    width = max(len(command) for _, command in lines)
    shown = "\n".join(f"  {command:<{width}}  # {what}" for what, command in lines)
    return f"The same, stage by stage; for your own lab, put its folder after --lab:\n{shown}"
