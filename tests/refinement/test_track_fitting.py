"""The fit of a whole track: the original authors' numbers, known bodies under noise, outliers and jumps, bad input."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kinema.body import BodyModel, load_body
from kinema.errors import ShapeError, UsageError
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from kinema.refinement.options import TrackFitOptions
from kinema.refinement.track_fitting import TrackFit, fit_track, weights_of
from kinema.synthetic import procedural_motion
from tests.helpers.goldens import each_case, recording, smpl_maker

PLACE, SHAPE, TURN = 3e-3, 1e-2, 1e-2
"""Metres, deviations, radians, as the recording states them; 0.13 mm, 2e-4 and 1.1e-3 were found."""
FPS = 30.0


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    return recording("smoothing/golden.npz")


@pytest.fixture(scope="module")
def smpl(tmp_path_factory: pytest.TempPathFactory) -> BodyModel:
    maker, path = smpl_maker(), tmp_path_factory.mktemp("smpl") / "SMPL_NEUTRAL.pkl"
    maker.write(path, maker.model("neutral"))
    return load_body(path)


@pytest.fixture(scope="module")
def track(smpl: BodyModel, recorded: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """rows, points and uncertainties of the recorded track, as its README says how to make them."""
    frames, size = len(recorded["track_pose"]), recorded["track_scale"][:, None, None]
    betas = np.tile(recorded["track_betas"], (frames, 1))
    given = recorded["track_pose"], betas, recorded["track_trans"]
    mesh, joints = smpl.vertices(*given, dtype=np.float64) * size, smpl.joints(*given) * size
    rng = np.random.RandomState(int(recorded["track_noise_seed"]))
    mesh = (mesh + 0.01 * rng.randn(*mesh.shape)).astype(np.float32)
    joints = (joints + 0.01 * rng.randn(*joints.shape)).astype(np.float32)
    spread = [rng.uniform(0.02, 0.2, each.shape[:2]).astype(np.float32) for each in (mesh, joints)]
    rows = recording("smplfitter/golden.npz")["vertex_subset"]
    points = np.concatenate([mesh[:, rows], joints], axis=1)
    uncertainty = np.concatenate([spread[0][:, rows], spread[1]], axis=1)
    points[-2:], uncertainty[-2:] = np.nan, np.nan
    return rows, points, uncertainty


@pytest.mark.golden
@each_case("fps,factor", "smoothing/golden.npz", r"fps(\d+)x(\d)_trans")
def test_the_track_step_equals_the_original(smpl, recorded, track, fps: int, factor: int) -> None:
    rows, points, uncertainty = track
    found = fit_track(
        smpl, rows, points, weights_of(uncertainty), fps=fps, camera=recorded["track_cam"],
        options=TrackFitOptions(parity=True), doubled=factor == 2,
    )  # fmt: skip
    wanted = {
        key: recorded[f"fps{fps}x{factor}_{key}"]
        for key in ("trans", "pose_rotvecs", "shape_betas", "joints", "vertices")
    }
    known = np.isfinite(wanted["trans"]).all(axis=1)
    np.testing.assert_array_equal(found.known, known)
    betas = np.tile(found.betas, (len(known), 1))
    mesh = smpl.vertices(found.pose, betas, found.transl)[:, ::200]
    np.testing.assert_allclose(mesh[known], wanted["vertices"][known], atol=PLACE)
    np.testing.assert_allclose(found.joints[known], wanted["joints"][known], atol=PLACE)
    np.testing.assert_allclose(found.transl[known], wanted["trans"][known], atol=PLACE)
    np.testing.assert_allclose(betas[known], wanted["shape_betas"][known], atol=SHAPE)
    turns = [axis_angle_to_matrix(each[known].reshape(-1, 24, 3)) for each in (found.pose, wanted["pose_rotvecs"])]
    assert geodesic_angle(*turns).max() < TURN


@dataclasses.dataclass(frozen=True)
class Walker:
    """Someone who walks for a second and a half, of a shape that is not the mean, and what a network might see."""

    body: BodyModel
    rows: np.ndarray
    points: np.ndarray
    pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray

    def mesh(self, found: TrackFit | None = None) -> np.ndarray:
        pose, betas, transl = (getattr(found or self, name) for name in ("pose", "betas", "transl"))
        return self.body.vertices(pose, np.tile(betas, (len(pose), 1)), transl, dtype=np.float64)[:, self.rows]

    def off(self, found: TrackFit) -> np.ndarray:
        """(F,) metres: mean distance of the surface from the true one."""
        return np.asarray(np.linalg.norm(self.mesh(found) - self.mesh(), axis=-1).mean(axis=1))


@pytest.fixture(scope="module")
def walker() -> Walker:
    body = load_body()
    person = procedural_motion(body, "rounds", fps=FPS).people[0].select(np.arange(45))
    betas = np.random.default_rng(0).normal(0, 0.8, 10)
    rows = np.arange(0, body.num_vertices, 9)
    walker = Walker(body, rows, np.zeros(0), person.pose, betas, person.transl)
    joints = body.joints(person.pose, np.tile(betas, (45, 1)), person.transl)
    return dataclasses.replace(walker, points=np.concatenate([walker.mesh(), joints], axis=1))


def _even(points: np.ndarray) -> np.ndarray:
    return np.ones(points.shape[:2])


def test_exact_points_give_the_body_back(walker: Walker) -> None:
    """Unsmoothed, less than a tenth of a millimetre is lost; smoothed, less than one, at the ends, too."""
    plain = fit_track(
        walker.body, walker.rows, walker.points, _even(walker.points), fps=FPS,
        options=TrackFitOptions(smooth=False),
    )  # fmt: skip
    assert walker.off(plain).max() < 1e-4
    np.testing.assert_allclose(plain.betas, walker.betas, atol=0.02)
    np.testing.assert_allclose(plain.size, 1, atol=1e-4)
    smoothed = fit_track(walker.body, walker.rows, walker.points, _even(walker.points), fps=FPS)
    assert walker.off(smoothed).max() < 2e-3
    assert walker.off(smoothed).mean() < 1e-3


def test_a_guess_of_size_that_varies_is_undone(walker: Walker) -> None:
    """Every frame 3 % larger or smaller about the camera: 12 cm of depth at 4 m, of which hardly any is left."""
    size = 1 + np.random.default_rng(1).normal(0, 0.03, len(walker.points))
    seen = walker.points * (size / np.sort(size)[(len(size) - 1) // 2])[:, None, None]
    found = fit_track(
        walker.body, walker.rows, seen, _even(seen), fps=FPS, options=TrackFitOptions(smooth=False)
    )  # fmt: skip
    assert walker.off(found).max() < 1e-3
    kept = fit_track(
        walker.body, walker.rows, seen, _even(seen), fps=FPS, options=TrackFitOptions(smooth=False, rescale=False)
    )  # fmt: skip
    assert walker.off(kept).max() > 0.05


def test_a_frame_that_is_far_off_is_smoothed_away(walker: Walker) -> None:
    """One frame half a metre beside the others: its neighbours hardly notice, and it comes most of the way back."""
    seen = walker.points.copy()
    seen[20] += [0.5, 0, 0]
    weights = _even(seen)
    found = fit_track(walker.body, walker.rows, seen, weights, fps=FPS)
    clean = fit_track(walker.body, walker.rows, walker.points, weights, fps=FPS)
    assert np.linalg.norm(found.transl - clean.transl, axis=1)[[19, 21]].max() < 0.06


def test_a_jump_is_kept(walker: Walker) -> None:
    seen = walker.points.copy()
    seen[30:] += [2.0, 0, 0]
    found = fit_track(walker.body, walker.rows, seen, _even(seen), fps=FPS)
    np.testing.assert_array_equal(found.jumps, [30])
    step = found.transl[30] - found.transl[29]
    assert abs(step[0] - 2) < 0.1


def test_the_camera_is_the_centre_of_what_is_scaled(walker: Walker) -> None:
    """Points and camera moved alike give the same body, moved."""
    seen = walker.points * (1 + 0.02 * np.sin(np.arange(len(walker.points))))[:, None, None]
    here = fit_track(walker.body, walker.rows, seen, _even(seen), fps=FPS)
    shift = np.array([5.0, -2.0, 1.0])
    camera = np.tile(shift, (len(seen), 1))
    there = fit_track(walker.body, walker.rows, seen + shift, _even(seen), fps=FPS, camera=camera)
    # Points are held in single precision.
    np.testing.assert_allclose(there.joints, here.joints + shift, atol=1e-4)


def test_missing_frames_and_points(walker: Walker) -> None:
    """Two missing frames are bridged, a longer gap stays unknown in its middle, and single points do not matter."""
    seen = walker.points.copy()
    seen[10:12], seen[20:30], seen[5, :100] = np.nan, np.nan, np.nan
    found = fit_track(walker.body, walker.rows, seen, _even(seen), fps=FPS)
    np.testing.assert_array_equal(np.flatnonzero(~found.known), np.arange(22, 28))
    assert walker.off(found)[[10, 11]].max() < 0.03
    assert walker.off(found)[5] < 0.01


def test_one_frame_and_a_track_without_points(walker: Walker) -> None:
    one = fit_track(walker.body, walker.rows, walker.points[:1], _even(walker.points[:1]), fps=FPS)
    assert walker.off(one)[0] < 2e-3
    nothing = fit_track(walker.body, walker.rows, np.full_like(walker.points, np.nan), _even(walker.points), fps=FPS)
    assert not nothing.known.any()
    assert np.isfinite(nothing.pose).all()


def test_long_tracks_take_their_shape_from_some_frames(walker: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same in blocks, with the points in a file, as in one."""
    weights = _even(walker.points)
    whole = fit_track(walker.body, walker.rows, walker.points, weights, fps=FPS)
    monkeypatch.setattr("kinema.refinement.track_fitting.SHAPE_FRAMES", 20)
    monkeypatch.setattr("kinema.refinement.track_fitting._BLOCK", 16)
    monkeypatch.setattr("kinema.storage.scratch.IN_MEMORY", 1000)
    blocks = fit_track(walker.body, walker.rows, walker.points, weights, fps=FPS)
    np.testing.assert_allclose(blocks.betas, whole.betas, atol=0.05)
    np.testing.assert_allclose(blocks.joints, whole.joints, atol=1e-3)


def test_weights_of_uncertainties() -> None:
    found = weights_of(np.array([[0.01, 0.04, np.nan, 0.0]]))
    assert found[0, 2] == 0
    np.testing.assert_allclose(found[0, 0] / found[0, 1], 8)
    assert np.isfinite(found).all()
    assert not weights_of(np.full((2, 3), np.nan)).any()


def test_wrong_input_is_refused(walker: Walker) -> None:
    with pytest.raises(ShapeError, match="of at least one frame are needed"):
        fit_track(walker.body, walker.rows, walker.points[:, 1:], _even(walker.points), fps=FPS)
    with pytest.raises(ShapeError, match="of at least one frame are needed"):
        fit_track(walker.body, walker.rows, walker.points[:0], _even(walker.points[:0]), fps=FPS)
    for name, value in (("jump", 0.0), ("polish", -1), ("max_gap", 0.0), ("method", "other")):
        with pytest.raises(UsageError, match=f"`{name}` must"):
            TrackFitOptions(**{name: value})
