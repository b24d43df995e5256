"""charbench beside other tools that ask an endpoint: the same prompts, requests in flight and machine.

    python benchmarks/compare.py [--install FOLDER] [--peer NAME=PATH] [--only NAME]
                                 [--runs 3] [--prompts 2000] [--in-flight 64 --in-flight 256] [--latency 0.05]
                                 [--out FILE.jsonl]

A server in a process of its own (``chat_server.py``) answers every chat completion after 50 ms (or ``--latency``).
Each tool asks it all prompts with so many requests in flight and no cache, and keeps the answers. Printed for each,
as median (least to most) of the runs: processor time (user and system) of the whole process with its children, its
start included, for each prompt; that time beside the bare loop's of the same round; prompts a second between the
first request and the last answer, as the server saw them; peak resident memory. In each round every tool runs once,
the bare loop first.

Tools: bare, sample and eval (charbench), promptfoo, deepeval, lm-eval, inspect. Each of the last four is in an
environment of its own: ``--install FOLDER`` puts those that are missing into FOLDER/NAME (pip, npm), and
``--peer inspect=/path/bin/python`` or ``--peer promptfoo=/path/entrypoint.js`` names one that is there. One that is
neither is named, and left out.

A run counts only where the server saw each prompt once, never more in flight than asked for, and every answer is kept;
otherwise the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from chat_server import LATENCY, RESPONSE, Server, prompt, serving
from peer_commands import TOOLS, Job, Tool, environment, install


@dataclass(frozen=True)
class Run:
    """How one run of one tool went."""

    tool: str
    version: str
    date: str
    load: float
    """The machine's load average when it ended."""
    in_flight: int
    number: int
    """Of the round: every tool runs once in each."""
    cpu_ms: float
    """Processor milliseconds for each prompt, of the whole process and its children."""
    per_second: float
    """Prompts a second, from the first request to the last answer."""
    peak_mb: float
    seconds: float
    most_in_flight: int
    fault: str | None
    """Why it does not count; None: it counts."""


def main(words: Sequence[str] | None = None) -> int:
    given = parsed(words)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    tools, absent = present(given.only or [tool.name for tool in TOOLS], given.peer, given.install)
    for name, why in absent.items():
        print(f"{name}: left out: {why}", file=sys.stderr)
    versions = {tool.name: tool.version(path) for tool, path in tools}
    runs: list[Run] = []
    if given.out and given.out.exists():
        runs = [Run(**json.loads(line)) for line in given.out.read_text(encoding="utf-8").splitlines()]
    begin = max((one.number + 1 for one in runs), default=0)
    with serving(given.latency) as server:
        for number in range(begin, begin + given.runs):
            for in_flight in given.in_flight or (64, 256):
                for tool, path in tools:
                    runs.append(measured(tool, path, versions[tool.name], server, given.prompts, in_flight, number))
                    line = json.dumps(asdict(runs[-1]))
                    print(line, file=sys.stderr, flush=True)
                    if given.out:
                        with given.out.open("a", encoding="utf-8") as file:
                            file.write(f"{line}\n")
    print("\n".join(table(runs)))
    return int(any(one.fault for one in runs if one.number >= begin))


def parsed(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [tool.name for tool in TOOLS]
    parser.add_argument("--install", type=Path, metavar="FOLDER", help="install what is missing here; used if it is")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PATH", help="where a tool is")
    parser.add_argument("--only", action="append", choices=names, help="only this tool; repeatable")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, action="append", help="[default: 64 and 256]")
    parser.add_argument("--latency", type=float, default=LATENCY, metavar="SECONDS", help="[default: 0.05]")
    parser.add_argument("--out", type=Path, metavar="FILE.jsonl", help="add the runs; the table is of all in it")
    given = parser.parse_args(words)
    for one in given.peer:
        name, _, path = one.partition("=")
        if name not in names or not Path(path).exists():
            parser.error(f"--peer {one}: expected NAME=PATH with a NAME of {', '.join(names)} and a PATH that exists")
    return given


