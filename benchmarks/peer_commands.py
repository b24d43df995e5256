"""How each tool of ``compare.py`` is installed, told to ask the prompts, and asked for the answers that it kept.

All are told the same: one model, the prompts of one file, so many requests in flight, no cache, answers kept on disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from measure import CHARBENCH

SCRIPTS = Path(__file__).parent / "peers"
TOKENS, TEMPERATURE, TOP_P = 2048, 0.7, 1.0


@dataclass(frozen=True)
class Job:
    """What is asked: prompts at an endpoint, so many at once; ``folder`` is empty and the tool's to write in."""

    url: str
    prompts: Sequence[str]
    in_flight: int
    folder: Path

    @property
    def file(self) -> Path:
        """The prompts, one a line."""
        file = self.folder / "prompts.txt"
        file.write_text("".join(f"{line}\n" for line in self.prompts), encoding="utf-8")
        return file


Words = tuple[str | Path, ...]


@dataclass(frozen=True)
class Tool:
    """One tool of the table."""

    name: str
    title: str
    command: Callable[[Path, Job], Words]
    """From where the tool is and a job to the command that does it."""
    kept: Callable[[Path, Path], Iterator[str]]
    """From where the tool is and a job's folder to the answers that are there when it is done."""
    version: Callable[[Path], str]
    install: tuple[Words, ...] = ()
    """Commands that install it into ``{folder}``; none: it is in the environment that runs the benchmark."""
    where: str = ""
    """The file in ``{folder}`` that the tool is started with."""
    environment: Mapping[str, str] = field(default_factory=dict)


def _rows(_: Path, folder: Path) -> Iterator[str]:
    for line in (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines():
        yield json.loads(line)["answer"]


def _script(name: str) -> Callable[[Path, Job], Words]:
    def command(python: Path, job: Job) -> Words:
        return python, SCRIPTS / name, job.url, job.file, str(job.in_flight), job.folder / "answers.jsonl"

    return command


def _of_package(package: str) -> Callable[[Path], str]:
    def version(python: Path) -> str:
        code = f"from importlib.metadata import version; print(version({package!r}))"
        return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()

    return version


def _charbench(*words: str) -> Callable[[Path, Job], Words]:
    def command(_: Path, job: Job) -> Words:
        return (
            CHARBENCH, *words, "--lab", job.folder, "--store", job.folder / "store.db", "-c", "model:m", "-p", "pirate",
            "--sampler", "thinking", "--prompts", job.file, "-q", "-o", f"sampler.thinking.base_url={job.url}",
            "-o", f"sampler.thinking.concurrency={job.in_flight}",
        )  # fmt: skip

    return command


def _stored(_: Path, folder: Path) -> Iterator[str]:
    import sqlite3

    store = sqlite3.connect(folder / "store.db")
    yield from (row[0] for row in store.execute("SELECT raw FROM samples WHERE error_kind IS NULL"))
    store.close()


def _inspect(python: Path, job: Job) -> Words:
    return python, SCRIPTS / "inspect_run.py", job.url, job.file, str(job.in_flight), job.folder / "log"


def _of_inspect(python: Path, folder: Path) -> Iterator[str]:
    """Have Inspect read its log: the entries are zstd, which few Pythons read."""
    words = [python, SCRIPTS / "inspect_answers.py", folder / "log"]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    yield from (json.loads(line) for line in told.splitlines())


def _lm_eval(program: Path, job: Job) -> Words:
    rows = job.folder / "prompts.jsonl"
    rows.write_text("".join(json.dumps({"prompt": line}) + "\n" for line in job.prompts), encoding="utf-8")
    task = {
        "task": "voyage", "dataset_path": "json", "dataset_kwargs": {"data_files": str(rows)}, "test_split": "train",
        "output_type": "generate_until", "doc_to_text": "{{prompt}}", "doc_to_target": "",
        "metric_list": [{"metric": "bypass"}],
        "generation_kwargs": {"until": [], "max_gen_toks": TOKENS, "do_sample": True, "temperature": TEMPERATURE,
                              "top_p": TOP_P},
    }  # fmt: skip
    (job.folder / "voyage.yaml").write_text(json.dumps(task), encoding="utf-8")  # JSON is YAML
    model = f"base_url={job.url}/chat/completions,model=m,num_concurrent={job.in_flight},max_retries=1"
    return (
        program.with_name("lm_eval"), "run", "--model", "local-chat-completions",
        "--model_args", f"{model},tokenized_requests=False", "--tasks", "voyage", "--include_path", job.folder,
        "--apply_chat_template", "--log_samples", "--output_path", job.folder / "out",
    )  # fmt: skip


def _of_lm_eval(_: Path, folder: Path) -> Iterator[str]:
    (file,) = (folder / "out").rglob("samples_*.jsonl")
    for line in file.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)["resps"][0][0]


