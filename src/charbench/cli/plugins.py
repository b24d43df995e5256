"""``charbench plugins``: what is installed, and what became of it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from charbench.cli import options, output
from charbench.cli.scaffold_kinds import KINDS
from charbench.errors import UnknownNameError


@click.group("plugins")
def command() -> None:
    """List and show plugins and their components."""


@command.command("list")
@options.where
@options.as_json
def list_(json_output: bool, **given: Any) -> int:
    """List every plugin with its components; broken ones with their errors."""
    from charbench.domain.table import Table
    from charbench.report.render.terminal import print_table

    plugins = options.open_session(**given).plugins
    duplicates = _duplicates(plugins)
    deprecations = [f"plugin {plugin.label}: {text}" for plugin in plugins.listed for text in plugin.deprecations]
    if json_output:
        output.print_json(
            {
                "plugins": [
                    {
                        "name": p.name,
                        "distribution": p.distribution,
                        "version": p.version,
                        "state": _state(p),
                        "error": p.error,
                        "components": [{"kind": c.kind, "name": c.name, "is_default": c.is_default} for c in p.brings],
                    }
                    for p in plugins.listed
                ],
                "errors": duplicates,
                "warnings": deprecations,
            }
        )
        return int(bool(duplicates))
    rows = tuple(
        (
            p.name,
            f"{p.distribution} {p.version}".strip(),
            _state(p),
            p.error or ", ".join(map(_component, p.brings)) or "–",
        )
        for p in plugins.listed
    )
    columns = ("Plugin", "Distribution", "State", "Components")
    print_table(Table(output.plural(len(rows), "plugin"), columns, rows, frozenset(columns)))
    for deprecation in deprecations:
        output.say(f"warning: {deprecation}")
    for duplicate in duplicates:
        output.say(f"error: {duplicate}")
    return int(bool(duplicates))


@command.command("commands")
@options.where
@options.as_json
def commands(json_output: bool, **given: Any) -> None:
    """List the commands that plugins add to charbench."""
    from charbench.cli import COMMANDS
    from charbench.domain.table import Table
    from charbench.report.render.terminal import print_table

    found = options.open_session(**given).plugins.commands(COMMANDS)
    rows = tuple((name, plugin, added.get_short_help_str(limit=100)) for name, (plugin, added) in sorted(found.items()))
    columns = ("Command", "Plugin", "Help")
    if json_output:
        output.print_json([dict(zip(("command", "plugin", "help"), row, strict=True)) for row in rows])
    else:
        print_table(Table(output.plural(len(rows), "command"), columns, rows, frozenset(columns)))


@command.command("show")
@click.argument("name")
@options.where
@options.as_json
def show(name: str, json_output: bool, **given: Any) -> int:
    """Show the options of a plugin or a component, with defaults and descriptions."""
    from charbench.components.base import ComponentKind
    from charbench.domain.table import Table
    from charbench.report.render.terminal import print_prose, print_table
    from charbench.text.terminal import sanitize

    plugins = options.open_session(**given).plugins
    found = [
        component
        for plugin in plugins.found
        for component in plugin.components
        if name in (component.name, plugin.name)
    ]
    found += [one for kind in ComponentKind if ":" in name and (one := plugins.find(kind, name)) is not None]
    named = [plugin for plugin in plugins.found if plugin.name == name]
    broken = [plugin for plugin in named if plugin.error]
    if not found and not named:
        known = {p.name for p in plugins.found} | {c.name for p in plugins.found for c in p.components}
        raise UnknownNameError("plugin or component", name, known)
    if json_output:
        output.print_json(
            [
                {
                    "kind": c.kind.value,
                    "name": c.name,
                    "summary": c.one_line(),
                    "options": c.Config.model_json_schema(),
                }
                for c in found
            ]
        )
        return int(bool(broken))
    for plugin in broken:
        click.echo(sanitize(f"{plugin.label} is broken: {plugin.error}\n\n{plugin.trace}"))
    for plugin in named:
        if not plugin.error and not plugin.components:
            click.echo(sanitize(f"{plugin.label} {_without_components(plugin)}"))
    for component in found:
        called = _called(component)
        print_prose(f"{component.kind} {called}: {component.one_line()}")
        rows = tuple(
            (f"{component.kind}.{called}.{key}", _default(field), field.description or "")
            for key, field in component.Config.model_fields.items()
        )
        if rows:
            columns = ("Option", "Default", "Meaning")
            print_table(Table("Options", columns, rows, frozenset(columns)))
        for metric in getattr(component, "metrics", ()):
            threshold = f", the trait from {metric.threshold:g}" if metric.threshold is not None else ""
            click.echo(
                f"  metric {metric.name} ({metric.role}, {metric.aggregate}{threshold}): {metric.title or metric.name}"
            )
    return int(bool(broken))


@command.command("schema")
@options.where
def schema(**given: Any) -> None:
    """Print the JSON Schema of charbench.yaml, with the options of every installed component."""
    from charbench.components.base import ComponentKind
    from charbench.config.model import RunConfig

    plugins = options.open_session(**given).plugins
    content = RunConfig.model_json_schema()
    for name in ("trusted_hosts", "more_endpoints"):  # a file cannot set them
        content["properties"].pop(name)
    properties = {
        f"{kind}.{name}": component.Config.model_json_schema()
        for kind in ComponentKind
        for name, component in plugins.components(kind).items()
    }
    families = {
        f"^{kind}\\.{name}:": family.Config.model_json_schema()
        for kind in ComponentKind
        for name, family in plugins.families(kind).items()
    }
    content["properties"]["options"] = {
        "type": "object",
        "properties": properties,
        "patternProperties": families,
        "additionalProperties": False,
    }
    output.print_json(content)


@command.command("new")
@click.argument("name")
@click.option(
    "--kind", type=options.Choice(list(KINDS)), default="scorer", show_default=True, help="Kind of component."
)
@click.option("-O", "--output", "folder", type=click.Path(path_type=Path), default=Path(), help="Folder to write to.")
def new(name: str, kind: str, folder: Path) -> None:
    """Write a plugin package to install and edit."""
    from charbench.cli.scaffold import check_free, try_it, write_plugin
    from charbench.personas.library import open_library
    from charbench.plugins.manager import Plugins

    plugins = Plugins()
    check_free(name, kind, plugins, open_library(plugins, folder).aliases if kind == "personas" else ())
    made = write_plugin(name, kind, folder)
    quoted = shlex.quote(str(made))
    click.echo(f"Wrote {made}. Install and test it with:")
    click.echo(f"  pip install -e {quoted}'[test]' && pytest {quoted}")
    click.echo("Try it in a temporary lab:")
    click.echo(f"  {try_it(name, kind)}")


def _without_components(plugin: Any) -> str:
    """Say what a plugin is that brings no component: blocked, or an implementation of other hooks."""
    if plugin.blocked:
        return "is blocked"
    if plugin.hooks:
        return f"has no components; it implements {', '.join(plugin.hooks)}"
    return "has no components and implements no hook"


def _component(component: Any) -> str:
    called = f"{component.name}:NAME" if component.is_family else component.name
    return f"{component.kind} {called}{' (default)' if component.is_default else ''}"


def _called(component: Any) -> str:
    """Return the name by which a component is asked for."""
    return f"{component.name}:NAME" if component.is_family() else str(component.name)


def _state(plugin: Any) -> str:
    return "blocked" if plugin.blocked else "broken" if plugin.error else "works"


def _default(field: Any) -> str:
    default = field.get_default(call_default_factory=True)
    return ", ".join(map(str, default)) if isinstance(default, list | tuple) else str(default)


def _duplicates(plugins: Any) -> list[str]:
    from charbench.components.base import ComponentKind
    from charbench.errors import PluginError
    from charbench.plugins.index import owners

    found = []
    for kind in ComponentKind:
        try:
            owners(plugins.listed, kind)
        except PluginError as error:
            found.append(str(error))
    return found
