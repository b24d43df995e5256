"""What a plugin author imports, and nothing else.

Names are loaded when they are first used, so that ``import charbench`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charbench.analysis.sequential import SequentialTest as SequentialTest
    from charbench.components.base import Component as Component
    from charbench.components.base import added as added
    from charbench.components.base import operational as operational
    from charbench.components.check_result import CheckResult as CheckResult
    from charbench.components.control_items import ControlResult as ControlResult
    from charbench.components.endpoint import DefaultEndpoint as DefaultEndpoint
    from charbench.components.endpoint import Endpoint as Endpoint
    from charbench.components.endpoint import KeySource as KeySource
    from charbench.components.endpoint import endpoint_at as endpoint_at
    from charbench.components.endpoint import with_quoted_userinfo as with_quoted_userinfo
    from charbench.components.generation import DelimitersConfig as DelimitersConfig
    from charbench.components.generation import EndpointConfig as EndpointConfig
    from charbench.components.generation import GenerationConfig as GenerationConfig
    from charbench.components.generation import ThinkingMode as ThinkingMode
    from charbench.components.lab_file import LabFile as LabFile
    from charbench.components.lab_path import LabPath as LabPath
    from charbench.components.limits import Limits as Limits
    from charbench.components.limits import LimitsConfig as LimitsConfig
    from charbench.components.pair_scorer import PairScorer as PairScorer
    from charbench.components.perturbation import Perturbation as Perturbation
    from charbench.components.replies import malformed_reply as malformed_reply
    from charbench.components.replies import reading_reply as reading_reply
    from charbench.components.reporter import ExportedSamples as ExportedSamples
    from charbench.components.reporter import ExportedTable as ExportedTable
    from charbench.components.reporter import ReportContent as ReportContent
    from charbench.components.reporter import Reporter as Reporter
    from charbench.components.sampler import Sampler as Sampler
    from charbench.components.sampler import SampleRequest as SampleRequest
    from charbench.components.sampler import SamplingPlan as SamplingPlan
    from charbench.components.scorer import ExpectedCall as ExpectedCall
    from charbench.components.scorer import Scorer as Scorer
    from charbench.components.scorer import ScoringPlan as ScoringPlan
    from charbench.components.source import CheckpointSource as CheckpointSource
    from charbench.components.source import Finding as Finding
    from charbench.components.source import Lab as Lab
    from charbench.components.trainer import Note as Note
    from charbench.components.trainer import SavedState as SavedState
    from charbench.components.trainer import StateSaved as StateSaved
    from charbench.components.trainer import StepDone as StepDone
    from charbench.components.trainer import Trained as Trained
    from charbench.components.trainer import Trainer as Trainer
    from charbench.components.trainer import TrainingEvent as TrainingEvent
    from charbench.components.trainer import TrainingTask as TrainingTask
    from charbench.components.trust import TRUSTING as TRUSTING
    from charbench.components.trust import Trust as Trust
    from charbench.components.web_page import LivePage as LivePage
    from charbench.components.web_page import PageLink as PageLink
    from charbench.components.web_page import ReportPage as ReportPage
    from charbench.components.web_page import SamplePage as SamplePage
    from charbench.components.web_page import SamplesPage as SamplesPage
    from charbench.components.web_page import ViewPage as ViewPage
    from charbench.components.web_page import WebPage as WebPage
    from charbench.concurrency.retry import RetryPolicy as RetryPolicy
    from charbench.concurrency.threads import in_background as in_background
    from charbench.config.private_files import open_private as open_private
    from charbench.config.private_files import private_file as private_file
    from charbench.config.private_files import private_folder as private_folder
    from charbench.datasets.contents import RECORDING_COLUMNS as RECORDING_COLUMNS
    from charbench.datasets.contents import Contents as Contents
    from charbench.datasets.contents import Holds as Holds
    from charbench.datasets.contents import column_names as column_names
    from charbench.datasets.contents import contents_of as contents_of
    from charbench.datasets.contents import naming_column as naming_column
    from charbench.datasets.contents import spelling as spelling
    from charbench.datasets.contents import usual_names as usual_names
    from charbench.datasets.forms import Example as Example
    from charbench.datasets.forms import SkippedRows as SkippedRows
    from charbench.datasets.forms import read_examples as read_examples
    from charbench.datasets.rendering import check_rendered as check_rendered
    from charbench.datasets.rendering import rows_that_fit as rows_that_fit
    from charbench.datasets.texts import LabelledText as LabelledText
    from charbench.datasets.texts import distinct_texts as distinct_texts
    from charbench.datasets.texts import folded_prompt as folded_prompt
    from charbench.datasets.texts import neutral_texts as neutral_texts
    from charbench.datasets.texts import read_texts as read_texts
    from charbench.datasets.turns import Conversation as Conversation
    from charbench.datasets.turns import UnusableRow as UnusableRow
    from charbench.datasets.turns import read_conversation as read_conversation
    from charbench.domain.checkpoint import Checkpoint as Checkpoint
    from charbench.domain.checkpoint import CompleteListing as CompleteListing
    from charbench.domain.checkpoint import Evidence as Evidence
    from charbench.domain.checkpoint import Kind as Kind
    from charbench.domain.checkpoint import Lineage as Lineage
    from charbench.domain.checkpoint import name_from_uri as name_from_uri
    from charbench.domain.comparison import Comparison as Comparison
    from charbench.domain.comparison import Verdict as Verdict
    from charbench.domain.dataset import Dataset as Dataset
    from charbench.domain.dataset import JobStatus as JobStatus
    from charbench.domain.dataset import RecordedFile as RecordedFile
    from charbench.domain.dataset import RecordedSample as RecordedSample
    from charbench.domain.dataset import RunState as RunState
    from charbench.domain.dataset import SourceProblem as SourceProblem
    from charbench.domain.dataset import TrainingJob as TrainingJob
    from charbench.domain.dataset import TrainingRun as TrainingRun
    from charbench.domain.keys import digest as digest
    from charbench.domain.measurement import Measurement as Measurement
    from charbench.domain.names import kind_from_name as kind_from_name
    from charbench.domain.names import kind_from_path as kind_from_path
    from charbench.domain.names import same_model as same_model
    from charbench.domain.persona import ControlText as ControlText
    from charbench.domain.persona import GoldAnswer as GoldAnswer
    from charbench.domain.persona import Marker as Marker
    from charbench.domain.persona import MarkerForm as MarkerForm
    from charbench.domain.persona import Persona as Persona
    from charbench.domain.persona import Tier as Tier
    from charbench.domain.prompt import Message as Message
    from charbench.domain.prompt import Prompt as Prompt
    from charbench.domain.sample import Channel as Channel
    from charbench.domain.sample import Completion as Completion
    from charbench.domain.sample import Failure as Failure
    from charbench.domain.sample import Provenance as Provenance
    from charbench.domain.sample import Sample as Sample
    from charbench.domain.sample import ThinkingState as ThinkingState
    from charbench.domain.sample import Usage as Usage
    from charbench.domain.sample_columns import LAB_COLUMNS as LAB_COLUMNS
    from charbench.domain.sample_columns import OWN_COLUMNS as OWN_COLUMNS
    from charbench.domain.sample_columns import ColumnKind as ColumnKind
    from charbench.domain.sampled_by import MOST_WAYS as MOST_WAYS
    from charbench.domain.sampled_by import SAMPLED_BY as SAMPLED_BY
    from charbench.domain.sampled_by import sampled_by as sampled_by
    from charbench.domain.sampled_by import ways_in_words as ways_in_words
    from charbench.domain.score import Metric as Metric
    from charbench.domain.score import Score as Score
    from charbench.domain.score import Span as Span
    from charbench.domain.table import Table as Table
    from charbench.domain.thinking import opened_by as opened_by
    from charbench.domain.uris import TinkerPath as TinkerPath
    from charbench.domain.uris import match_tinker_path as match_tinker_path
    from charbench.errors import CharbenchError as CharbenchError
    from charbench.errors import ConfigError as ConfigError
    from charbench.errors import DataError as DataError
    from charbench.errors import DeadlineError as DeadlineError
    from charbench.errors import NotSetUpError as NotSetUpError
    from charbench.errors import RefusedError as RefusedError
    from charbench.errors import SamplingError as SamplingError
    from charbench.errors import TrainingError as TrainingError
    from charbench.inspect import inspect_state as inspect_state
    from charbench.model_client.cache import AnswerCache as AnswerCache
    from charbench.model_client.cache import ModelAnswer as ModelAnswer
    from charbench.model_client.client import ModelClient as ModelClient
    from charbench.model_client.fence import Fence as Fence
    from charbench.model_client.options import ModelClientConfig as ModelClientConfig
    from charbench.model_client.structured import MalformedAnswerError as MalformedAnswerError
    from charbench.plugins.hookspecs import API_VERSION as API_VERSION
    from charbench.plugins.hookspecs import hookimpl as hookimpl
    from charbench.text.bounded_files import FileFault as FileFault
    from charbench.text.bounded_files import JsonLine as JsonLine
    from charbench.text.bounded_files import ReadLimits as ReadLimits
    from charbench.text.bounded_files import parse_json as parse_json
    from charbench.text.bounded_files import read_json as read_json
    from charbench.text.bounded_files import read_jsonl as read_jsonl
    from charbench.text.bounded_files import read_lines as read_lines
    from charbench.text.enumeration import short_list as short_list
    from charbench.text.figures import interval_decimals as interval_decimals
    from charbench.text.figures import three_digits as three_digits
    from charbench.text.identity_leaks import find_identity_leaks as find_identity_leaks
    from charbench.text.identity_leaks import names_given as names_given
    from charbench.text.invented_turns import find_invented_turns as find_invented_turns
    from charbench.text.loops import LOOPS_FROM as LOOPS_FROM
    from charbench.text.loops import repeated_share as repeated_share
    from charbench.text.redaction import redact as redact
    from charbench.text.redaction import register_secret as register_secret
    from charbench.text.refusals import find_refusals as find_refusals
    from charbench.text.refusals import is_refusal as is_refusal
    from charbench.text.rows import read_rows as read_rows
    from charbench.text.spreadsheet import as_written as as_written
    from charbench.text.spreadsheet import no_formulas as no_formulas

_HOME = {
    "analysis.sequential": ["SequentialTest"],
    "components.base": ["Component", "added", "operational"],
    "components.check_result": ["CheckResult"],
    "components.control_items": ["ControlResult"],
    "components.endpoint": ["DefaultEndpoint", "Endpoint", "KeySource", "endpoint_at", "with_quoted_userinfo"],
    "components.generation": ["DelimitersConfig", "EndpointConfig", "GenerationConfig", "ThinkingMode"],
    "components.lab_file": ["LabFile"],
    "components.lab_path": ["LabPath"],
    "components.limits": ["Limits", "LimitsConfig"],
    "components.pair_scorer": ["PairScorer"],
    "components.perturbation": ["Perturbation"],
    "components.replies": ["malformed_reply", "reading_reply"],
    "components.reporter": ["ExportedSamples", "ExportedTable", "ReportContent", "Reporter"],
    "components.sampler": ["SampleRequest", "Sampler", "SamplingPlan"],
    "components.scorer": ["ExpectedCall", "Scorer", "ScoringPlan"],
    "components.source": ["CheckpointSource", "Finding", "Lab"],
    "components.trainer": [
        "Note",
        "SavedState",
        "StateSaved",
        "StepDone",
        "Trained",
        "Trainer",
        "TrainingEvent",
        "TrainingTask",
    ],
    "components.trust": ["TRUSTING", "Trust"],
    "components.web_page": ["LivePage", "PageLink", "ReportPage", "SamplePage", "SamplesPage", "ViewPage", "WebPage"],
    "concurrency.retry": ["RetryPolicy"],
    "concurrency.threads": ["in_background"],
    "config.private_files": ["open_private", "private_file", "private_folder"],
    "datasets.contents": [
        "Contents",
        "Holds",
        "RECORDING_COLUMNS",
        "column_names",
        "contents_of",
        "naming_column",
        "spelling",
        "usual_names",
    ],
    "datasets.texts": ["LabelledText", "distinct_texts", "folded_prompt", "neutral_texts", "read_texts"],
    "datasets.forms": ["Example", "SkippedRows", "read_examples"],
    "datasets.rendering": ["check_rendered", "rows_that_fit"],
    "datasets.turns": ["Conversation", "UnusableRow", "read_conversation"],
    "domain.checkpoint": ["Checkpoint", "Evidence", "Kind", "Lineage", "CompleteListing", "name_from_uri"],
    "domain.comparison": ["Comparison", "Verdict"],
    "domain.dataset": [
        "Dataset",
        "JobStatus",
        "RecordedFile",
        "RecordedSample",
        "RunState",
        "SourceProblem",
        "TrainingJob",
        "TrainingRun",
    ],
    "domain.keys": ["digest"],
    "domain.measurement": ["Measurement"],
    "domain.names": ["kind_from_name", "kind_from_path", "same_model"],
    "domain.persona": ["ControlText", "GoldAnswer", "Marker", "MarkerForm", "Persona", "Tier"],
    "domain.prompt": ["Message", "Prompt"],
    "domain.sample": ["Channel", "Completion", "Failure", "Provenance", "Sample", "ThinkingState", "Usage"],
    "domain.sample_columns": ["LAB_COLUMNS", "OWN_COLUMNS", "ColumnKind"],
    "domain.sampled_by": ["MOST_WAYS", "SAMPLED_BY", "sampled_by", "ways_in_words"],
    "domain.score": ["Metric", "Score", "Span"],
    "domain.table": ["Table"],
    "domain.thinking": ["opened_by"],
    "domain.uris": ["TinkerPath", "match_tinker_path"],
    "errors": [
        "CharbenchError",
        "ConfigError",
        "DataError",
        "DeadlineError",
        "NotSetUpError",
        "RefusedError",
        "SamplingError",
        "TrainingError",
    ],
    "inspect": ["inspect_state"],
    "model_client.cache": ["AnswerCache", "ModelAnswer"],
    "model_client.client": ["ModelClient"],
    "model_client.fence": ["Fence"],
    "model_client.options": ["ModelClientConfig"],
    "model_client.structured": ["MalformedAnswerError"],
    "plugins.hookspecs": ["API_VERSION", "hookimpl"],
    "text.rows": ["read_rows"],
    "text.bounded_files": [
        "FileFault",
        "JsonLine",
        "ReadLimits",
        "parse_json",
        "read_json",
        "read_jsonl",
        "read_lines",
    ],
    "text.enumeration": ["short_list"],
    "text.figures": ["interval_decimals", "three_digits"],
    "text.identity_leaks": ["find_identity_leaks", "names_given"],
    "text.invented_turns": ["find_invented_turns"],
    "text.loops": ["LOOPS_FROM", "repeated_share"],
    "text.redaction": ["register_secret", "redact"],
    "text.refusals": ["find_refusals", "is_refusal"],
    "text.spreadsheet": ["as_written", "no_formulas"],
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted([*_MODULE_OF, "__version__"])


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("charbench")
    if name in _MODULE_OF:
        return getattr(import_module(f"charbench.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module 'charbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
