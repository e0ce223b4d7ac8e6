"""Stage results come back exactly as they were kept, or not at all."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.geometry.camera import camera_from_fov
from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline.store import StageResult, StageStore
from kinema.provenance import StageRecord


def some_motion(people: int, frames: int, seed: int, *, placed: bool) -> Motion:
    noise = np.random.default_rng(seed)
    camera = camera_from_fov(640, 480)
    if placed:
        camera = camera.replace(rotation=np.eye(3), translation=noise.normal(size=3), moving=bool(seed % 2))
    keypoints = noise.normal(size=(frames, 33, 2))
    keypoints[noise.random((frames, 33)) < 0.3] = np.nan
    persons = tuple(
        Person(
            id=3 * i + 1,
            frames=np.sort(noise.choice(frames + 5, frames, replace=False)),
            observed=noise.random(frames) < 0.5,
            keypoint_set="blazepose33",
            keypoints=keypoints,
            keypoint_confidence=noise.random((frames, 33)),
            pose=noise.normal(size=(frames, 72)),
            contacts=noise.random((frames, 4)) < 0.5,
        )
        for i in range(people)
    )
    record = StageRecord("track", "0.1", {"a": [1, None, "ä"]}, {"net": "ab"})
    times = np.cumsum(noise.uniform(0.01, 0.05, frames + 5))
    return Motion(
        times=times, width=640, height=480, people=persons, camera=camera, source="clip ä.mp4", body_model="free",
        provenance=(record,),
    )  # fmt: skip


def assert_same(a: Motion, b: Motion) -> None:
    for field in dataclasses.fields(Motion):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if field.name == "people":
            assert len(x) == len(y)
            for p, q in zip(x, y, strict=True):
                _assert_fields_same(p, q)
        elif field.name == "camera" and x is not None:
            _assert_fields_same(x, y)
        elif isinstance(x, np.ndarray):
            np.testing.assert_array_equal(x, y)
        else:
            assert x == y


def _assert_fields_same(a, b) -> None:
    for field in dataclasses.fields(a):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if isinstance(x, np.ndarray):
            np.testing.assert_array_equal(x, y)
            assert x.dtype == y.dtype
        else:
            assert x == y


@given(people=st.integers(0, 3), frames=st.integers(1, 6), seed=st.integers(0, 99), placed=st.booleans())
def test_a_motion_comes_back_exactly(tmp_path_factory, people, frames, seed, placed):
    store = StageStore(tmp_path_factory.mktemp("run"))
    kept = StageResult(some_motion(people, frames, seed, placed=placed), 1.25, ("the video ends early",))
    store.keep("fit", "k" * 64, kept)
    found = store.find("fit", "k" * 64)
    assert (found.seconds, found.warnings) == (1.25, ("the video ends early",))
    assert_same(found.motion, kept.motion)


def test_another_key_or_stage_finds_nothing(tmp_path):
    store = StageStore(tmp_path)
    store.keep("fit", "a" * 64, StageResult(some_motion(1, 3, 0, placed=False), 1.0))
    assert store.find("fit", "b" * 64) is None
    assert store.find("track", "a" * 64) is None


def test_a_sibling_lends_its_results(tmp_path):
    StageStore(tmp_path / "one").keep("fit", "a" * 64, StageResult(some_motion(1, 3, 0, placed=False), 1.0))
    assert StageStore(tmp_path / "two").find("fit", "a" * 64) is None
    assert StageStore(tmp_path / "two", [tmp_path / "one"]).find("fit", "a" * 64) is not None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\x80\x04cposix\nsystem\n."])
def test_a_damaged_file_counts_as_absent(tmp_path, content):
    store = StageStore(tmp_path)
    store.keep("fit", "a" * 64, StageResult(some_motion(1, 3, 0, placed=False), 1.0))
    (file,) = store.folder.iterdir()
    file.write_bytes(content)
    assert store.find("fit", "a" * 64) is None


def test_forget_removes_one_stage(tmp_path):
    store = StageStore(tmp_path)
    for stage in ("fit", "filter"):
        store.keep(stage, "a" * 64, StageResult(some_motion(1, 3, 0, placed=False), 1.0))
    store.forget("filter")
    assert [file.name.split("-")[0] for file in store.folder.iterdir()] == ["fit"]


def test_what_a_stage_has_done_so_far_is_replaced_whole_and_forgotten(tmp_path):
    partial = StageStore(tmp_path).partial("track", "a" * 64)
    assert partial.load() is None
    for count in (3, 5):
        partial.save({"about": np.array("text"), "rows": np.arange(count)})
    loaded = partial.load()
    assert str(loaded["about"]) == "text"
    np.testing.assert_array_equal(loaded["rows"], np.arange(5))
    assert len(list(partial.path.parent.iterdir())) == 1
    partial.forget()
    partial.forget()
    assert partial.load() is None
