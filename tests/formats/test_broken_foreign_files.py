"""Ambiguous, hostile and broken files of other systems: refused in one sentence, and never executed."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest

from kinema.errors import InputError, KinemaError, UnsafeFileError
from kinema.formats import load_motion
from tests.helpers.foreign_samples import (
    SAMPLES,
    aistpp,
    amass,
    gvhmr,
    pare,
    small_pose,
    video2pkl,
    write_npz,
    write_pkl,
    write_sample,
)


def test_ambiguous_files_are_refused_until_the_format_is_named(tmp_path):
    content = pare()
    content[2]["global_orient"] = small_pose()[:, :3]
    path = write_pkl(content, tmp_path / "a.pkl")
    with pytest.raises(InputError, match=r"could be a file of pare or video2pkl; set `format`"):
        load_motion(path)
    assert load_motion(path, format="pare").provenance[0].name == "read.pare"
    assert load_motion(path, format="video2pkl").provenance[0].name == "read.video2pkl"


class Attack:
    def __init__(self, marker, how="system"):
        self.marker, self.how = str(marker), how

    def __reduce__(self):
        import builtins
        import os
        import subprocess

        calls = {
            "system": (os.system, (f"touch {self.marker}",)),
            "popen": (subprocess.Popen, (["touch", self.marker],)),
            "eval": (builtins.eval, (f"open({self.marker!r}, 'w')",)),
            "open": (builtins.open, (self.marker, "w")),
            "getattr": (builtins.getattr, ("harmless", "upper")),
        }
        return calls[self.how]


def leaves(value, path=()):
    """Key paths of the arrays in nested containers."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in items:
        if isinstance(entry, (dict, list)):
            yield from leaves(entry, (*path, key))
        elif isinstance(entry, np.ndarray) and entry.dtype.kind == "f" and entry.ndim:
            yield (*path, key)


def put(content, path, value):
    for key in path[:-1]:
        content = content[key]
    content[path[-1]] = value


def get(content, path):
    for key in path:
        content = content[key]
    return content


def unwrapped(name, content):
    """The nested dict that holds the arrays (ROMP wraps it in an object array)."""
    return content["results"].item() if name == "romp" else content


IGNORED = {
    "verts", "betas_per_frame", "smpl_loss", "visible", "conf", "center_confs", "joints2d", "pose_hand",
    "poses2D", "kp2d", "bboxes",
}  # fmt: skip


