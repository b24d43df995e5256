"""``charbench doctor``: check the installation."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import click

from charbench.cli import options, output
from charbench.components.check_result import CheckResult
from charbench.errors import CharbenchError
from charbench.text.redaction import redact


@click.command("doctor")
@options.where
@options.as_json
def command(json_output: bool, **given: Any) -> int:
    """Check Python, packages, plugins, personas, the store, waiting jobs' data, and secrets; 1 if one is bad.

    Plugins add checks of their own.
    """
    from charbench.domain.table import Table
    from charbench.report.render.terminal import print_table

    session = options.open_session(**given)
    findings: list[CheckResult] = []
    for check in (_python, _packages, _plugins, _personas, _store, _secrets, _from_plugins):
        findings.extend(_run(check, session))
    if json_output:
        output.print_json([{"what": f.what, "state": f.state, "text": f.text, "advice": f.advice} for f in findings])
    else:
        columns = ("", "What", "Found", "What to do")
        rows = tuple((f.state, f.what, f.text, f.advice) for f in findings)
        print_table(Table("charbench doctor", columns, rows, frozenset(columns)))
    return 1 if any(finding.state == "bad" for finding in findings) else 0


def _run(check: Callable[[Any], Iterator[CheckResult]], session: Any) -> Iterator[CheckResult]:
    try:
        yield from check(session)
    except CharbenchError as error:
        yield CheckResult(check.__name__.strip("_").replace("_", " "), "bad", redact(str(error)))


def _python(_session: Any) -> Iterator[CheckResult]:
    yield CheckResult("python", "ok", f"{platform.python_version()} on {platform.system()}")


def _packages(_session: Any) -> Iterator[CheckResult]:
    from charbench.cli.doctor_packages import look_at_packages

    yield from look_at_packages()


def _plugins(session: Any) -> Iterator[CheckResult]:
    from charbench.components.base import ComponentKind

    plugins = session.plugins
    for plugin in plugins.found:
        if plugin.error:
            advice = f"fix or uninstall {plugin.distribution}, or --no-plugin {plugin.name}"
            yield CheckResult(f"plugin {plugin.name}", "bad", plugin.error, advice)
    for kind in ComponentKind:
        names = [*plugins.components(kind), *(f"{family}:NAME" for family in plugins.families(kind))]
        yield CheckResult(f"{kind}s", "ok", ", ".join(names) or "none")


def _personas(session: Any) -> Iterator[CheckResult]:
    yield CheckResult("personas", "ok", f"{len(session.personas.all)} found")
    for fault in session.personas.faults:
        yield CheckResult("personas", "bad", fault, "charbench personas check FILE")


def _store(session: Any) -> Iterator[CheckResult]:
    from charbench.store.summaries import count_all

    url = session.config.store_url
    if url.startswith("sqlite:///") and not os.path.exists(url.removeprefix("sqlite:///")):  # noqa: PTH110
        yield CheckResult("store", "note", "there is none yet", "charbench run creates it")
        return
    with session.existing_database().read() as connection:
        yield CheckResult("store", "ok", f"{count_all(connection)['samples']:,} samples")
    yield from _run(_training_data, session)  # where the store cannot be read, that is said once


def _training_data(session: Any) -> Iterator[CheckResult]:
    from charbench.cli.doctor_data import look_at_data

    yield from look_at_data(session)


def _secrets(session: Any) -> Iterator[CheckResult]:
    from charbench.cli.doctor_secrets import look_at_secrets

    yield from look_at_secrets(session.config)


def _from_plugins(session: Any) -> Iterator[CheckResult]:
    from charbench.components.containment import Broken

    for name, outcome in session.plugins.ask_each("charbench_doctor_checks", lambda checks: list(checks())):
        if isinstance(outcome, Broken):
            yield CheckResult(f"checks of {name}", "bad", outcome.message, f"report it to whoever made plugin {name}")
            continue
        for result in outcome:
            if isinstance(result, CheckResult):
                yield replace(result, text=redact(result.text), advice=redact(result.advice))
            else:
                text = f"charbench_doctor_checks gave {result!r:.100}; CheckResult is needed"
                yield CheckResult(f"checks of {name}", "bad", text, f"report it to whoever made plugin {name}")
