"""The grammar of ``tinker://`` paths, and what a URI says about its use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import Checkpoint, TinkerPath, match_tinker_path, name_from_uri
from charbench.domain.uris import told_apart
from support.lab import sampler, uuid, weights

TINKER_RUNS = st.builds("{}{}".format, st.integers(1, 2**31).map(uuid), st.sampled_from(["", ":train:0", ":sample:17"]))
SKYRL_RUNS = st.integers(0, 2**32 - 1).map("model_{:08x}".format)
PATHS = st.builds(
    TinkerPath,
    TINKER_RUNS | SKYRL_RUNS,
    st.sampled_from(["weights", "sampler_weights", "external_weights"]),
    st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_.\-]{0,20}[A-Za-z0-9_])?", fullmatch=True),
)


@given(PATHS)
def test_a_path_is_read_back_from_its_text(path: TinkerPath) -> None:
    assert TinkerPath.parse(str(path)) == path


@given(PATHS, st.sampled_from([" ", "…", ")", '"', "'", ",", ". ", ".", ":", "/"]), st.text(" ,x", max_size=3))
def test_the_longest_path_at_the_start_of_a_text_is_found(path: TinkerPath, after: str, rest: str) -> None:
    text = f"{path}{after}"
    assert match_tinker_path(text) == path
    assert TinkerPath.parse(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tinker://",
        "tinker://run/weights/name",
        f"tinker://{uuid(1)}/weights/",
        f"tinker://{uuid(1)}/other/name",
        f"tinker://{uuid(1)[:-1]}/weights/name",
        f"tinker://{uuid(1)}:train/weights/name",
        f"tinker://{uuid(1)}/weights/.name",
        "tinker://model_0123abc/weights/name",
        "tinker://model_xxxxxxxx/weights/name",
        "tinker://model_0123abcd:train:0/weights/name",
        f"http://{uuid(1)}/weights/name",
        f"tinker://{uuid(1)}/weights/a/b",
        f" tinker://{uuid(1)}/weights/a",
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    assert TinkerPath.parse(text) is None


def test_training_continues_from_weights_and_samples_come_from_sampler_weights() -> None:
    training, sampling = Checkpoint(uri=weights(1, "a_dpo")), Checkpoint(uri=sampler(1, "a_dpo"))
    assert (training.trainable, training.sampleable) == (True, False)
    assert (sampling.trainable, sampling.sampleable) == (False, True)


def test_a_served_model_can_be_sampled_and_not_trained() -> None:
    served = Checkpoint(uri="model:my-model")
    assert (served.sampleable, served.trainable) == (True, False)


def test_a_checkpoint_is_called_by_its_uri_if_nobody_names_it() -> None:
    assert Checkpoint(uri=sampler(1, "a_dpo")).name == "a_dpo"
    assert Checkpoint(uri=sampler(1, "a_dpo"), name="mine").name == "mine"
    assert name_from_uri("file:/somewhere/adapter/") == "adapter"


@pytest.mark.parametrize(
    ("uris", "told"),
    [
        ([sampler(1, "final"), sampler(2, "final")], ["00000001", "00000002"]),
        ([sampler(1, "final"), sampler(1, "final").replace(":0", ":1")], ["00000001", "00000001:train:1"]),
        (["file:///lab/a/x/last", "file:///lab/b/x/last"], ["a", "b"]),
        (["file:///lab/a/x", "file:///lab/a/y", "file:///lab/b/x"], ["file:///lab/a/x", "y", "b"]),
        (["model:pirate", "model:pirate"], ["model:pirate", "model:pirate"]),
    ],
)
def test_checkpoints_of_one_name_are_told_apart_by_what_only_one_has(uris: list[str], told: list[str]) -> None:
    found = told_apart(uris)
    assert [found[uri] for uri in uris] == told
