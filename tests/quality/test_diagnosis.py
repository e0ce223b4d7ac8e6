"""Diagnosis: the contents of a file, the type of motion, and the plot."""

from __future__ import annotations

import builtins
import json
import pickle

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import UsageError
from kinema.formats import save_motion
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality.diagnosis import describe_contents, diagnose_file
from kinema.quality.motion_type import motion_type
from kinema.quality.trajectory import trajectory_of
from kinema.quality.validation import validate_motion


def path_of(kind: str, times: np.ndarray) -> np.ndarray:
    """Positions (F,2) on the ground of somebody walking at about 1 m/s."""
    if kind == "STATIONARY":
        return 0.05 * np.stack([np.sin(2 * times), np.cos(3 * times)], axis=1)
    if kind == "PROGRESSING":
        return np.stack([times, 0.3 * np.sin(times)], axis=1)
    if kind == "LOOPING":
        return 1.2 * np.stack([np.cos(times), np.sin(times)], axis=1)
    if kind == "OSCILLATING":
        return np.stack([1.5 * np.sin(0.8 * times), 0.02 * np.cos(times)], axis=1)
    # A bent path: straight out, then half of it back at an angle.
    out = np.minimum(times, 5.0)
    back = np.maximum(times - 5.0, 0.0)
    return np.stack([out - 0.9 * back, 0.35 * back], axis=1)


def walker(ground: np.ndarray, times: np.ndarray, bob: float = 0.0) -> Motion:
    joints = np.random.default_rng(0).normal(0, 0.2, (24, 3)) + np.zeros((len(times), 1, 3))
    joints[:, 0] = 0
    joints = joints + np.stack([ground[:, 0], 1 + bob * np.sin(12 * times), ground[:, 1]], axis=1)[:, None]
    person = Person(id=1, frames=np.arange(len(times)), joints_world=joints)
    return Motion(times=times, width=0, height=0, people=(person,))


def kind_of(motion: Motion) -> str:
    found = motion_type(trajectory_of(motion, motion.people[0]))
    assert found is not None
    return found.kind


def test_an_endless_frame_rate_is_described_and_refused(tmp_path):
    content = {1: {"frame_ids": [0], "pose": np.zeros((1, 72)), "trans": np.zeros((1, 3)), "fps": 10**10000}}
    path = tmp_path / "endless.pkl"
    path.write_bytes(pickle.dumps(content))
    json.dumps(diagnose_file(path).to_dict())
    assert describe_contents({"fps": 10**10000})[0]["value"] == "an integer of 33220 bits"


def test_a_pause_is_a_gap_though_no_frame_number_is_missing(tmp_path):
    times = np.arange(30) / 30 + np.where(np.arange(30) >= 10, 2.0, 0.0)
    people = diagnose_file(save_motion(walker(path_of("PROGRESSING", times), times), tmp_path / "a.pkl")).people
    assert people[0]["missing_frames"] == 60


@pytest.mark.parametrize("count", range(1, 12))
def test_somebody_who_stands_still_is_stationary(tmp_path, count):
    motion = walker(np.zeros((count, 2)), np.arange(count) / 30)
    assert kind_of(motion) == "STATIONARY"
    people = diagnose_file(save_motion(motion, tmp_path / "still.pkl")).people
    assert people[0]["motion_type"]["kind"] == "STATIONARY"


@pytest.mark.parametrize("kind", ["STATIONARY", "PROGRESSING", "LOOPING", "OSCILLATING", "MIXED"])
@pytest.mark.parametrize("fps", [8.0, 30.0, 120.0])
def test_motion_types_are_recognised_at_any_frame_rate(kind, fps):
    seconds = 8.0 if kind == "MIXED" else 12.0
    times = np.arange(round(seconds * fps)) / fps
    assert kind_of(walker(path_of(kind, times), times)) == kind


@pytest.mark.parametrize("kind", ["STATIONARY", "PROGRESSING", "LOOPING", "OSCILLATING"])
def test_noise_and_bobbing_do_not_change_the_motion_type(kind):
    times = np.arange(360) / 30
    ground = path_of(kind, times) + np.random.default_rng(1).normal(0, 0.02, (360, 2))
    assert kind_of(walker(ground, times, bob=0.3)) == kind


@given(turn=st.floats(0, 6.28), x=st.floats(-50, 50), z=st.floats(-50, 50))
def test_position_and_heading_do_not_matter(turn, x, z):
    times = np.arange(240) / 30
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    for kind in ("PROGRESSING", "LOOPING", "OSCILLATING"):
        assert kind_of(walker(path_of(kind, times) @ rotation.T + [x, z], times)) == kind


def test_reversals_and_turns_are_counted():
    times = np.arange(600) / 30
    loop = walker(path_of("LOOPING", times), times)
    assert motion_type(trajectory_of(loop, loop.people[0])).turns == pytest.approx(20 / (2 * np.pi), abs=0.15)
    line = walker(path_of("OSCILLATING", times), times)
    assert motion_type(trajectory_of(line, line.people[0])).reversals == 5


