"""What a plugin author may import is written down here: adding to it is a decision, taking away a break."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import charbench
from support.command import clean_environment

EXPORTED = [
    "API_VERSION",
    "AnswerCache",
    "Channel",
    "CharbenchError",
    "CheckResult",
    "Checkpoint",
    "CheckpointSource",
    "ColumnKind",
    "Comparison",
    "Completion",
    "Component",
    "ConfigError",
    "ControlResult",
    "ControlText",
    "DataError",
    "Dataset",
    "DeadlineError",
    "Endpoint",
    "DefaultEndpoint",
    "KeySource",
    "EndpointConfig",
    "Evidence",
    "Example",
    "ExpectedCall",
    "ExportedSamples",
    "ExportedTable",
    "Failure",
    "Fence",
    "FileFault",
    "Finding",
    "DelimitersConfig",
    "GenerationConfig",
    "GoldAnswer",
    "JobStatus",
    "JsonLine",
    "Kind",
    "LAB_COLUMNS",
    "LOOPS_FROM",
    "Lab",
    "LabFile",
    "LabPath",
    "Limits",
    "LimitsConfig",
    "Lineage",
    "MalformedAnswerError",
    "Marker",
    "MarkerForm",
    "Measurement",
    "Message",
    "Metric",
    "ModelAnswer",
    "ModelClient",
    "ModelClientConfig",
    "NotSetUpError",
    "Note",
    "OWN_COLUMNS",
    "PairScorer",
    "Persona",
    "Perturbation",
    "Prompt",
    "Provenance",
    "ReadLimits",
    "RecordedFile",
    "RecordedSample",
    "RefusedError",
    "LivePage",
    "PageLink",
    "ReportContent",
    "ReportPage",
    "Reporter",
    "RetryPolicy",
    "RunState",
    "Sample",
    "SamplePage",
    "SampleRequest",
    "Sampler",
    "SamplesPage",
    "SamplingError",
    "SamplingPlan",
    "SavedState",
    "Score",
    "Scorer",
    "SequentialTest",
    "ScoringPlan",
    "SourceProblem",
    "Span",
    "StateSaved",
    "StepDone",
    "TRUSTING",
    "Table",
    "ThinkingMode",
    "ThinkingState",
    "Tier",
    "TinkerPath",
    "Trained",
    "Trainer",
    "TrainingError",
    "TrainingEvent",
    "TrainingJob",
    "TrainingRun",
    "TrainingTask",
    "Trust",
    "Usage",
    "WebPage",
    "Verdict",
    "ViewPage",
    "CompleteListing",
    "RECORDING_COLUMNS",
    "Contents",
    "Holds",
    "column_names",
    "contents_of",
    "SkippedRows",
    "Conversation",
    "UnusableRow",
    "read_conversation",
    "read_rows",
    "naming_column",
    "spelling",
    "usual_names",
    "__version__",
    "added",
    "as_written",
    "check_rendered",
    "digest",
    "endpoint_at",
    "find_identity_leaks",
    "find_invented_turns",
    "find_refusals",
    "hookimpl",
    "in_background",
    "inspect_state",
    "is_refusal",
    "register_secret",
    "short_list",
    "kind_from_name",
    "kind_from_path",
    "malformed_reply",
    "match_tinker_path",
    "name_from_uri",
    "names_given",
    "no_formulas",
    "open_private",
    "opened_by",
    "operational",
    "parse_json",
    "private_file",
    "private_folder",
    "read_examples",
    "read_json",
    "read_jsonl",
    "read_lines",
    "reading_reply",
    "redact",
    "SAMPLED_BY",
    "sampled_by",
    "ways_in_words",
    "MOST_WAYS",
    "interval_decimals",
    "three_digits",
    "repeated_share",
    "rows_that_fit",
    "same_model",
    "with_quoted_userinfo",
    "LabelledText",
    "distinct_texts",
    "folded_prompt",
    "neutral_texts",
    "read_texts",
]


def test_exactly_these_names_are_exported() -> None:
    assert sorted(charbench.__all__) == sorted(EXPORTED)


def test_every_exported_name_can_be_imported() -> None:
    assert all(getattr(charbench, name) is not None for name in charbench.__all__)
    assert dir(charbench) == charbench.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(charbench, "no_such_name")


def loaded_by(code: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after running ``code``."""
    script = f"{code}\nimport sys\nprint(*sorted(sys.modules), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script], env=clean_environment(), capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines())


