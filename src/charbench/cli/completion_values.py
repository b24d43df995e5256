"""Values that completion offers: personas, checkpoints, components, settings and the like, of the lab that is typed.

Options are told by their parameter's name, so that one which several commands have is completed in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem
from click.types import StringParamType

from charbench.cli.options import PLACE
from charbench.components.base import ComponentKind
from charbench.components.containment import Broken, guarded
from charbench.text.terminal import sanitize

if TYPE_CHECKING:
    from charbench.domain.checkpoint import Checkpoint
    from charbench.run.session import Session

Value = tuple[str, str]
"""What is offered, and a few words about it."""
Values = Callable[["Session"], Iterable[Value]]
_LONGEST = 60
"""Characters of what is told about a value."""


class Offered(StringParamType):
    """Text for which values of the lab are offered."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the values that begin with what is typed; none where the lab cannot be read."""
        found = guarded(self._of, ctx)
        if isinstance(found, Broken):
            return []
        return [
            CompletionItem(value, help=" ".join(sanitize(told).split())[:_LONGEST] or None)
            for value, told in found
            if value.startswith(incomplete) and value.isprintable()
        ]

    def _of(self, ctx: click.Context) -> list[Value]:
        import os

        from charbench.config.loading import load_config
        from charbench.run.session import Session

        given = {name: ctx.params.get(name) for name in PLACE}
        config = Path(given.pop("config") or "") if given["config"] else given.pop("config")
        blocked = list(given.pop("disable_plugins") or ())
        lab = given.get("lab")
        overrides = {**given, "lab": Path(lab) if lab else None, "disable_plugins": blocked}
        session = Session(load_config(overrides, (), os.environ, config))
        try:
            return list(dict(self._values(session)).items())
        finally:
            session.close()


def personas(session: Session) -> Iterator[Value]:
    """Yield the personas that have a file."""
    for name, persona in sorted(session.personas.all.items()):
        yield name, persona.description


def checkpoints(session: Session) -> Iterator[Value]:
    """Yield the checkpoints of the store: by name, by URI where several have the name."""
    known = _stored(session)
    names = [checkpoint.name for checkpoint in known]
    for checkpoint in known:
        told = f"{checkpoint.persona or 'no persona'}, {checkpoint.kind.value}"
        yield (checkpoint.name if names.count(checkpoint.name) == 1 else checkpoint.uri), told


def runs(session: Session) -> Iterator[Value]:
    """Yield the training runs of the store's checkpoints."""
    for checkpoint in _stored(session):
        if checkpoint.run:
            yield checkpoint.run, checkpoint.persona or ""


def _stored(session: Session) -> list[Checkpoint]:
    """Return the checkpoints of the store; none where there is no store yet."""
    from charbench.store.findings import read_checkpoints

    if not session.has_store:
        return []
    with session.existing_database(read_only=True).read() as connection:
        return read_checkpoints(connection)


def settings(session: Session) -> Iterator[Value]:
    """Yield the settings that the store has samples of."""
    from charbench.store.settings import read_settings

    if not session.has_store:
        return
    with session.existing_database(read_only=True).read() as connection:
        known = read_settings(connection)
    for persona, found in known.by_persona.items():
        for setting in found:
            yield setting.id, f"{persona}, newest run {setting.run}"


def components(kind: ComponentKind) -> Values:
    """Return what yields the components of a kind; of a family its example."""

    def values(session: Session) -> Iterator[Value]:
        for name, component in session.plugins.components(kind).items():
            yield name, component.one_line()
        for name, family in session.plugins.families(kind).items():
            yield f"{name}:{family.member_example}", family.one_line()

    return values


def plugins(session: Session) -> Iterator[Value]:
    """Yield the plugins."""
    for plugin in session.plugins.found:
        yield plugin.name, plugin.distribution


def plugins_and_components(session: Session) -> Iterator[Value]:
    """Yield all that ``plugins show`` takes."""
    yield from plugins(session)
    for kind in ComponentKind:
        yield from components(kind)(session)


def metrics(session: Session) -> Iterator[Value]:
    """Yield the metrics of the installed scorers."""
    for name, scorer in session.plugins.components(ComponentKind.SCORER).items():
        for metric in getattr(scorer, "metrics", ()):
            yield f"{name}.{metric.name}", metric.title


def endpoints(session: Session) -> Iterator[Value]:
    """Yield the endpoints that the configuration names."""
    for name, endpoint in session.config.endpoints.items():
        yield name, endpoint.base_url


def options(session: Session) -> Iterator[Value]:
    """Yield the options of components, for ``-o``."""
    for kind in ComponentKind:
        for name, component in session.plugins.components(kind).items():
            for option, field in component.Config.model_fields.items():
                yield f"{kind}.{name}.{option}=", field.description or ""


def formats(methods: Sequence[str], *others: str) -> Values:
    """Return what yields the formats: ``others``, and the reporters that define one of these methods."""

    def values(session: Session) -> Iterator[Value]:
        from charbench.components.reporter import Reporter

        yield from ((name, "") for name in others)
        for name, one in session.plugins.components(ComponentKind.REPORTER).items():
            if any(getattr(one, method) is not getattr(Reporter, method) for method in methods):
                yield name, one.one_line()

    return values


_BY_NAME: dict[str, Values] = {
    "personas": personas,
    "checkpoints": checkpoints,
    "setting": settings,
    "settings": settings,
    "sources": components(ComponentKind.SOURCE),
    "trainers": components(ComponentKind.TRAINER),
    "sampler": components(ComponentKind.SAMPLER),
    "samplers": components(ComponentKind.SAMPLER),
    "scorer": components(ComponentKind.SCORER),
    "scorers": components(ComponentKind.SCORER),
    "perturbations": components(ComponentKind.PERTURBATION),
    "disable_plugins": plugins,
    "metric": metrics,
    "endpoint": endpoints,
    "options": options,
    "form": formats(("report", "report_files"), "table"),
}
_OF_COMMANDS: dict[tuple[str, str], Values] = {
    ("eval", "persona"): personas,
    ("export", "name"): formats(("export", "export_table"), "csv", "jsonl"),
    ("personas show", "name"): personas,
    ("personas measure", "names"): personas,
    ("personas suggest", "name"): personas,
    ("personas try", "name"): personas,
    ("plugins show", "name"): plugins_and_components,
    ("trajectory", "wanted"): runs,
}


def offer_values(path: str, command: click.Command) -> None:
    """Let the parameters of a command, and of the commands below it, offer values."""
    for param in command.params:
        values = _OF_COMMANDS.get((path, param.name or ""), _BY_NAME.get(param.name or ""))
        plain: Any = param.type
        if values is not None and type(plain) is StringParamType:
            param.type = Offered(values)
    for name, below in getattr(command, "commands", {}).items():
        offer_values(f"{path} {name}", below)
