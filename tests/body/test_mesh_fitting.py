"""The fit of a body to its mesh: the recorded fits of smplfitter, known bodies, symmetries, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from kinema.body import BodyModel
from kinema.body.mesh_fitting import MeshFit, MeshFitOptions, fit_mesh
from kinema.errors import ShapeError, UsageError
from kinema.geometry.rotations import geodesic_angle
from tests.helpers.goldens import recording

SHAPE, PLACE, SCALE, TURN, TURN_SHARED, VERTEX = 1e-3, 1e-4, 1e-4, 1e-3, 5e-3, 1e-3
"""As the recording states them; torch computed it in float32."""
TRACK_RIDGE = 1048 / 6914
FIRST = MeshFitOptions(
    beta_ridge=10 * TRACK_RIDGE, first_beta_ridge=0.2 * TRACK_RIDGE, scale="target", scale_ridge=TRACK_RIDGE,
    one_shape=True, adjust=False,
)  # fmt: skip
RUNS = {
    "a1": MeshFitOptions(rounds=1),
    "a2": MeshFitOptions(beta_ridge=10),
    "a3": MeshFitOptions(adjust=False),
    "a5": MeshFitOptions(scale="body", scale_ridge=0.5, parity=True),
    "a6": MeshFitOptions(scale="target", scale_ridge=0.5),
}


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    return {
        key: value.astype(np.float64) if value.dtype.kind == "f" else value
        for key, value in recording("smplfitter/golden.npz").items()
    }


def _same(body: BodyModel, found: MeshFit, recorded: dict, run: str, betas: np.ndarray | None = None) -> None:
    """A run's result equals the recorded one, in every part that was recorded, and so does its mesh."""
    turn = TURN_SHARED if run.startswith("t") else TURN
    betas = recorded[f"{run}_shape_betas"] if betas is None else betas
    np.testing.assert_allclose(found.betas, betas, atol=SHAPE)
    np.testing.assert_allclose(found.transl, recorded[f"{run}_trans"], atol=PLACE)
    if f"{run}_orientations" in recorded:
        assert geodesic_angle(found.rotations, recorded[f"{run}_orientations"]).max() < turn
        other = body.vertices(recorded[f"{run}_pose_rotvecs"], betas, recorded[f"{run}_trans"])
        assert np.abs(body.vertices(found.pose, found.betas, found.transl) - other).max() < VERTEX
    if f"{run}_scale_corr" in recorded:
        np.testing.assert_allclose(found.scale, recorded[f"{run}_scale_corr"], atol=SCALE)


@pytest.mark.golden
@pytest.mark.parametrize("run", RUNS)
def test_fits_equal_smplfitter(file_body, recorded, run: str) -> None:
    factor = 1.07 if RUNS[run].scale != "none" else 1.0
    weights = {} if run == "a1" else {f"{k}_weights": recorded[f"a_{k}_weights"] for k in ("vertex", "joint")}
    found = fit_mesh(
        file_body, recorded["a_vertices"] * factor, recorded["a_joints"] * factor,
        subset=recorded["vertex_subset"], options=RUNS[run], **weights,
    )  # fmt: skip
    _same(file_body, found, recorded, run)


@pytest.mark.golden
def test_fit_of_a_whole_mesh_without_joints_equals_smplfitter(file_body, recorded) -> None:
    frames = len(recorded["a4_trans"])
    mesh = file_body.vertices(*(recorded[f"fwd_{key}"][:frames] for key in ("pose", "betas", "trans")))
    _same(file_body, fit_mesh(file_body, mesh), recorded, "a4")


@pytest.mark.golden
def test_fits_with_a_known_shape_or_pose_equal_smplfitter(file_body, recorded) -> None:
    given = (file_body, recorded["a_vertices"], recorded["a_joints"])
    more = {f"{k}_weights": recorded[f"a_{k}_weights"] for k in ("vertex", "joint")}
    shape = recorded["fwd_betas"]
    found = fit_mesh(*given, **more, subset=recorded["vertex_subset"], betas=shape)
    _same(file_body, found, recorded, "a7", shape)
    found = fit_mesh(
        *given, **more, subset=recorded["vertex_subset"], pose=recorded["fwd_pose"],
        options=MeshFitOptions(beta_ridge=0.1),
    )  # fmt: skip
    _same(file_body, found, recorded, "a8")


@pytest.mark.golden
@pytest.mark.parametrize(
    ("run", "options"), [("t1", FIRST), ("t2", MeshFitOptions(beta_ridge=10 * TRACK_RIDGE, one_shape=True))]
)
def test_track_with_one_shape_equals_smplfitter(file_body, recorded, run: str, options: MeshFitOptions) -> None:
    found = fit_mesh(
        file_body, recorded["t_vertices"], recorded["t_joints"], subset=recorded["vertex_subset"], options=options,
        vertex_weights=recorded["t_vertex_weights"], joint_weights=recorded["t_joint_weights"],
    )  # fmt: skip
    _same(file_body, found, recorded, run)