def hostile(name, marker):
    """(label, contents) of broken files of one format."""
    make = SAMPLES[name][0]
    places = [p for p in leaves(unwrapped(name, make())) if IGNORED.isdisjoint(p)]
    chosen = places[:: max(1, len(places) // 6)][:6]
    for place in chosen:
        old = get(unwrapped(name, make()), place)
        broken = {
            "nan": np.full_like(old, np.nan),
            "wrong shape": np.zeros((*old.shape, 2)),
            "text": np.array(["a", "b"]),
            "objects": np.array([{}, []], dtype=object),
        }
        for label, value in broken.items():
            content = copy.deepcopy(make())
            put(unwrapped(name, content), place, value)
            yield f"{label} in {place[-1]}", content
    for how in ("system", "popen", "eval", "open", "getattr"):
        content = copy.deepcopy(make())
        put(unwrapped(name, content), places[0], Attack(marker, how))
        yield f"attack by {how}", content


def complaint(path, **given):
    """Kinema's error for a file, None if it can be read; any other exception fails the test."""
    try:
        load_motion(path, **given)
    except KinemaError as error:
        return error
    return None


@pytest.mark.parametrize("name", SAMPLES)
def test_hostile_contents(tmp_path, name):
    """For each: nothing is executed, and the error is one sentence of the right type."""
    marker = tmp_path / "ran"
    count = 0
    for label, content in hostile(name, marker):
        path = write_sample(name, tmp_path, content)
        count += 1
        error = complaint(path)
        assert error is not None, f"{name}: {label} was read as if it were valid"
        assert isinstance(error, UnsafeFileError) == ("attack" in label), (label, error)
        assert "\n" not in str(error)
        assert len(str(error)) < 600
    assert not marker.exists()
    assert count >= 17


@pytest.mark.parametrize("named", SAMPLES)
@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_read_in_the_format_of_another(tmp_path, name, named):
    """`--from gvhmr` for a file of PARE: read by the keys they share, or refused in one sentence with its name."""
    path = write_sample(name, tmp_path)
    error = complaint(path, format=named)
    assert error is None or str(path) in str(error)
    assert error is not None or {name, named} <= {"pare", "video2pkl", "wham"} or name == named


def test_the_wrong_named_format_is_said(tmp_path):
    path = write_sample("pare", tmp_path)
    with pytest.raises(InputError, match=r"file\.pkl is not a file of gvhmr \(it holds 2\); leave out `format`"):
        load_motion(path, format="gvhmr")


def test_a_pickle_called_npz_is_said(tmp_path):
    path = write_sample("pare", tmp_path)
    renamed = path.rename(tmp_path / "file.npz")
    with pytest.raises(InputError, match=r"file\.npz is a pickle, not an \.npz; rename it to \.pkl"):
        load_motion(renamed)


@pytest.mark.parametrize("name", SAMPLES)
def test_truncated_and_scrambled_bytes(tmp_path, name):
    path = write_sample(name, tmp_path)
    data = path.read_bytes()
    random = np.random.default_rng(0)
    for size in np.linspace(1, len(data) - 1, 12).astype(int):
        path.write_bytes(data[:size])
        with pytest.raises(KinemaError) as caught:
            load_motion(path)
        assert "\n" not in str(caught.value)
    for _ in range(12):
        broken = bytearray(data)
        for place in random.integers(0, len(data), size=6):
            broken[place] = random.integers(0, 256)
        path.write_bytes(bytes(broken))
        assert "\n" not in str(complaint(path))  # a byte inside a number may also pass


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({1: {"pose": np.zeros((5, 72)), "trans": np.zeros((4, 3))}}, r"trans has shape \(4, 3\), expected \(5, 3\)"),
        ({1: {"pose": np.zeros((5, 70)), "trans": np.zeros((5, 3))}}, r"pose has shape \(5, 70\)"),
        ({"x": {"pose": np.zeros((5, 72)), "trans": np.zeros((5, 3))}}, "'x' is not a track id"),
        ({1: {**video2pkl()[1], "frame_ids": np.array([-5, 0, 1, 2, 3, 4])}}, "frame_ids must lie between 0"),
        ({1: {**video2pkl()[1], "frame_ids": np.array([0, 1, 2, 3, 4, 10**15])}}, "frame_ids must lie between 0"),
        ({1: {**video2pkl()[1], "frame_ids": np.array([0, 1, 2, 2, 3, 4])}}, "strictly increasing"),
        ({1: {**video2pkl()[1], "frame_ids": np.arange(3)}}, "frame_ids has 3 entries, the pose 6 frames"),
        ({2: {**pare()[2], "pose": -np.tile(np.eye(3), (6, 24, 1, 1))}}, "not a rotation"),
        ({2: {**pare()[2], "pose": 7 * np.tile(np.eye(3), (6, 24, 1, 1))}}, "not a rotation"),
        ({2: {**pare()[2], "pred_cam": pare()[2]["pred_cam"] * [[-1], [1], [1], [1], [1], [1]]}}, "positive scales"),
        ({**aistpp(), "smpl_scaling": np.array([0.0])}, "smpl_scaling must be positive"),
        ({**gvhmr(), "K_fullimg": np.zeros((6, 3, 3))}, "centre of K_fullimg must be positive"),
        (nested(5), "not a motion file that Kinema knows"),
    ],
)
def test_broken_pickles_say_what_is_wrong(tmp_path, content, match):
    with pytest.raises(KinemaError) as caught:
        load_motion(write_pkl(content, tmp_path / "a.pkl"))
    assert re.search(match, str(caught.value)), caught.value
    assert "\n" not in str(caught.value)


def test_deeply_nested_pickles_are_refused_in_one_sentence(tmp_path):
    path = tmp_path / "deep.pkl"
    path.write_bytes(b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b".")
    with pytest.raises(KinemaError) as caught:
        load_motion(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"poses": np.zeros((6, 100))}, "poses has 100 columns"),
        ({"mocap_frame_rate": np.array(0.0)}, "mocap_frame_rate must be positive"),
        ({"mocap_frame_rate": np.array([1.0, 2.0])}, "must be one number"),
        ({"mocap_frame_rate": None}, "lacks mocap_frame_rate"),
        ({"trans": np.zeros((5, 3))}, r"trans has shape \(5, 3\)"),
    ],
)
def test_broken_amass_says_what_is_wrong(tmp_path, changes, match):
    content = {key: value for key, value in {**amass(), **changes}.items() if value is not None}
    with pytest.raises(InputError, match=match):
        load_motion(write_npz(content, tmp_path / "a.npz"))
