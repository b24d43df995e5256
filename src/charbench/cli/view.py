"""``charbench view``: the report in a browser, served from the store."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from charbench.cli import options, output

if TYPE_CHECKING:
    from charbench.run.session import Session
    from charbench.view.guard import Guard


@click.command("view")
@options.where
@click.option("-p", "--persona", "personas", multiple=True, metavar="NAME", help="Only this persona's report.")
@options.setting
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to serve at. [default: one that is free]")
@click.option("--no-open", is_flag=True, help="Open no browser; the address is printed in any case.")
def command(settings: tuple[str, ...], port: int, *, no_open: bool, **given: Any) -> None:
    """Serve the report, all samples, and what running runs do, to browsers on this machine.

    The address holds a random token: who does not have it is shown nothing. The store is opened for reading only, also
    while runs add to it. Ctrl-C stops the server.
    """
    from charbench.view.guard import new_token
    from charbench.view.serve import ADDRESS, listen, serve

    session = options.open_session(**given)
    token = new_token()
    app, end = application(session, settings, token)
    listening = listen(port)
    address = f"http://{ADDRESS}:{listening.getsockname()[1]}/{token}/"
    output.say("Serving what is in the store; Ctrl-C stops it. Open:")
    click.echo(address)
    sys.stdout.flush()
    with _opened(address) if not no_open and _has_browser() else nullcontext():
        serve(app, listening, end)
    output.say("Stopped.")


def application(session: Session, settings: Sequence[str], token: str) -> tuple[Guard, Callable[[], None]]:
    """Return the web application for a session's store, and what ends that which goes on in it by itself.

    What is wrong with the options or the store is raised now, and not shown in the browser.
    """
    from charbench.cli.show import report_content
    from charbench.components.reporter import ReportContent
    from charbench.report.verdict.read import read_report
    from charbench.view.app import make_app
    from charbench.view.browse import Browser
    from charbench.view.live import Live
    from charbench.view.pages import Pages, store_is_there

    database = session.existing_database(read_only=True)
    reporter = session.reporter("html", ("view",))

    def read() -> ReportContent:
        return report_content(read_report(session, database, settings=settings), database)

    read()
    there = store_is_there(database)
    browser, live = Browser(database), Live(database, there)

    def end() -> None:
        browser.end()
        live.end()

    return make_app(Pages(reporter, read, browser, there), live, token), end


def _has_browser() -> bool:
    """Whether a browser can show a window here: one for the terminal would take it over."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(one) for one in ("DISPLAY", "WAYLAND_DISPLAY"))


@contextmanager
def _opened(address: str) -> Iterator[None]:
    """Open a browser at an address, by a file that only its owner may read: others see the arguments of a process."""
    import webbrowser

    with tempfile.TemporaryDirectory(prefix="charbench-view-") as folder:
        file = Path(folder) / "open.html"
        file.write_text(f'<!doctype html><meta http-equiv="refresh" content="0;url={address}">', encoding="utf-8")
        webbrowser.open(file.as_uri())
        yield
