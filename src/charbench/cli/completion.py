"""``charbench completion``: for bash, zsh and fish."""

from __future__ import annotations

import click

from charbench.cli import options


@click.command("completion")
@click.argument("shell", type=options.Choice(["bash", "fish", "zsh"]))
def command(shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    bash: eval "$(charbench completion bash)"      in ~/.bashrc
    zsh:  eval "$(charbench completion zsh)"       in ~/.zshrc
    fish: charbench completion fish > ~/.config/fish/completions/charbench.fish
    """
    from click.shell_completion import get_completion_class

    from charbench.cli import COMPLETES, cli

    completer = get_completion_class(shell)
    assert completer is not None
    click.echo(completer(cli, {}, "charbench", COMPLETES).source())
