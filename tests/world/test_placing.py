"""The world stage on whole motions: conventions, the fields it fills, what it records, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.geometry.camera import to_world
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from kinema.metrics import foot_sliding
from kinema.motion import Motion
from kinema.synthetic import motion_from_mocap, procedural_motion, studio_camera
from kinema.world import WorldOptions, place_in_world
from kinema.world.placing import WORLD_FIELDS
from tests.helpers.monocular import as_fitted, blank, random_camera, score, seen_from


@pytest.fixture(scope="module")
def walk(body):
    return procedural_motion(body, "rounds", seed=3, fps=20)


@pytest.fixture(scope="module")
def placed(body, walk):
    return place_in_world(as_fitted(walk, body, np.random.default_rng(1)), body)


def facts(motion):
    return motion.provenance[-1].arguments


@pytest.mark.parametrize("script", ["demo", "rounds"])
@pytest.mark.parametrize("seed", range(3))
def test_one_camera_is_enough_to_place_a_walk(body, script, seed):
    rng = np.random.default_rng(seed)
    motion = procedural_motion(body, script, seed=seed, fps=20)
    motion = seen_from(motion, random_camera(motion.people[0].joints_world, rng), body)
    placed = place_in_world(as_fitted(motion, body, rng), body)
    result = score(placed, motion, body)
    person = facts(placed)["people"]["1"]
    assert result["gravity"] < 3.0
    assert abs(result["ground"]) < 0.08
    assert result["contact_f1"] > 0.8
    assert result["trajectory"] < 3.0  # percent of the distance travelled: the goal of the stage
    assert person["floating_max_after"] < 20
    assert person["floating_after"] < 3
    assert person["sliding_after"] < 0.05 * person["sliding_before"]


def test_the_worlds_conventions(body, walk, placed):
    camera, person = placed.camera, placed.people[0]
    assert camera.moving is False
    forward = camera.rotation.T @ [0.0, 0.0, 1.0]
    assert abs(forward[0]) < 1e-9
    assert forward[2] < 0  # the camera looks along -z
    assert np.linalg.det(camera.rotation) == pytest.approx(1.0)
    start = to_world(placed.people[0].joints[:1], camera)[0, 0]
    assert np.allclose(start[[0, 2]], 0.0, atol=0.3)  # below the first pelvis, except for the corrected distance
    feet = body.posed_points("contacts", person.pose_world, person.betas, person.transl_world)
    assert np.abs(feet[..., 1][person.contacts]).max() < 0.02
    assert feet[..., 1].min() > -0.005
    slides = foot_sliding(feet, person.contacts, placed.times)
    assert np.nanmean(slides) < 0.01


def test_the_fields_are_consistent_and_the_camera_frame_is_unchanged(body, walk, placed):
    fitted = as_fitted(walk, body, np.random.default_rng(1))
    person = placed.people[0]
    for name in ("pose", "betas", "transl", "joints"):
        assert np.array_equal(getattr(person, name), getattr(fitted.people[0], name))
    joints = body.joints(person.pose_world, person.betas, person.transl_world)
    assert np.allclose(joints, person.joints_world, atol=1e-9)


def test_without_the_clean_up_the_world_is_a_rigid_transform(body, walk):
    fitted = as_fitted(walk, body, np.random.default_rng(1))
    placed = place_in_world(fitted, body, WorldOptions(clean=False))
    person = placed.people[0]
    assert np.allclose(to_world(person.joints, placed.camera), person.joints_world, atol=1e-6)
    assert facts(placed)["people"]["1"]["moved_max"] == 0.0


def test_joint_angles_of_the_upper_body_stay_as_they_were_fitted(body, placed):
    person = placed.people[0]
    upper = [3, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]
    turn = geodesic_angle(
        axis_angle_to_matrix(person.pose.reshape(-1, 24, 3)[:, upper]),
        axis_angle_to_matrix(person.pose_world.reshape(-1, 24, 3)[:, upper]),
    )
    assert turn.max() < 1e-6


def test_changes_and_uncertainty_are_recorded(placed):
    recorded = facts(placed)
    assert recorded["placed"] is True
    assert recorded["camera"] == "auto"
    assert set(recorded["gravity"]) == {"source", "pitch", "roll", "sigma_roll", "sigma_pitch"}
    assert recorded["gravity"]["source"] == "feet"
    assert recorded["camera_height"] > 0
    figures = recorded["people"]["1"]
    assert figures["moved"] > figures["bent"] > 0
    assert placed.provenance[-1].name == "world"
    assert list(placed.provenance[-1].weights) == ["free"]


@pytest.mark.parametrize("how", ["detector", "option"])
def test_a_moving_camera_is_recorded_and_the_world_stays_empty(body, walk, placed, how):
    options = WorldOptions(camera="moving") if how == "option" else WorldOptions()
    moving = placed.replace(camera=placed.camera.replace(moving=how == "detector"))
    out = place_in_world(moving, body, options)
    assert facts(out)["placed"] is False
    assert "camera moves" in facts(out)["reason"]
    assert all(getattr(out.people[0], name) is None for name in WORLD_FIELDS)
    assert out.camera.rotation is None
    assert out.camera.moving is True
    assert np.array_equal(out.people[0].pose, placed.people[0].pose)


def test_static_overrides_the_detector(body, walk):
    moving = blank(walk)
    moving = moving.replace(camera=moving.camera.replace(moving=True))
    out = place_in_world(moving, body, WorldOptions(camera="static"))
    assert out.people[0].joints_world is not None
    assert out.camera.moving is False


def test_a_motion_without_people_is_accepted(body, walk):
    empty = walk.replace(people=())
    out = place_in_world(empty, body)
    assert facts(out)["placed"] is False
    assert out.people == ()


def test_a_person_without_a_body_is_left_unchanged(body, walk):
    from kinema.person import Person

    seen = Person(7, np.arange(5), boxes=np.ones((5, 4)))
    motion = blank(walk)
    out = place_in_world(motion.replace(people=(seen, *motion.people)), body)
    assert out.person(7).filled == ("boxes",)
    assert out.people[1].joints_world is not None


def test_a_motion_without_a_camera_is_refused(body, walk):
    with pytest.raises(UsageError, match="camera"):
        place_in_world(blank(walk).replace(camera=None), body)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_very_short_clips_are_handled(body, walk, count):
    person = blank(walk).people[0].select(np.arange(count))
    motion = Motion(walk.times[:count], walk.width, walk.height, (person,), camera=blank(walk).camera)
    out = place_in_world(motion, body)
    assert out.people[0].contacts.shape == (count, 4)
    assert np.isfinite(out.people[0].joints_world).all()


def test_a_gap_in_the_track_is_not_bridged(body, walk):
    fitted = as_fitted(walk, body, np.random.default_rng(1))
    rows = np.r_[0:60, 100:150]
    motion = fitted.replace(people=(fitted.people[0].select(rows),))
    out = place_in_world(motion, body)
    person = out.people[0]
    assert np.array_equal(person.frames, rows)
    feet = body.posed_points("contacts", person.pose_world, person.betas, person.transl_world)
    assert feet[..., 1].min() > -0.005
    alone = place_in_world(fitted.replace(people=(fitted.people[0].select(np.arange(60)),)), body)
    bent = person.joints_world[:60] - person.joints_world[:60, :1]
    other = alone.people[0].joints_world - alone.people[0].joints_world[:, :1]
    # The same piece alone differs only by gravity, which is estimated from all frames.
    assert np.linalg.norm(bent - other, axis=-1).mean() < 0.05


def test_a_person_on_a_box_stays_there_and_the_walker_sets_the_ground(body):
    camera = studio_camera(position=(0.0, 1.6, 2.0), pitch=0.1)
    motion = seen_from(procedural_motion(body, "rounds", seed=0, fps=15), camera, body)
    walker = blank(motion).people[0]
    up = camera.rotation @ [0.0, 1.0, 0.0]
    standing = procedural_motion(body, "on-the-spot", seed=0, fps=15)
    standing = blank(seen_from(standing, camera, body)).people[0].select(np.arange(60))
    above = standing.replace(id=2, transl=standing.transl + 1.1 * up, joints=None)
    out = place_in_world(blank(motion).replace(people=(above, walker)), body)
    feet = [body.posed_points("contacts", p.pose_world, p.betas, p.transl_world)[..., 1] for p in out.people]
    assert facts(out)["raised"] == 1
    assert feet[0].mean() == pytest.approx(1.1, abs=0.2)
    assert feet[0].std() < 0.02
    assert np.abs(feet[1][out.people[1].contacts]).max() < 0.02


def test_feet_outside_the_image_are_ignored(body):
    camera = studio_camera(position=(0.0, 1.45, -3.0), pitch=0.0)
    motion = seen_from(procedural_motion(body, "on-the-spot", seed=0, fps=15), camera, body)
    out = place_in_world(blank(motion), body)
    assert facts(out)["feet_seen"] == 0.0
    assert not out.people[0].contacts.any()
    assert facts(out)["gravity"]["source"] == "axis"


def test_progress_is_reported(body, walk):
    seen = []
    place_in_world(blank(walk), body, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (1, 1)


@pytest.mark.parametrize("settings", [{"camera": "drone"}, {"max_gap": 0.0}])
def test_invalid_options_are_refused(settings):
    with pytest.raises(UsageError):
        WorldOptions(**settings)


@pytest.mark.slow
def test_captured_walks_are_placed_within_the_goals(body, data_dir):
    """Twelve walks from CMU's motion capture, each seen by a random camera, with simulated fit errors."""
    capture = np.load(data_dir / "mocap" / "cmu_train.npz")
    starts = capture["seq_start"]
    # Subject 03 walks on uneven terrain.
    rows = np.flatnonzero((capture["category"] == "walk") & (capture["subject"] != "03"))[::5]
    results = []
    for row in rows:
        part = slice(starts[row], starts[row + 1])
        rng = np.random.default_rng(int(row))
        rest = capture["rest_offsets"][row]
        motion = motion_from_mocap(
            body,
            capture["root"][part],
            capture["smpl24_quat_i16"][part] / 32767.0,
            30.0,
            leg_length=float(np.linalg.norm(rest[4]) + np.linalg.norm(rest[7])),
        )
        motion = seen_from(motion, random_camera(motion.people[0].joints_world, rng), body)
        results.append(score(place_in_world(as_fitted(motion, body, rng), body), motion, body))
    mean = {key: np.mean([result[key] for result in results]) for key in results[0]}
    assert len(results) >= 12
    assert mean["gravity"] < 3.0
    assert mean["trajectory"] < 3.0
    assert mean["legs_after"] < mean["legs_before"]
