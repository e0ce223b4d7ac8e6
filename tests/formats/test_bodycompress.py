"""BodyCompress files: points, uncertainties and the camera back where they were, people kept apart, bad files.

By a double of the library's published interface, and by the library itself where it is installed. Files hold
coordinates in steps of half a millimetre, so they come back within 0.3 mm.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import kinema
from kinema.__main__ import main
from kinema.body import load_body
from kinema.errors import InputError, KinemaError, UnsafeFileError, UsageError
from kinema.formats import infer_format, load_motion
from kinema.geometry.camera import project
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.person import LOCATED
from kinema.synthetic import procedural_motion, studio_camera
from tests.helpers import bodycompress_double

FRAMES, LEAVES = 24, 16
AWAY = np.array([1.5, 0.0, 0.5])
"""Metres, world: from the first person to the second, who leaves after frame `LEAVES`."""

CLOSE = 3e-4


@pytest.fixture(params=["double", "library"])
def library(request, monkeypatch):
    if request.param == "double":
        bodycompress_double.install(monkeypatch)
    else:
        pytest.importorskip("bodycompress", reason="bodycompress is not installed")
    return importlib.import_module("bodycompress")


@pytest.fixture(scope="module")
def truth():
    """joints (F,24,3) and some vertices (F,v,3), metres in the camera's frame, and the camera's turns and places."""
    body = load_body()
    motion = procedural_motion(body, "rounds", fps=10, camera=studio_camera(640, 480))
    person = motion.people[0].select(np.arange(FRAMES))
    turns = np.linspace(0, 0.1, FRAMES)[:, None] * [0, 1.0, 0]
    places = np.linspace(0, 0.3, FRAMES)[:, None] * [1.0, 0, 0]
    surface = body.vertices(person.pose, person.betas, person.transl)[:, ::100]
    joints = body.joints(person.pose, person.betas, person.transl)
    return {"joints": joints, "vertices": surface, "turns": turns, "places": places, "K": motion.camera.intrinsics}


def frames_of(truth):
    """What the pipeline would append, frame by frame; the order of the people changes all the time."""
    for i in range(FRAMES):
        turn = axis_angle_to_matrix(truth["turns"][i])
        people = [0, 1] if i < LEAVES else [0]
        people = people[::-1] if i % 2 else people

        def world(points, turn=turn, i=i, people=people):
            return 1000 * np.stack([points[i] @ turn + truth["places"][i] + person * AWAY for person in people])

        joints, vertices = world(truth["joints"]), world(truth["vertices"])
        yield {
            "joints": joints,
            "vertices": vertices,
            "joint_uncertainties": np.full(joints.shape[:2], 0.02),
            "vertex_uncertainties": np.full(vertices.shape[:2], 0.03),
            "boxes": np.tile([10.0, 20, 100, 200], (len(people), 1)),
            "camera": {
                "rotvec_w2c": truth["turns"][i],
                "loc": 1000 * truth["places"][i],
                "intr": truth["K"][:2],
                "up": np.array([0.0, -1, 0]),
            },
        }


def written(library, path: Path, frames) -> Path:
    with library.BodyCompressor(str(path), metadata={}) as file:
        for frame in frames:
            file.append(**frame)
    return path


@pytest.fixture
def file(library, truth, tmp_path) -> Path:
    return written(library, tmp_path / "clip.xz", frames_of(truth))


def test_points_uncertainties_and_camera(file, truth):
    assert infer_format(file).name == "bodycompress"
    motion = load_motion(file, fps=10)
    assert motion.fps == pytest.approx(10)
    first, second = motion.people
    np.testing.assert_array_equal(first.frames, np.arange(FRAMES))
    np.testing.assert_array_equal(second.frames, np.arange(LEAVES))
    for person, shift in ((first, 0 * AWAY), (second, AWAY)):
        rows = person.frames
        moved = np.einsum("tij,j->ti", axis_angle_to_matrix(truth["turns"][rows]), shift)[:, None]
        np.testing.assert_allclose(person.joints, truth["joints"][rows] + moved, atol=CLOSE)
        np.testing.assert_array_equal(person.data[LOCATED], person.joints)
        np.testing.assert_allclose(person.vertices.open(), truth["vertices"][rows] + moved, atol=CLOSE)
        np.testing.assert_allclose(person.joint_uncertainty, 0.02, atol=5e-4)
        np.testing.assert_allclose(person.vertex_uncertainty.open(), 0.03, atol=5e-4)
        np.testing.assert_array_equal(person.boxes, np.tile([10, 20, 110, 220], (len(rows), 1)))
    assert isinstance(first.vertices.open(), np.memmap)
    camera = motion.camera
    assert (camera.width, camera.height, camera.moving) == (640, 480, True)
    # A point of the world stays where it is: y is up there, and the camera's way leads along x.
    places = -np.einsum("tji,tj->ti", camera.rotation, camera.translation)
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), truth["places"][:, 0], atol=1e-6)
    up = project(np.array([[0.0, 1.0, 5.0]]) @ np.diag([1.0, -1, 1]), camera.intrinsics)
    assert up[0, 1] < 240
    np.testing.assert_allclose(camera.rotation[0] @ [0, 1, 0], [0, -1, 0], atol=1e-9)


def test_a_body_is_fitted_to_such_a_file(file, truth, tmp_path, capsys, monkeypatch):
    """Without SMPL's own file the free body is fitted to the joints: within 5 mm of exact ones."""
    monkeypatch.chdir(tmp_path)
    assert main(["refine", str(file), "--method", "track-fit", "--fps", "10", "--out", "fit.pkl"]) == 0
    capsys.readouterr()
    fitted = kinema.load(tmp_path / "fit.pkl")
    assert [person.id for person in fitted] == [1, 2]
    assert fitted.people[0].pose.shape == (FRAMES, 72)
    apart = np.linalg.norm(fitted.people[0].joints - truth["joints"], axis=-1)
    assert apart.mean() < 0.005
    assert main(["convert", str(file), "clip.trc", "--fps", "10"]) != 0
    assert "fit a body to their joints (`kinema refine --method track-fit`)" in capsys.readouterr().err