@pytest.fixture
def walk_file(walk, tmp_path):
    return save_motion(walk, tmp_path / "walk.pkl")


def test_a_file_is_described(walk, walk_file):
    diagnosis = diagnose_file(walk_file)
    plain = json.loads(json.dumps(diagnosis.to_dict()))
    assert plain["format"] == "kinema-pkl"
    assert plain["fps"] == pytest.approx(30)
    assert plain["constant_rate"]
    pose = next(entry for entry in plain["contents"] if entry["name"] == "1.pose")
    assert pose["shape"] == [walk.num_frames, 72]
    person = plain["people"][0]
    assert person["fields"]["transl_world"]["unit"] == "m, world"
    assert person["missing_frames"] == 0
    assert person["verdict"] == "PASS"
    assert 0.7 < person["skeleton"]["leg_metres"] < 0.95
    assert person["frame_of_reference"] == "world"


def test_gaps_and_uneven_times_are_reported(walk, tmp_path):
    keep = np.r_[0:50, 60 : walk.num_frames]
    uneven = walk.times + 0.01 * (np.arange(walk.num_frames) % 2)
    path = save_motion(walk.replace(people=(walk.people[0].select(keep),), times=uneven), tmp_path / "gap.pkl")
    plain = diagnose_file(path).to_dict()
    assert plain["people"][0]["missing_frames"] == 10
    assert not plain["constant_rate"]


def test_readers_notes_are_shown(tmp_path):
    rng = np.random.default_rng(0)
    person = {"pose": rng.normal(0, 0.1, (9, 72)), "trans": rng.normal(0, 1, (9, 3)), "betas": np.zeros((9, 10)),
              "global_orient": np.zeros((9, 3))}  # fmt: skip
    path = tmp_path / "video2pkl.pkl"
    path.write_bytes(pickle.dumps({1: person}))
    diagnosis = diagnose_file(path, profile="video2pkl")
    assert any("30 frames a second are assumed" in note for note in diagnosis.to_dict()["notes"])
    assert diagnosis.people[0]["motion_type"]["motion_type"] in ("OSCILLATING", "MIXED", "PROGRESSING")
    assert diagnosis.validation.profile == "video2pkl"
    assert diagnose_file(path, profile="fork").to_dict() == diagnosis.to_dict()


def test_entries_of_any_kind_are_described():
    entries = describe_contents({1: {"a": np.array([1.0, np.nan]), "b": "x" * 500, "c": [1, 2]}, "d": None, "e\n": 3})
    by_name = {entry["name"]: entry for entry in entries}
    assert by_name["1.a"]["not_finite"] == 1
    assert len(by_name["1.b"]["value"]) == 60
    assert by_name["1.c"] == {"name": "1.c", "kind": "list", "length": 2}
    assert "e?" in by_name


def test_the_plot_is_drawn(walk, tmp_path):
    pytest.importorskip("matplotlib")
    from kinema.visualization.diagnosis_plot import plot

    second = walk.people[0].replace(id=2, joints_world=None, transl_world=None, pose_world=None, contacts=None)
    motion = walk.replace(people=(*walk.people, second.select(np.r_[0:100, 200:300])))
    path = plot(validate_motion(motion), tmp_path / "walk.png")
    image = cv2.imread(str(path))[..., ::-1]
    assert image.shape[0] > 900
    # Both people's colours are in it, on a white background.
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):
        assert np.all(image == colour, axis=-1).sum() > 200
    assert (image == 255).all(axis=-1).mean() > 0.6
    with pytest.raises(UsageError, match="cannot save a plot"):
        plot(validate_motion(motion), tmp_path / "walk.txt")


def test_the_plot_says_nothing_on_stderr_and_writes_no_label_over_another(walk, tmp_path, caplog, monkeypatch):
    """Head and trunk have one limit; matplotlib complains of limits that the equal aspect has to widen."""
    pytest.importorskip("matplotlib")
    from matplotlib.axes import Axes

    from kinema.visualization.diagnosis_plot import plot

    labels = []
    write = Axes.text
    monkeypatch.setattr(
        Axes, "text", lambda self, x, y, s, *args, **how: labels.append((y, s)) or write(self, x, y, s, *args, **how)
    )
    plot(validate_motion(walk), tmp_path / "walk.png")
    assert not caplog.records
    heights = [round(y, 2) for y, _ in labels]
    assert len(heights) == len(set(heights)) == 3
    assert any(label.startswith("head, trunk ") for _, label in labels)


def test_without_matplotlib_the_error_names_what_to_install(walk, tmp_path, monkeypatch):
    from kinema.visualization.diagnosis_plot import plot

    real = builtins.__import__

    def no_matplotlib(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_matplotlib)
    with pytest.raises(UsageError, match=r"kinema\[plot\]"):
        plot(validate_motion(walk), tmp_path / "walk.png")