def command(*words: str) -> str:
    """Return the code that runs one command and goes on."""
    return (
        f"import sys\nsys.argv = {['charbench', *words]}\nfrom charbench.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )


HEAVY = ("alembic", "httpx", "numpy", "openai", "pydantic", "rich", "sqlalchemy", "tinker", "yaml", "charbench_plugins")


def assert_light(modules: set[str]) -> None:
    assert not {name for name in modules if name.partition(".")[0] in HEAVY}


def test_import_charbench_imports_nothing_heavy() -> None:
    modules = loaded_by("import charbench")
    assert_light(modules)
    assert {name for name in modules if name.startswith("charbench")} == {"charbench"}


def test_help_imports_no_plugin_and_nothing_heavy() -> None:
    code = command("--help")
    modules = loaded_by(code)
    assert "charbench.cli" in modules
    assert_light(modules)


def test_version_imports_no_plugin_and_nothing_heavy() -> None:
    code = command("--version")
    assert_light(loaded_by(code))


def test_a_program_that_has_ended_leaves_python_no_objects_to_look_through() -> None:
    code = command("--version").replace("from charbench.cli import main", "from charbench.__main__ import main")
    assert "charbench.cli" in loaded_by(f"{code}\nimport gc\nassert len(gc.get_objects()) * 10 < gc.get_freeze_count()")


@pytest.mark.slow
def test_threads_of_linear_algebra_take_no_processor_time_while_they_have_nothing_to_do() -> None:
    code = command("--version").replace("from charbench.cli import main", "from charbench.__main__ import main")
    idle = "import time\nbefore = time.process_time()\ntime.sleep(0.2)\nassert time.process_time() - before < 0.03"
    assert "numpy" in loaded_by(f"{code}\nimport numpy\nnumpy.eye(300) @ numpy.eye(300)\n{idle}")


def test_a_waiting_time_of_such_threads_that_the_user_has_set_stays() -> None:
    code = command("--version").replace("from charbench.cli import main", "from charbench.__main__ import main")
    name = "OPENBLAS_THREAD_TIMEOUT"
    loaded_by(f"import os\nos.environ['{name}'] = '20'\n{code}\nassert os.environ['{name}'] == '20'")


@pytest.mark.slow
def test_who_calls_the_command_line_as_a_library_keeps_no_memory() -> None:
    code = f"import gc\nbefore = gc.get_freeze_count()\n{command('personas', 'list')}\n"
    assert "charbench.cli" in loaded_by(f"{code}assert gc.get_freeze_count() == before")


@pytest.mark.slow
def test_listing_plugins_imports_no_sdk() -> None:
    code = command("plugins", "list")
    modules = loaded_by(code)
    assert "charbench_plugins.sources.logs" in modules
    assert not {"openai", "tinker", "torch", "transformers"} & modules


@pytest.mark.slow
def test_loading_plugins_builds_no_checks_of_options_that_nobody_gave() -> None:
    code = command("plugins", "list") + "\nfrom charbench import Component\nassert built(Component) == set()"
    built = (
        "def built(base):\n    mine = {base.__name__} if base.Config.__pydantic_complete__ else set()\n"
        "    return mine.union(*map(built, base.__subclasses__()))\n"
    )
    assert "charbench_plugins.scorers.llm_judge.scorer" in loaded_by(built + code)


def test_the_help_of_a_command_imports_nothing_that_only_running_it_needs() -> None:
    code = "; ".join(
        [
            "import contextlib, io",
            "from charbench.cli import COMMANDS, execute",
            "told = contextlib.redirect_stdout(io.StringIO())",
            "told.__enter__()",
            "assert not any(execute([name, '--help']) for name in COMMANDS)",
            "assert not execute(['personas', 'list', '--help'])",
            "told.__exit__(None, None, None)",
        ]
    )
    modules = loaded_by(code)
    assert "charbench.cli.run" in modules
    assert_light(modules)


@pytest.mark.slow
@pytest.mark.parametrize("listed", ["plugins", "personas"])
def test_lists_that_read_no_store_import_nothing_that_reads_one(listed: str) -> None:
    loaded = {name.partition(".")[0] for name in loaded_by(command(listed, "list"))}
    assert "pluggy" in loaded
    assert not {"alembic", "jinja2", "numpy", "scipy", "sqlalchemy"} & loaded


@pytest.mark.slow
def test_reading_a_store_imports_no_numbers_no_migrations_and_no_other_database(studio_known_template: Path) -> None:
    modules = loaded_by(command("status", "--lab", str(studio_known_template)))
    assert "sqlalchemy.dialects.sqlite" in modules
    assert not {"alembic", "charbench_plugins", "jinja2", "numpy", "scipy"} & {one.partition(".")[0] for one in modules}
    assert "sqlalchemy.dialects.postgresql" not in modules


@pytest.mark.slow
def test_a_report_as_a_table_loads_nothing_that_makes_samples_games_or_pages(studio_known_template: Path) -> None:
    modules = loaded_by(command("report", "--lab", str(studio_known_template)))
    assert "charbench.report.pairwise.contests" in modules
    makers = {"charbench.store.samples", "charbench.store.games", "charbench.components.web_page", "jinja2", "scipy"}
    assert not makers & modules


@pytest.mark.slow
def test_an_evaluation_loads_nothing_that_discovers_trains_or_estimates(studio_known: Path) -> None:
    lab = str(studio_known)
    modules = loaded_by(command("eval", "--lab", lab, "-c", "*", "--sampler", "recorded", "--scorer", "keyword"))
    assert {"charbench.run.evaluate", "charbench.scoring.stage"} <= modules
    others = {"charbench.discovery.stage", "charbench.training.stage", "charbench.run.dry_sampling"}
    assert not others & modules


@pytest.mark.slow
def test_asking_a_model_loads_none_of_the_models_of_replies_that_the_client_would_build() -> None:
    modules = loaded_by("from charbench.model_client.http_client import load_client\nload_client()")
    assert "openai._client" in modules
    assert not {"openai.types.batch", "openai.types.responses.response", "openai.types.graders"} & modules


def test_an_interval_loads_no_more_of_scipy_than_its_functions() -> None:
    modules = loaded_by("from charbench.analysis.distributions import student_quantile\nstudent_quantile(0.975, 9)")
    assert "scipy.special._ufuncs" in modules
    assert "scipy.special._basic" not in modules, "the package around them was run"
