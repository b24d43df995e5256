"""Options that commands share, and the way from them to a session."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from charbench.cli import output

if TYPE_CHECKING:
    from charbench.run.session import Session
    from charbench.run.workers import Workers

    _Choice = click.Choice[str]
else:
    _Choice = click.Choice  # which takes no type before click 8.2

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Choice(_Choice):
    """One of several words; the message for another one names the nearest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the choice that is meant; click's own message for another word gets the nearest one."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            from charbench.errors import nearest

            near = nearest(str(value), list(self.choices))
            self.fail(error.message.rstrip(".") + (f"; {near}" if near else "."), param, ctx)


_WHERE = (
    click.option("--lab", type=click.Path(path_type=Path), help="Folder to look in. [default: .]"),
    click.option("--store", metavar="URL", help="Database URL or file. [default: LAB/.charbench/charbench.db]"),
    click.option("--config", type=click.Path(path_type=Path), help="Configuration. [default: LAB/charbench.yaml]"),
    click.option("--no-plugin", "disable_plugins", multiple=True, metavar="NAME", help="Do not load a plugin."),
)
PLACE = ("lab", "store", "config", "disable_plugins")
"""Parameters of :data:`where`: what says which lab, store and configuration a command is about."""
_COMPONENTS = (
    click.option("--source", "sources", multiple=True, metavar="NAME", help="Checkpoint source. [default: all]"),
    click.option(
        "-o", "options", multiple=True, metavar="KIND.NAME.OPTION=VALUE", help="A component's option, such as "
        "scorer.keyword.cap=3.",
    ),
    click.option(
        "--trusted-host", "trusted_hosts", multiple=True, metavar="HOST[:PORT]",
        help="Host that may receive keys although only the configuration file names it.",
    ),
)  # fmt: skip
_SELECTION = (
    click.option("-p", "--persona", "personas", multiple=True, metavar="NAME", help="Only this persona."),
    click.option(
        "-c",
        "--checkpoint",
        "checkpoints",
        multiple=True,
        metavar="CHECKPOINT",
        help="Only this URI, name or run, or these ('pirate-*').",
    ),
)
_JOBS = (
    click.option("--min-examples", type=click.IntRange(min=0), help="Minimum examples per job. [default: 500]"),
    click.option(
        "--include-buggy", is_flag=True, default=None, help="Also create jobs for data that fails the health check."
    ),
    click.option(
        "--include-unfinished", is_flag=True, default=None, help="Also create jobs for runs that stopped half-way."
    ),
)


_ASKING = (
    click.option(
        "--prompts", metavar="SET", help="default (five), standard (60), persona (each one's own), or a file."
    ),
    click.option("--epochs", type=click.IntRange(1, 10_000), help="Samples per prompt. [default: 1]"),
    click.option("--perturb", "perturbations", multiple=True, metavar="NAME", help="Also sample perturbed prompts."),
    click.option("--max-cost", type=float, help="Stop when the run has cost this much, by the price table."),
)


def _all(*options: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    def decorate(function: Decorated) -> Decorated:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


where = _all(*_WHERE)
components = _all(*_COMPONENTS)
selection = _all(*_SELECTION)
named_checkpoints = click.option(
    "-c", "--checkpoint", "checkpoints", multiple=True, required=True, metavar="CHECKPOINT",
    help="URI or name, or a pattern of known ones ('pirate-*').",
)  # fmt: skip
job_policy = _all(*_JOBS)
asking = _all(*_ASKING)
endpoint = click.option(
    "--endpoint", metavar="NAME|URL",
    help="Endpoint of components whose options name none, by its name in the configuration or by its URL. "
    "[default: OPENAI_BASE_URL, or Tinker's where TINKER_API_KEY is set]",
)  # fmt: skip
endpoints = click.option(
    "--endpoint", "all_endpoints", metavar="NAME|URL", multiple=True,
    help="Endpoint of components whose options name none, by its name in the configuration or by its URL. Given "
    "several times, all that they serve is found and sampled, and components ask the first. "
    "[default: OPENAI_BASE_URL, or Tinker's where TINKER_API_KEY is set]",
)  # fmt: skip
steps = click.option(
    "--steps", metavar="last|all|every:N|LIST", help="Saves of each training run to sample. [default: last]"
)
workers = _all(
    click.option(
        "--workers", metavar="auto|ray://HOST",
        help="Sample and score with several processes, on a Ray cluster or this machine; needs a PostgreSQL store.",
    ),
    click.option("--num-workers", type=click.IntRange(1, 1024), help="Workers. [default: 2]"),
    click.option("--worker-gpus", type=click.FloatRange(0, 64), help="GPUs of each worker. [default: 0]"),
)  # fmt: skip
setting = click.option(
    "--setting", "settings", multiple=True, metavar="ID",
    help="This setting of its persona. [default: that of the newest run that added samples, diagnoses aside]",
)  # fmt: skip
_FORMATS = (
    click.option(
        "--format",
        "form",
        metavar="NAME",
        default="table",
        show_default=True,
        help="table, markdown, latex, csv, json, html, plots, or a plugin's reporter.",
    ),
    click.option(
        "-O",
        "--output",
        "path",
        type=click.Path(path_type=Path),
        help="File to write, or folder for a format of several files. [default: stdout]",
    ),
)
formats = _all(*_FORMATS)
as_json = click.option("--json", "json_output", is_flag=True, help="Print JSON on stdout.")
quiet = click.option("-q", "--quiet", is_flag=True, help="Print no progress and no messages, only errors.")


def placed_workers(session: Session, where: str | None, count: int | None, gpus: float | None) -> Workers | None:
    """Return the workers that the options name; None where there are none."""
    from charbench.errors import UsageError

    if where is None:
        given = [name for name, value in (("--num-workers", count), ("--worker-gpus", gpus)) if value is not None]
        if given:
            raise UsageError(f"{given[0]} is for --workers; add --workers auto, or leave it out")
        return None
    from charbench.run.workers import Placement, Workers, check_placement

    session.check_lab()  # what is wrong with the lab is told before what is wrong with its store
    placement = Placement(where, 2 if count is None else count, gpus or 0.0)
    check_placement(placement, session.config)
    return Workers(placement)


def open_session(config: Path | None = None, options: tuple[str, ...] = (), **overrides: Any) -> Session:
    """Return a session for what the command line gave."""
    from charbench.cli import COLLECTIONS
    from charbench.config import user_cache
    from charbench.config.loading import load_config
    from charbench.run.session import Session

    blocked = overrides.get("disable_plugins") or ()
    if asked := overrides.pop("all_endpoints", ()):
        overrides |= {"endpoint": asked[0], "more_endpoints": list(asked[1:])}
    session = Session(load_config({**overrides, "disable_plugins": list(blocked)}, options, os.environ, config))
    session.place = output.place_as_typed(PLACE)
    # A run closes its components itself; this is for what comes before one, and for commands that run nothing.
    click.get_current_context().call_on_close(lambda: output.warn(session.close()))
    if user_cache.is_used():  # in the program itself: what is loaded by now stays, and need not be looked through
        gc.freeze()
    gc.set_threshold(*COLLECTIONS)
    return session
