"""A camera that is lost on its way: pieces of a path with units of their own, in one world."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.geometry.camera_path import path_data, path_of
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle, matrix_to_axis_angle, turn_about
from kinema.motion import Motion
from kinema.stage import Context
from kinema.synthetic import procedural_motion
from kinema.world import WorldOptions, place_in_world
from kinema.world.pieces import moved, seam_between
from tests.helpers.monocular import as_fitted
from tests.helpers.moving import filmed, lost_between, moving_camera, path_of_camera, score_moving

RATE = 20
UNITS = (3.0, 0.4)


def scene(body, kind: str, seed: int, gap: float = 1.0) -> tuple[Motion, Motion]:
    """The truth, and a fit with a path that was lost for `gap` seconds in the middle of 9 s."""
    rng = np.random.default_rng(seed)
    motion = procedural_motion(body, "rounds", seed=seed, fps=RATE).slice(0, 9.0)
    camera = moving_camera(kind, motion.people[0].joints_world, motion.times, rng)
    whole = path_of_camera(camera, motion.times, unit=UNITS[0], rng=rng, kind="rotation" if kind == "pan" else "full")
    middle = motion.num_frames // 2
    path = lost_between(whole, middle, middle + round(gap * RATE), UNITS[1] / UNITS[0])
    truth = filmed(motion, camera, path, body)
    return truth, as_fitted(truth, body, rng)


def told(motion: Motion) -> list[dict]:
    return motion.provenance[-1].arguments["shots"]


@pytest.mark.parametrize("kind", ["dolly", "follow"])
def test_each_piece_has_metres_of_its_own(body, kind):
    """Within the 8 % that the issue asks of a whole path, doubled for pieces of half its length."""
    _, fitted = scene(body, kind, 1)
    placed = place_in_world(fitted, body)
    scales = [piece["path"]["scale"] for piece in told(placed)]
    assert scales == [pytest.approx(unit, rel=0.16) for unit in UNITS]


@pytest.mark.parametrize("kind", ["dolly", "follow", "pan"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_people_go_on_across_the_loss(body, kind, seed):
    truth, fitted = scene(body, kind, seed)
    context = Context(body=body)
    placed = place_in_world(fitted, context=context)
    # As one piece, whose second half has another unit, the way is wrong by up to half of it.
    joined = score_moving(placed, truth, body)["person"]
    whole = fitted.replace(data=path_data(path_of(fitted.data).replace(breaks=np.zeros(0, int))))
    apart = score_moving(place_in_world(whole, body), truth, body)["person"]
    assert joined < 8.0  # percent of the distance walked
    assert kind == "pan" or joined < apart  # a camera in one place has no unit
    person = placed.people[0]
    steps = np.linalg.norm(np.diff(person.joints_world[:, 0], axis=0), axis=1)
    assert steps.max() < 0.35  # metres in a twentieth of a second: nobody jumps
    (seam,) = (piece["seam"] for piece in told(placed) if "seam" in piece)
    assert seam["people"] == [1]
    assert "joined by person 1, to within about" in "\n".join(context.notes)


def test_nobody_touches_the_ground_where_the_camera_was_lost(body):
    _, fitted = scene(body, "dolly", 0)
    placed = place_in_world(fitted, body)
    lost = np.flatnonzero(~path_of(fitted.data).found)
    person = placed.people[0]
    assert not person.contacts[np.isin(person.frames, lost)].any()
    there = np.einsum("fij,fkj->fki", placed.camera.rotation, person.joints_world) + placed.camera.translation[:, None]
    np.testing.assert_allclose(there[lost], person.joints[lost], atol=1e-9)


def test_a_seam_is_found_whatever_the_pieces_frames_are(body):
    """Pieces of one placed motion without a gap, one of them turned and shifted: the seam undoes it."""
    truth, _ = scene(body, "dolly", 0)
    before, after = truth.slice(0, 4.0), truth.slice(4.0, None)
    for angle in (-2.5, 0.3, 3.0):
        away = moved(after, turn_about("y", angle), np.array([3.0, 0.0, -7.0]))
        seam = seam_between(before, away)
        back = moved(away, seam.turn, seam.shift)
        apart = np.linalg.norm(back.people[0].joints_world - after.people[0].joints_world, axis=-1)
        assert apart.max() < 0.2  # metres; both sides look ahead along straight ways
        assert np.degrees(geodesic_angle(back.camera.rotation[0], after.camera.rotation[0])) < 3.0


def test_limbs_stay_as_they_are_where_a_root_passes_half_a_turn(body):
    """An axis-angle jumps there from pi to -pi about the same axis; the limbs' rotations have nothing to do with it."""
    truth, _ = scene(body, "dolly", 0)
    person = truth.people[0]
    pose = np.array(person.pose_world)
    pose[:, :3] = matrix_to_axis_angle(turn_about("y", np.linspace(2.6, 3.6, len(person))))
    spinning = truth.replace(people=(person.replace(pose_world=pose),))
    out = moved(spinning, turn_about("y", 0.4), np.zeros(3)).people[0].pose_world
    np.testing.assert_array_equal(out[:, 3:], pose[:, 3:])
    turned = turn_about("y", 0.4) @ axis_angle_to_matrix(pose[:, :3])
    # Degrees; angles near half a turn are known to the root of the numbers' precision.
    assert np.degrees(geodesic_angle(axis_angle_to_matrix(out[:, :3]), turned)).max() < 1e-5
    assert np.abs(np.diff(out[:, :3], axis=0)).max() < 0.1  # no jump


def test_a_seam_says_how_uncertain_it_is(body):
    truth, _ = scene(body, "dolly", 0)
    near, far = (seam_between(truth.slice(0, 3.0), truth.slice(start, None)) for start in (3.2, 5.5))
    assert near.sigma_degrees < far.sigma_degrees
    assert near.sigma_metres < far.sigma_metres
    alone = seam_between(truth.slice(0, 3.0), truth.slice(3.2, None).replace(people=()))
    assert alone.people == ()
    assert alone.sigma_metres > near.sigma_metres


def test_a_static_camera_by_the_users_word_has_no_pieces(body):
    _, fitted = scene(body, "dolly", 0)
    placed = place_in_world(fitted, body, WorldOptions(camera="static"))
    assert placed.camera.rotation.shape == (3, 3)
    assert "shots" not in placed.provenance[-1].arguments


def test_a_given_scale_counts_for_each_piece_and_says_so(body):
    _, fitted = scene(body, "dolly", 0)
    context = Context(body=body)
    placed = place_in_world(fitted, options=WorldOptions(scale=2.0), context=context)
    assert [piece["path"]["scale"] for piece in told(placed)] == [2.0, 2.0]
    assert any("units of their own" in note for note in context.notes)


def test_parts_and_files_keep_the_pieces(body, tmp_path):
    _, fitted = scene(body, "dolly", 0)
    path = path_of(fitted.data)
    assert path.part(slice(60, None)).breaks.tolist() == [path.breaks[0] - 60]
    assert path.part(slice(0, 60)).breaks.tolist() == []
    fitted.save(tmp_path / "motion.npz")
    assert path_of(Motion.load(tmp_path / "motion.npz").data).breaks.tolist() == path.breaks.tolist()