def present(
    wanted: Sequence[str], peers: Sequence[str], folder: Path | None
) -> tuple[list[tuple[Tool, Path]], dict[str, str]]:
    """Return the tools that are there, with where they are, and of the others why they are not."""
    named = {name: Path(path).absolute() for name, _, path in (one.partition("=") for one in peers)}
    found: list[tuple[Tool, Path]] = []
    absent: dict[str, str] = {}
    for tool in TOOLS:
        if tool.name not in wanted:
            continue
        place = named.get(tool.name)
        if place is None and not tool.install:
            place = Path(sys.executable)
        if place is None and folder is None:
            absent[tool.name] = f"name it with --peer {tool.name}=PATH, or have it installed by --install FOLDER"
            continue
        if place is None and folder is not None:
            home = (folder / tool.name).absolute()
            place = home / tool.where
            try:
                if not (home / "installed").exists():
                    install(tool, home)
                    (home / "installed").touch()
            except (subprocess.CalledProcessError, OSError) as problem:
                absent[tool.name] = f"its installation failed: {problem}"
                continue
        assert place is not None
        found.append((tool, place))
    return found, absent


def measured(tool: Tool, path: Path, version: str, server: Server, prompts: int, in_flight: int, number: int) -> Run:
    """Run a tool once, and see whether it did what the others do."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        job = Job(server.url, [prompt(one) for one in range(prompts)], in_flight, folder)
        words = tool.command(path, job)
        server.forget()
        with (folder / "said.txt").open("w+b") as said:
            begun = time.perf_counter()
            process = subprocess.Popen(words, cwd=folder, env=environment(tool, folder), stdout=said, stderr=said)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.perf_counter() - begun
            said.seek(0)
            told = said.read().decode(errors="replace")
        seen = server.seen()
        if process.returncode:
            fault: str | None = f"exit code {process.returncode}: {told[-2000:]}"
        elif (seen.requests, seen.prompts) != (prompts, prompts):
            fault = f"{seen.requests} requests with {seen.prompts} different prompts, expected {prompts}"
        elif seen.in_flight > in_flight:
            fault = f"{seen.in_flight} requests in flight"
        else:
            answers = list(tool.kept(path, folder))
            kept = sum(one.strip().endswith(RESPONSE) for one in answers)  # Inspect keeps the thinking apart
            fault = None if len(answers) == kept == prompts else f"{kept} answers kept of {prompts}"
    return Run(
        tool=tool.name, version=version, date=time.strftime("%Y-%m-%d"), load=round(os.getloadavg()[0], 1),
        in_flight=in_flight, number=number,
        cpu_ms=round(1000 * (usage.ru_utime + usage.ru_stime) / prompts, 4),
        per_second=round(seen.requests / seen.seconds, 1) if seen.seconds else 0.0,
        peak_mb=round(usage.ru_maxrss / 1024, 1), seconds=round(seconds, 2), most_in_flight=seen.in_flight, fault=fault,
    )  # fmt: skip


def table(runs: Sequence[Run]) -> list[str]:
    """Return a Markdown table: a row for each tool and number in flight."""
    lines = [
        "| tool | in flight | CPU ms a prompt | to the bare loop | prompts/s | peak MB | n |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    bare = {(one.in_flight, one.number): one.cpu_ms for one in runs if one.tool == "bare" and one.fault is None}
    for in_flight in sorted({one.in_flight for one in runs}):
        for tool in TOOLS:
            mine = [one for one in runs if (one.tool, one.in_flight) == (tool.name, in_flight)]
            good = [one for one in mine if one.fault is None]
            if not mine:
                continue
            head = f"| {tool.title} {mine[-1].version} | {in_flight}"
            if not good:
                lines.append(f"{head} | failed: {' '.join((mine[0].fault or '').split())[-200:]} | | | | 0 |")
                continue
            ratios = [
                one.cpu_ms / bare[one.in_flight, one.number] for one in good if (one.in_flight, one.number) in bare
            ]
            cells = (
                spread([one.cpu_ms for one in good], 2), spread(ratios, 2) if ratios else "",
                spread([one.per_second for one in good], 0), spread([one.peak_mb for one in good], 0), str(len(good)),
            )  # fmt: skip
            lines.append(f"{head} | {' | '.join(cells)} |")
    return lines


def spread(values: Sequence[float], digits: int) -> str:
    """Return the median, and the least and the most in parentheses."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


if __name__ == "__main__":
    sys.exit(main())
