"""``charbench tinker``: commands about Tinker itself."""

from __future__ import annotations

import json
import re

import click


@click.group("tinker")
def group() -> None:
    """Commands about Tinker."""


@group.command("models")
@click.option("--json", "json_output", is_flag=True, help="Print JSON on stdout.")
def models(json_output: bool) -> None:
    """List the base models that Tinker trains and samples with this key.

    The key is TINKER_API_KEY; TINKER_BASE_URL names another server.
    """
    from charbench_plugins.tinker_sdk.doctor import supported_models

    names = [re.sub(r"[^ -~]", "?", name) for name in supported_models()]
    click.echo(json.dumps(names, indent=2) if json_output else "\n".join(names))
