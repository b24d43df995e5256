"""The command line. This module imports click and little else: a command's module is loaded when it is used."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import Any

import click

from charbench.components.garbage import no_collection

INTERRUPTED = 130
BROKEN_PIPE = 141
COMPLETES = "_CHARBENCH_COMPLETE"
"""The variable that a shell sets where it asks for completions."""
STARTING = 1_000_000, 20, 20
COLLECTIONS = 50_000, 20, 20
"""When the process looks for garbage, while it loads modules and then: with Python's own 700 it looks through the
loaded modules, which all stay."""

# The help lines stand here so that `charbench --help` loads no command.
COMMANDS = {
    "quickstart": "Create a small lab and run every stage on it; needs no key and no GPU.",
    "init": "Write a commented charbench.yaml for the lab's folder.",
    "discover": "Find checkpoints and data, and show the resulting training jobs.",
    "run": "Discover, sample, score and report everything that is not done yet.",
    "report": "Report how strongly checkpoints show their personas, with intervals.",
    "view": "Show the report, samples and running runs in a browser.",
    "compare": "Test which checkpoints differ significantly.",
    "verdict": "Say which checkpoints are viable, and what to do with the rest.",
    "diagnose": "Find why a checkpoint's responses, or the character in them, are missing.",
    "train": "Train the checkpoints whose introspection data is available.",
    "sample": "Sample checkpoints, or one prompt and show the response.",
    "score": "Score the samples that have no score yet.",
    "eval": "Sample and score one checkpoint, whether or not a source found it.",
    "eval-complete": "Sample and score the results of training jobs.",
    "status": "Show the state of the training jobs and the last runs.",
    "reset": "Reset training jobs to pending.",
    "history": "List runs, and where the results of one come from.",
    "forget": "Take results out of every report, and put them back.",
    "trajectory": "Show trait and response rate over the training of one checkpoint.",
    "power": "Compute how many prompts a difference needs.",
    "calibrate": "Have people label samples, and measure how well the scorers agree.",
    "checkpoints": "List checkpoints and the evidence for them.",
    "export": "Write samples as CSV or JSONL.",
    "store": "Copy a store to another database.",
    "personas": "List, show, check and write persona files.",
    "plugins": "List and show plugins and their components.",
    "doctor": "Check the installation, the store and the plugins.",
    "completion": "Print a shell completion script.",
}
_SECTIONS = {
    "Commands": ["quickstart", "init", "discover", "run", "report", "view", "verdict", "compare", "diagnose"],
    "Single stages": ["train", "sample", "score", "eval", "eval-complete"],
    "Training jobs": ["status", "reset"],
    "Analysis": ["trajectory", "power", "calibrate"],
    "Stored data": ["checkpoints", "history", "forget", "export", "store"],
    "Personas and plugins": ["personas", "plugins"],
    "Installation": ["doctor", "completion"],
}


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own, loaded when one is used."""

    _brought: dict[str, click.Command] | None = None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names in the order in which they are shown."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command: charbench's own, or else a plugin's, for which the plugins are loaded."""
        if cmd_name not in COMMANDS:
            return self.commands_of_plugins().get(cmd_name)
        with no_collection():
            command: click.Command = import_module(f"charbench.cli.{cmd_name.replace('-', '_')}").command
            if COMPLETES in os.environ:
                from charbench.cli.completion_values import offer_values

                offer_values(cmd_name, command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command, or say which one is nearest; raise for unknown ``CHARBENCH_*`` variables.

        Help and completion work whatever the environment holds.
        """
        if args and not ctx.resilient_parsing and not args[0].startswith("-") and args[0] not in COMMANDS:
            known = self.commands_of_plugins()
            if args[0] not in known:
                from charbench.errors import UnknownNameError

                raise UnknownNameError("command", args[0], [*COMMANDS, *known])
        if not ctx.resilient_parsing and not {"-h", "--help", "completion"} & set(args):
            _check_environment()
        return super().resolve_command(ctx, args)

    def commands_of_plugins(self) -> dict[str, click.Command]:
        """Return the commands that plugins bring, by name; loads the plugins, once."""
        if self._brought is None:
            import os

            from charbench.plugins.manager import Plugins

            blocked = os.environ.get("CHARBENCH_DISABLE_PLUGINS", "").split(",")
            plugins = Plugins(name.strip() for name in blocked if name.strip())
            self._brought = {name: command for name, (_, command) in plugins.commands(COMMANDS).items()}
        return self._brought

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, without loading any."""
        for title, names in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, COMMANDS[name]) for name in names])
        formatter.write_paragraph()
        formatter.write_text("Plugins may add commands: charbench plugins commands lists them.")


def _check_environment() -> None:
    if any(name.startswith("CHARBENCH_") and text for name, text in os.environ.items()):
        from charbench.config.loading import check_environment

        check_environment(os.environ)


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        import charbench

        click.echo(f"charbench {charbench.__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "Exit codes: 0 done, 1 some items failed, 2 wrong usage or configuration, 3 a requirement is not met, "
        "130 interrupted."
    ),
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def cli() -> None:
    """Find character-trained checkpoints, and score how strongly each shows its persona."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from charbench.cli.streams import make_usable

    make_usable()
    gc.set_threshold(*STARTING)
    code = execute(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _pipe_closed()
    except OSError as error:
        code = _cannot_write(error)
    sys.exit(code)


def execute(arguments: list[str]) -> int:
    """Run one command; return its exit code. Errors of the user's are one line on stderr."""
    from charbench.concurrency.interrupt import forget_interrupts, was_interrupted

    forget_interrupts()
    ended = _Ended()
    with ended:
        ended.code = _execute(arguments)
    return _stopped() if was_interrupted() and ended.code != INTERRUPTED else ended.code


class _Ended:
    """How a command ended. An error that follows from an interrupt is no error: imports make many of one."""

    code = 1

    def __enter__(self) -> _Ended:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        from charbench.concurrency.interrupt import was_interrupted

        return kind is not None and issubclass(kind, Exception) and was_interrupted()


def _execute(arguments: list[str]) -> int:
    from charbench.errors import CharbenchError

    try:
        result = cli.main(args=arguments, prog_name="charbench", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return _stopped()
    except BrokenPipeError:
        return _pipe_closed()
    except OSError as error:
        from charbench.text.system_errors import LIMITS

        if error.errno not in LIMITS:
            raise
        return _cannot_write(error)
    except SystemExit as ended:  # click ends so where the reader of our output has gone
        return _pipe_closed() if "Pacify" in type(sys.stdout).__name__ else int(ended.code or 0)
    except CharbenchError as error:
        from charbench.text.redaction import redact
        from charbench.text.terminal import sanitize

        click.echo(f"error: {sanitize(redact(str(error)))}", err=True)
        return error.exit_code
    return result if isinstance(result, int) else 0


def _stopped() -> int:
    from charbench.cli import output

    output.say(f"Stopped. Resume with: {output.command_to_go_on()}")
    return INTERRUPTED


def _pipe_closed() -> int:
    """Whoever read our output has gone (``charbench ... | head``): end quietly, as other tools do."""
    from charbench.cli.streams import discard

    discard(sys.stdout.fileno())
    return BROKEN_PIPE


def _cannot_write(error: OSError) -> int:
    """There is no room for what is printed, or for a file: no bug, and nothing that a retry would fix."""
    from charbench.cli.streams import discard
    from charbench.text.system_errors import named_error

    click.echo(f"error: cannot write{f' {error.filename}' if error.filename else ''}: {named_error(error)}", err=True)
    discard(sys.stdout.fileno())
    return 1