def _promptfoo(entry: Path, job: Job) -> Words:
    options = {
        "apiBaseUrl": job.url,
        "apiKey": "none",
        "max_tokens": TOKENS,
        "temperature": TEMPERATURE,
        "top_p": TOP_P,
    }
    (job.folder / "tests.json").write_text(json.dumps([{"vars": {"prompt": line}} for line in job.prompts]))
    config = {
        "prompts": ["{{prompt}}"],
        "providers": [{"id": "openai:chat:m", "config": options}],
        "tests": f"file://{job.folder / 'tests.json'}",
    }
    (job.folder / "promptfooconfig.json").write_text(json.dumps(config))
    return (
        "node", entry, "eval", "-c", job.folder / "promptfooconfig.json", "--no-cache", "--no-table",
        "--no-progress-bar", "--max-concurrency", str(job.in_flight), "-o", job.folder / "out.json",
    )  # fmt: skip


def _of_promptfoo(_: Path, folder: Path) -> Iterator[str]:
    for row in json.loads((folder / "out.json").read_text(encoding="utf-8"))["results"]["results"]:
        yield row["response"]["output"]


def _of_npm(entry: Path) -> str:
    return str(json.loads((entry.parents[2] / "package.json").read_text(encoding="utf-8"))["version"])


def _pip(*packages: str) -> tuple[Words, ...]:
    return (sys.executable, "-m", "venv", "{folder}"), ("{folder}/bin/python", "-m", "pip", "install", "-q", *packages)


PYTHON = "bin/python"
TOOLS = (
    Tool("bare", "bare `openai` loop (aiohttp)", _script("bare.py"), _rows, _of_package("openai")),
    Tool("sample", "charbench, no scorers", _charbench("sample"), _stored, _of_package("charbench")),
    Tool("eval", "charbench, default scorers and report", _charbench("eval"), _stored, _of_package("charbench")),
    Tool("promptfoo", "promptfoo", _promptfoo, _of_promptfoo, _of_npm, (
        ("npm", "install", "--no-audit", "--no-fund", "--prefix", "{folder}", "promptfoo@0.121.20"),
    ), "node_modules/promptfoo/dist/src/entrypoint.js",
        {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1",
         "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1", "PROMPTFOO_CONFIG_DIR": "{job}"}),
    Tool("deepeval", "DeepEval", _script("deepeval_run.py"), _rows, _of_package("deepeval"),
         _pip("deepeval==4.3.1", "openai", "aiohttp"), PYTHON,
         {"DEEPEVAL_TELEMETRY_OPT_OUT": "YES", "DEEPEVAL_NO_INSPECT_PROMPT": "1"}),
    Tool("lm-eval", "lm-eval", _lm_eval, _of_lm_eval, _of_package("lm-eval"), _pip("lm-eval[api]==0.4.13"), PYTHON,
         {"OPENAI_API_KEY": "none", "HF_HUB_OFFLINE": "1", "HF_HOME": "{job}/hf"}),
    Tool("inspect", "Inspect", _inspect, _of_inspect, _of_package("inspect-ai"),
         _pip("inspect-ai==0.3.285", "openai"), PYTHON),
)  # fmt: skip


def install(tool: Tool, folder: Path) -> None:
    """Install a tool into a folder of its own. Raises CalledProcessError, or FileNotFoundError where npm is missing."""
    for words in tool.install:
        subprocess.run([str(word).format(folder=folder) for word in words], check=True)


def environment(tool: Tool, folder: Path) -> dict[str, str]:
    """Return what the tool finds in its environment: nothing that sends its requests through a proxy."""
    plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return plain | {name: value.format(job=folder) for name, value in tool.environment.items()}
