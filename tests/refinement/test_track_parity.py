"""The stage `fit-tracks` as the original's: recorded numbers from files of vertices, and a clip that ends without the
person."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import InputError, UsageError
from kinema.geometry.camera import camera_from_fov
from kinema.geometry.camera_path import CameraPath, path_data
from kinema.motion import Motion
from kinema.person import LOCATED, Person
from kinema.refinement.options import TrackFitOptions
from kinema.refinement.stage import fit_tracks
from kinema.refinement.track_points import read_vertex_numbers
from kinema.storage.stored import StoredArray
from tests.helpers.goldens import each_case, recording, smpl_maker

PLACE, SHAPE = 3e-3, 1e-2
"""Metres and deviations, as the recording states them."""


@pytest.fixture(scope="module")
def smpl(tmp_path_factory):
    maker, path = smpl_maker(), tmp_path_factory.mktemp("smpl") / "SMPL_NEUTRAL.pkl"
    maker.write(path, maker.model("neutral"))
    return load_body(path)


def located(smpl, folder, fps: int) -> Motion:
    """The recorded track as the stage `localize` leaves it: files of all vertices, in the axes of a camera that moves;
    the frames without the person are not there."""
    recorded = recording("smoothing/golden.npz")
    size, frames = recorded["track_scale"][:, None, None], len(recorded["track_pose"])
    given = recorded["track_pose"], np.tile(recorded["track_betas"], (frames, 1)), recorded["track_trans"]
    points = [smpl.vertices(*given, dtype=np.float64) * size, smpl.joints(*given) * size]
    rng = np.random.RandomState(int(recorded["track_noise_seed"]))
    points = [(each + 0.01 * rng.randn(*each.shape)).astype(np.float32) for each in points]
    spread = [rng.uniform(0.02, 0.2, each.shape[:2]).astype(np.float32) for each in points]
    there = np.arange(frames - 2)
    place = recorded["track_cam"].astype(np.float64)
    mesh, joints = (each[there] - place[there, None] for each in points)
    for name, values in (("mesh", mesh), ("spread", spread[0][there])):
        np.save(folder / f"{name}.npy", values)
    camera = camera_from_fov(640, 480)
    person = Person(
        1,
        there,
        joints=joints,
        joint_uncertainty=spread[1][there],
        vertices=StoredArray(folder / "mesh.npy"),
        vertex_uncertainty=StoredArray(folder / "spread.npy"),
        data={LOCATED: joints},
    )
    path = CameraPath(np.tile(np.eye(3), (frames, 1, 1)), place, camera.intrinsics, metric=True)
    return Motion(
        np.arange(frames) / fps, 640, 480, people=(person,), camera=camera, body_model=smpl.name, data=path_data(path)
    )


@pytest.mark.golden
@each_case("fps", "smoothing/golden.npz", r"fps(\d+)x1_trans")
def test_the_stage_gives_the_recorded_numbers(smpl, tmp_path, fps: int):
    """From the files that NLF's stage writes, with the original's own vertices, which a file names."""
    np.savez(tmp_path / "vertex_subset_1024.npz", subset=recording("smplfitter/golden.npz")["vertex_subset"])
    options = TrackFitOptions(parity=True, vertices=tmp_path / "vertex_subset_1024.npz")
    motion = located(smpl, tmp_path, fps)
    (person,) = fit_tracks(motion, smpl, options).people
    recorded = recording("smoothing/golden.npz")
    wanted = {key: recorded[f"fps{fps}x1_{key}"][person.frames] for key in ("joints", "shape_betas", "vertices")}
    place = recorded["track_cam"][person.frames, None]
    np.testing.assert_allclose(person.joints + place, wanted["joints"], atol=PLACE)
    mesh = smpl.vertices(person.pose, person.betas, person.transl)[:, ::200] + place
    np.testing.assert_allclose(mesh, wanted["vertices"], atol=PLACE)
    np.testing.assert_allclose(person.betas, wanted["shape_betas"], atol=SHAPE)


def test_files_that_name_no_vertices(tmp_path):
    path = tmp_path / "subset.npy"
    for content in (np.zeros(5), np.array([3, 3]), np.array([-1, 4]), np.zeros((2, 3), int)):
        np.save(path, content)
        with pytest.raises(InputError, match="must hold one list of different vertex numbers"):
            read_vertex_numbers(path)
    with pytest.raises(InputError, match="does not exist"):
        read_vertex_numbers(tmp_path / "nowhere.npy")


def test_vertices_that_the_body_does_not_have(walk, tmp_path):
    np.save(tmp_path / "subset.npy", np.array([5, 100_000]))
    with pytest.raises(UsageError, match="vertex 100000 is not one of the 6890 of the body free"):
        fit_tracks(walk, load_body(), TrackFitOptions(vertices=tmp_path / "subset.npy"))
