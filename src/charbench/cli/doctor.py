"""``charbench doctor``: check the installation."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click

from charbench.cli import options, output
from charbench.errors import CharbenchError
from charbench.text.redaction import redact


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``state``: ok, note or bad; ``advice``: what to do about it."""

    what: str
    state: str
    text: str
    advice: str = ""


@click.command("doctor")
@options.where
@options.as_json
def command(json_output: bool, **given: Any) -> int:
    """Check Python, packages, plugins, personas, the store and the key; ends with 1 if something is bad."""
    from charbench.report.render.table import Table
    from charbench.report.render.terminal import print_table

    session = options.open_session(**given)
    findings: list[Finding] = []
    for check in (_python, _packages, _plugins, _personas, _store, _secrets, _tinker):
        findings.extend(_run(check, session))
    if json_output:
        output.print_json([{"what": f.what, "state": f.state, "text": f.text, "advice": f.advice} for f in findings])
    else:
        columns = ("", "What", "Found", "What to do")
        rows = tuple((f.state, f.what, f.text, f.advice) for f in findings)
        print_table(Table("charbench doctor", columns, rows, frozenset(columns)))
    return 1 if any(finding.state == "bad" for finding in findings) else 0


def _run(check: Callable[[Any], Iterator[Finding]], session: Any) -> Iterator[Finding]:
    try:
        yield from check(session)
    except CharbenchError as error:
        yield Finding(check.__name__.strip("_"), "bad", redact(str(error)))


def _python(_session: Any) -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.system()}")


def _packages(_session: Any) -> Iterator[Finding]:
    from charbench.cli.doctor_packages import look_at_packages

    yield from look_at_packages()


def _plugins(session: Any) -> Iterator[Finding]:
    from charbench.components.base import ComponentKind

    plugins = session.plugins
    for plugin in plugins.found:
        if plugin.error:
            advice = f"fix or uninstall {plugin.distribution}, or --no-plugin {plugin.name}"
            yield Finding(f"plugin {plugin.name}", "bad", plugin.error, advice)
    for kind in ComponentKind:
        yield Finding(f"{kind}s", "ok", ", ".join(plugins.components(kind)) or "none")


def _personas(session: Any) -> Iterator[Finding]:
    yield Finding("personas", "ok", f"{len(session.personas.all)} found")
    for fault in session.personas.faults:
        yield Finding("personas", "bad", fault, "charbench personas check FILE")


def _store(session: Any) -> Iterator[Finding]:
    from charbench.store.summaries import count_all

    url = session.config.store_url
    if url.startswith("sqlite:///") and not os.path.exists(url.removeprefix("sqlite:///")):  # noqa: PTH110
        yield Finding("store", "note", "there is none yet", "charbench run creates it")
        return
    with session.existing_database().read() as connection:
        yield Finding("store", "ok", f"{count_all(connection)['samples']:,} samples")


def _secrets(session: Any) -> Iterator[Finding]:
    from charbench.cli.doctor_secrets import look_at_secrets

    yield from look_at_secrets(session.config)


def _tinker(_session: Any) -> Iterator[Finding]:
    from charbench.cli.doctor_tinker import look_at_tinker

    yield from look_at_tinker()