def _person(seed: int, frames: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A bent, turned body of one shape; toes straight, as the fit holds them."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.25, (frames, 24, 3))
    pose[:, 0] = Rotation.random(frames, random_state=rng).as_rotvec()
    pose[:, 10:12] = 0
    return pose.reshape(frames, 72), rng.normal(0, 0.7, 10), rng.normal(0, 2, (frames, 3))


def _far(body: BodyModel, found: MeshFit, mesh: np.ndarray) -> float:
    return float(np.linalg.norm(body.vertices(found.pose, found.betas, found.transl) - mesh, axis=-1).mean())


def test_a_known_free_body_comes_back(free: BodyModel) -> None:
    pose, betas, transl = _person(1)
    mesh, joints = free.vertices(pose, betas, transl, dtype=np.float64), free.joints(pose, betas, transl)
    none = MeshFitOptions(rounds=8, beta_ridge=0, one_shape=True)
    # The steps converge, but linearly: after eight rounds a millimetre of 1.7 m is left.
    assert _far(free, fit_mesh(free, mesh, joints, options=none), mesh) < 1e-3
    # With the pose known the problem is linear, and the answer exact.
    exact = fit_mesh(free, mesh, joints, pose=pose, options=MeshFitOptions(beta_ridge=0))
    np.testing.assert_allclose(exact.betas, np.tile(betas, (len(pose), 1)), atol=1e-6)
    np.testing.assert_allclose(exact.transl, transl, atol=1e-7)


def test_a_fraction_of_the_vertices_with_noise_is_enough(free: BodyModel) -> None:
    pose, betas, transl = _person(2)
    mesh, joints = free.vertices(pose, betas, transl, dtype=np.float64), free.joints(pose, betas, transl)
    rng, subset = np.random.default_rng(3), np.arange(0, free.num_vertices, 7)
    noisy, seen = mesh[:, subset] + rng.normal(0, 0.01, (3, len(subset), 3)), joints + rng.normal(0, 0.01, joints.shape)
    # 1 cm of noise on each coordinate; the joints alone turn the pelvis and chest, so much of it stays in the fit.
    assert _far(free, fit_mesh(free, noisy, seen, subset=subset), mesh) < 0.02


@pytest.mark.parametrize("known", [False, True], ids=["shape sought", "shape known"])
def test_polished_bodies_are_exact(free: BodyModel, known: bool) -> None:
    """Gauss-Newton from the closed form of two rounds, which is millimetres off: a hundredth of one is left."""
    pose, betas, transl = _person(7)
    mesh, joints = free.vertices(pose, betas, transl, dtype=np.float64), free.joints(pose, betas, transl)
    options = MeshFitOptions(rounds=2, beta_ridge=0, one_shape=True, adjust=False, polish=4)
    found = fit_mesh(free, mesh, joints, betas=betas if known else None, options=options)
    assert _far(free, found, mesh) < 1e-5
    np.testing.assert_allclose(found.betas, np.tile(betas, (3, 1)), atol=1e-3)


def test_polishing_averages_noise_over_the_whole_body(free: BodyModel) -> None:
    """1 cm of noise on each coordinate of every seventh vertex: the closed form keeps a centimetre, least squares less
    than half a one."""
    pose, betas, transl = _person(8)
    mesh, joints = free.vertices(pose, betas, transl, dtype=np.float64), free.joints(pose, betas, transl)
    rng, subset = np.random.default_rng(9), np.arange(0, free.num_vertices, 7)
    noisy, seen = mesh[:, subset] + rng.normal(0, 0.01, (3, len(subset), 3)), joints + rng.normal(0, 0.01, joints.shape)
    plain, polished = (
        fit_mesh(
            free, noisy, seen, subset=subset, options=MeshFitOptions(beta_ridge=1e-5, one_shape=True, polish=steps)
        )
        for steps in (0, 3)
    )
    assert _far(free, polished, mesh) < 0.005 < _far(free, plain, mesh)


def test_polishing_scales_each_frame(free: BodyModel) -> None:
    pose, betas, transl = _person(10)
    mesh, joints = free.vertices(pose, betas, transl, dtype=np.float64), free.joints(pose, betas, transl)
    size = np.array([0.9, 1.0, 1.1])
    options = MeshFitOptions(rounds=2, beta_ridge=1e-7, one_shape=True, adjust=False, polish=4, scale="target")
    by = size[:, None, None]
    found = fit_mesh(free, mesh * by, joints * by, options=options)
    # How large the body is and how large the targets are only the ridge decides; their ratios are known.
    np.testing.assert_allclose(found.scale * size / np.median(found.scale * size), 1, atol=1e-4)


def test_long_tracks_are_fitted_in_chunks_as_in_one(free: BodyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    pose, betas, transl = _person(11, frames=7)
    mesh, joints = free.vertices(pose, betas, transl, dtype=np.float64), free.joints(pose, betas, transl)
    options = MeshFitOptions(one_shape=True, polish=1, scale="target")
    whole = fit_mesh(free, mesh, joints, options=options)
    monkeypatch.setattr("kinema.body.mesh_target.CHUNK", 3)
    parts = fit_mesh(free, mesh, joints, options=options)
    for name in ("betas", "transl", "rotations", "scale"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), atol=1e-9)


def test_points_of_weight_zero_count_for_nothing(free: BodyModel) -> None:
    pose, betas, transl = _person(4)
    mesh, joints = free.vertices(pose, betas, transl, dtype=np.float64), free.joints(pose, betas, transl)
    rng = np.random.default_rng(5)
    weights = (rng.random(mesh.shape[:2]) > 0.2).astype(float)
    broken = np.where(weights[..., None] > 0, mesh, 3 * rng.normal(size=mesh.shape))
    more = {"vertex_weights": weights, "joint_weights": np.ones(joints.shape[:2])}
    clean, other = fit_mesh(free, mesh, joints, **more), fit_mesh(free, broken, joints, **more)
    np.testing.assert_allclose(other.betas, clean.betas, atol=1e-7)
    np.testing.assert_allclose(other.rotations, clean.rotations, atol=1e-7)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_moving_the_target_moves_the_body(free: BodyModel, seed: int) -> None:
    pose, betas, transl = _person(seed, 1)
    mesh, joints = free.vertices(pose, betas, transl, dtype=np.float64), free.joints(pose, betas, transl)
    rng = np.random.default_rng(seed)
    turn, shift = Rotation.random(random_state=rng).as_matrix(), rng.normal(size=3)
    here = fit_mesh(free, mesh, joints)
    there = fit_mesh(free, mesh @ turn.T + shift, joints @ turn.T + shift)
    np.testing.assert_allclose(there.betas, here.betas, atol=1e-6)
    np.testing.assert_allclose(there.rotations, turn @ here.rotations, atol=1e-6)


@pytest.mark.parametrize("scale", ["target", "body"])
def test_scale_comes_back_where_the_shape_is_held(free: BodyModel, scale: str) -> None:
    pose, _, transl = _person(6)
    mesh, joints = free.vertices(pose, np.zeros(10), transl, dtype=np.float64), free.joints(pose, np.zeros(10), transl)
    options = MeshFitOptions(rounds=6, beta_ridge=1e6, first_beta_ridge=1e6, scale=scale)
    found = fit_mesh(free, 1.1 * mesh, 1.1 * joints, options=options)
    np.testing.assert_allclose(found.scale, 1 / 1.1 if scale == "target" else 1.1, atol=1e-3)


def test_wrong_input_is_refused(free: BodyModel) -> None:
    mesh, joints = np.zeros((2, free.num_vertices, 3)), np.zeros((2, 24, 3))
    for wrong in (mesh[:, 1:], mesh[:0], mesh[0]):
        with pytest.raises(ShapeError, match="vertices must be"):
            fit_mesh(free, wrong, joints)
    with pytest.raises(ShapeError, match="joints must be"):
        fit_mesh(free, mesh, joints[:, 1:])
    with pytest.raises(ShapeError, match="joint_weights must be"):
        fit_mesh(free, mesh, joints, joint_weights=np.ones((2, 23)))
    with pytest.raises(ShapeError, match="known betas"):
        fit_mesh(free, mesh, joints, betas=np.zeros(9))
    with pytest.raises(ShapeError, match="known pose"):
        fit_mesh(free, mesh, joints, pose=np.zeros((1, 72)))
    with pytest.raises(ShapeError, match="subset"):
        fit_mesh(free, mesh, joints, subset=np.array([-1]))
    with pytest.raises(UsageError, match="give `joints` as well"):
        fit_mesh(free, mesh[:, :5], subset=np.arange(5))
    with pytest.raises(UsageError, match="vertices must be finite"):
        fit_mesh(free, np.full_like(mesh, np.nan), joints)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("rounds", 0), ("scale", "both"), ("beta_ridge", -1.0), ("scale_ridge", np.nan), ("polish", -1)],
)
def test_wrong_settings_are_refused(setting: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"`{setting}` must"):
        MeshFitOptions(**{setting: value})
