"""Command ``count-rows``: how many samples of each checkpoint an export has."""

import json
from pathlib import Path

import click

from charbench import DataError, hookimpl


@click.command("count-rows")
@click.argument("file", default="samples.jsonl")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def count_rows(file, as_json):
    """Count the samples of each checkpoint in FILE, which charbench export --jsonl wrote."""
    counts = {}
    path = Path(file)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for number, line in enumerate(lines, 1):
        try:
            uri = json.loads(line)["sampler_path"]
        except (ValueError, TypeError, KeyError):
            raise DataError(f"{file}:{number}: no sample; charbench export --jsonl writes them") from None
        counts[uri] = counts.get(uri, 0) + 1
    click.echo(json.dumps(counts) if as_json else "\n".join(f"{count:>6} {uri}" for uri, count in counts.items()))


@hookimpl
def charbench_register_commands():
    return [count_rows]