def test_without_a_camera_or_vertices(library, truth, tmp_path):
    frames = [{"joints": 1000 * truth["joints"][i : i + 1]} for i in range(3)]
    motion = load_motion(written(library, tmp_path / "bare.xz", frames))
    assert motion.camera is None
    assert motion.people[0].vertices is None
    np.testing.assert_allclose(motion.people[0].joints, truth["joints"][:3], atol=CLOSE)
    assert any("30 frames a second are assumed" in note for note in motion.data["notes"])


def test_people_far_from_everyone_are_new(library, truth, tmp_path):
    """Somebody 3 m away is another person; one who is back within 30 frames is the same."""
    nobody = {"joints": np.zeros((0, 24, 3))}
    here, far = ({"joints": 1000 * (truth["joints"][:1] + shift)} for shift in (0.0, 3.0))
    motion = load_motion(written(library, tmp_path / "jump.xz", [here, nobody, here, far, *[nobody] * 31, here]))
    assert [person.frames.tolist() for person in motion] == [[0, 2], [3], [35]]


def changed(truth, **entries):
    return [{**frame, **entries} for frame in frames_of(truth)][:2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"joints": np.arange(330.0).reshape(2, 55, 3)},
            r"frame 0: joints has shape \(2, 55, 3\), expected \(P, 24, 3\)",
        ),
        ({"vertices": np.arange(30.0).reshape(1, 10, 3)}, r"frame 0: vertices has shape \(1, 10, 3\), expected"),
        ({"boxes": np.zeros((2, 3))}, r"frame 0: boxes has shape \(2, 3\)"),
    ],
)
def test_entries_of_another_shape(library, truth, tmp_path, change, message):
    path = written(library, tmp_path / "odd.xz", changed(truth, **change))
    with pytest.raises(InputError, match=message):
        load_motion(path)


def test_contents_of_another_kind(library, truth, tmp_path):
    path = written(library, tmp_path / "other.xz", [{"boxes": np.zeros((1, 4))}])
    with pytest.raises(InputError, match="frame 0 has no joints, so this is not a result of NLF"):
        load_motion(path)
    frames = list(frames_of(truth))[:2]
    del frames[1]["camera"]
    with pytest.raises(InputError, match="frame 1: some frames have a camera and others have none"):
        load_motion(written(library, tmp_path / "half.xz", frames))
    frames = list(frames_of(truth))[:2]
    del frames[1]["boxes"]
    with pytest.raises(InputError, match="frame 1 has not the same entries as earlier frames"):
        load_motion(written(library, tmp_path / "mixed.xz", frames))


def test_cut_off_and_garbage(file):
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(InputError, match="is cut off; copy or write it again"):
        load_motion(file)
    for content in (b"\xfd7zXZ\0" + b"\1" * 60, b"no compression"):
        file.write_bytes(content)
        with pytest.raises(InputError, match="is not a file of BodyCompress") as error:
            load_motion(file)
        assert "\n" not in str(error.value)


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_nothing_in_a_file_is_executed(library, tmp_path):
    import pickle

    evil: object = Evil(tmp_path / "made")
    packed = pickle.dumps(evil) if library is bodycompress_double else np.array([evil], dtype=object)
    joints = 1000.0 * np.arange(72.0).reshape(1, 24, 3)
    path = written(library, tmp_path / "evil.xz", [{"joints": joints, "evil": packed}])
    with pytest.raises(UnsafeFileError, match="holds a pickled object, which could run code"):
        load_motion(path)
    assert not (tmp_path / "made").exists()
    assert sys.modules["msgpack_numpy"].pickle is pickle
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.delattr(sys.modules["msgpack_numpy"], "pickle")
        with pytest.raises(KinemaError, match="cannot be kept from running code"):
            load_motion(path)


def test_without_the_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bodycompress", None)
    path = tmp_path / "clip.xz"
    path.write_bytes(b"\xfd7zXZ\0 and so on")
    with pytest.raises(UsageError, match="which is not installed; run `pip install bodycompress`"):
        load_motion(path)
