"""``charbench init``: a commented charbench.yaml for the folder, by what lies in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from charbench.cli import options, output
from charbench.errors import UsageError

if TYPE_CHECKING:
    from charbench.run.session import Session

_NAMED = 3
"""Files of a source that are named; the others are counted."""
_HEAD = """\
# Settings of this lab. All of them are optional; the command line goes before this file.
# 'charbench discover --explain' shows what is found and why the rest is not used.
"""
_REST = """\
# discover:
#   skip: [old, "scratch/*"]        # files and folders to leave out, by path or name

# min_examples: 500                 # fewest examples of a training job
# prompts: default                  # default, persona (each persona's own), or a file
# epochs: 1                         # samples of each prompt and checkpoint

# What is sampled, and by whom. Without these, recordings are played back and nothing is asked.
# samplers: [thinking]              # 'charbench plugins list' shows all
# endpoints:                        # servers with names: their results stay current at another address
#   local: {base_url: "http://localhost:8000/v1"}
# endpoint: local                   # 'charbench run' evaluates what it serves
# prices:                           # of a million tokens: 'run --dry-run' then shows the cost
#   "*": {prompt: 0.1, completion: 0.3}
# max_cost: 5                       # what one run may spend

# scorers: [keyword, refusal, identity-leak, repetition]
# trainers: [tinker-sft]            # without one, training jobs stay pending

# options:                          # of components: 'charbench plugins show NAME' lists them
#   source.recorded:
#     columns: {prompt: my_question, response: [reply, text]}   # recordings whose columns are called otherwise
#     checkpoints: {"evals/*.csv": "model:{stem}"}              # whose rows name no checkpoint
#   source.datasets:
#     runs: {data/pirate.jsonl: pirate-dpo}                     # training data that fits several runs
"""


@click.command("init")
@options.where
def command(config: Path | None, **given: Any) -> None:
    """Write a commented charbench.yaml for the lab's folder. A file that is there is not overwritten."""
    from charbench.config.loading import FILE_NAME

    if config is not None:
        raise UsageError(
            f"init writes {FILE_NAME} into the lab's folder; leave --config out, or name the folder: --lab DIR"
        )
    path = Path(given.get("lab") or ".") / FILE_NAME
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists and is not overwritten; move it away to have another one written")
    session = options.open_session(**given)
    text = f"{_HEAD}\n{_found(session)}\n{_REST}"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None
    click.echo(text)
    output.say(f"Wrote {path}. Next: charbench discover")


def _found(session: Session) -> str:
    """Return comments on what lies in the folder, by the sources that would read it."""
    from charbench.components.containment import Broken, guarded

    sources = session.sources()
    files = session.lab.files
    files.announce(sources)
    lines = []
    for source in sources:
        mine = guarded(files.matched, source)
        if isinstance(mine, Broken) or not mine:
            continue
        names = ", ".join(_comment(file.shown) for file in mine[:_NAMED])
        more = f" and {len(mine) - _NAMED:,} more" if len(mine) > _NAMED else ""
        lines.append((source.name, f"{names}{more}"))
    count = f"{len(files.walked.files):,} {'file' if len(files.walked.files) == 1 else 'files'}"
    if not lines:
        return f"# In this folder ({count}) no source finds a file that it reads.\n# sources: []\n"
    width = max(len(name) for name, _ in lines)
    told = "".join(f"#   {name:{width}}  {what}\n" for name, what in lines)
    names = ", ".join(name for name, _ in lines)
    head = f"# What lies in this folder ({count}), by the sources that read it:"
    return f"{head}\n{told}# sources: [{names}]    # only these; default: all\n"


def _comment(name: str) -> str:
    """Return a file's name as it can stand in a comment."""
    return name if name.isprintable() else repr(name)
