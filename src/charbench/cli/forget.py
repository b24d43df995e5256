"""``charbench forget``: takes results out of every report, and puts them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from charbench.cli import options, output
from charbench.errors import StoreError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from charbench.store.removal import Removal


@click.command("forget")
@options.where
@click.option("-c", "--checkpoint", metavar="CHECKPOINT", help="All results of this URI, name or run.")
@click.option("--run", type=int, metavar="N", help="The samples that this run took (charbench history).")
@click.option("--setting", metavar="ID", help="The samples of this setting (charbench report --list-settings).")
@click.option("--yes", is_flag=True, help="Do it; without, what would be done is shown.")
@click.option("--restore", "back", is_flag=True, help="Put back what was removed by the same option.")
@click.option("--purge", "erase", is_flag=True, help="Erase the texts too: that cannot be undone.")
@options.as_json
def command(
    checkpoint: str | None,
    run: int | None,
    setting: str | None,
    yes: bool,
    back: bool,
    erase: bool,
    json_output: bool,
    **given: Any,
) -> None:
    """Take results out of every report, comparison and export; they are neither imported nor asked for again.

    Their samples and scores stay in the store, so that --restore can put them back, until --purge erases the texts.
    """
    from charbench.store import removal
    from charbench.store.full_text import remove_index, search_file

    if sum(one is not None for one in (checkpoint, run, setting)) != 1:
        raise UsageError("name what to forget: one of --checkpoint, --run and --setting")
    if back and erase:
        raise UsageError("options --restore and --purge exclude each other")
    what = f"checkpoint {checkpoint}" if checkpoint else f"run {run}" if run is not None else f"setting {setting}"
    database = options.open_session(**given).existing_database()
    with database.read() as connection:
        removed = removal.find_removed(connection, what)
        found = removed
        if not back or not removed.samples:  # an unknown name is an error either way
            results = _results(connection, what, checkpoint, run, setting, known=bool(removed.samples))
            found = removed if back else results
        _refuse_live_runs(connection, wanted=yes)
    if yes:
        with database.write() as connection:
            if back:
                removal.restore(connection, found)
            elif found.samples:
                removal.remove(connection, found)
            if erase:
                removal.purge(connection, removal.find_removed(connection, what))
        if erase and database.path is not None:
            remove_index(search_file(database.path))  # it holds the words of what was erased
    _say(found, already=len(removed.samples), back=back, erase=erase, done=yes, json_output=json_output)


def _results(
    connection: Connection, what: str, checkpoint: str | None, run: int | None, setting: str | None, *, known: bool
) -> Removal:
    from charbench.run.plan import select_checkpoints
    from charbench.store.findings import read_checkpoints
    from charbench.store.noted_settings import find_setting
    from charbench.store.removal import find_results
    from charbench.store.runs import require_run
    from charbench.store.settings import read_settings

    if checkpoint is not None:
        mine = select_checkpoints(read_checkpoints(connection), [checkpoint], ())
        return find_results(connection, what, uris=[one.uri for one in mine])
    if run is not None:
        require_run(connection, run)
        return find_results(connection, what, run=run)
    try:
        one = find_setting(connection, read_settings(connection), str(setting))
    except UnknownNameError:
        if not known:
            raise
        groups = []
    else:
        groups = [(group.id, one.prompts) for group in one.groups if group.persona == one.persona]
    return find_results(connection, what, groups_of=groups or [(-1, None)])


def _refuse_live_runs(connection: Connection, *, wanted: bool) -> None:
    from charbench.store.runs import live_runs

    if wanted and (live := live_runs(connection)):
        raise StoreError(f"run {live[0]} is at work on this store: wait until it has ended, then forget")


def _say(found: Removal, *, already: int, back: bool, erase: bool, done: bool, json_output: bool) -> None:
    if json_output:
        output.print_json(
            {
                "what": found.what,
                "samples": len(found.samples),
                "checkpoints": found.checkpoints,
                "scored": found.scores,
                "games": found.games,
                "removed_before": already,
                "also_removed_by": found.also,
                "stay_removed": found.shared if back else None,
                "restore": back,
                "purge": erase,
                "done": done,
            }
        )
        return
    verb = "put back" if back else "remove and erase" if erase else "remove"
    past = "Put back" if back else "Removed and erased" if erase else "Removed"
    part = f"{len(found.samples) - found.shared:,} of " if back and found.shared else ""
    count = f"{part}{output.plural(len(found.samples), 'sample')}"
    count += f" of {output.plural(len(found.checkpoints), 'checkpoint')}"
    about = f"{count} ({found.what}), scored {found.scores:,} times, in {output.plural(found.games, 'game')}"
    click.echo(f"{past}: {about}." if done else f"Would {verb}: {about}.")
    for name, number in sorted(found.checkpoints.items()):
        click.echo(f"  {name}: {output.plural(number, 'sample')}")
    _say_of_others(found, back=back)
    if already and not back:
        output.say(f"{output.plural(already, 'sample')} of this {'is' if already == 1 else 'are'} removed already.")
    if not done:
        output.say("Nothing is changed yet: --yes does it.")
    elif not back and not erase:
        output.say("They are neither imported nor asked for again; the same option with --restore --yes undoes it.")


def _say_of_others(found: Removal, *, back: bool) -> None:
    """Say which of the samples other removals have taken out too: they are back when all of these are restored."""
    for other, number in sorted(found.also.items()):
        samples = output.plural(number, "sample")
        if back:
            output.say(f"{samples} {'stays' if number == 1 else 'stay'} out of reports: removed by {other}, too.")
        else:
            output.say(f"{samples} of this {'is' if number == 1 else 'are'} out of reports already, by {other}.")
