"""A moving camera whose path is known: one world, in metres, for the camera and everybody in front of it."""

from __future__ import annotations

import numpy as np
import pytest

import kinema
from kinema.body.sizes import BODY_HEIGHT
from kinema.errors import UsageError
from kinema.geometry.camera import to_world
from kinema.geometry.camera_path import path_data, path_of
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.motion import Motion
from kinema.quality import validate_motion
from kinema.stage import Context
from kinema.synthetic import procedural_motion
from kinema.world import WorldOptions, place_in_world
from tests.helpers.monocular import as_fitted, blank
from tests.helpers.moving import filmed, moving_camera, of_other_size, path_of_camera, score_moving

WORLD = ("pose_world", "transl_world", "joints_world", "contacts")


def scene(body, kind: str, seed: int = 0, *, script: str = "rounds", unit: float = 3.0, seconds: float = 8.0):
    """A walk filmed by a moving camera: the truth, and a fit of it with the path that was found."""
    rng = np.random.default_rng(seed)
    motion = procedural_motion(body, script, seed=seed, fps=20)
    motion = motion.slice(0, seconds)
    camera = moving_camera(kind, motion.people[0].joints_world, motion.times, rng)
    path = path_of_camera(camera, motion.times, unit=unit, rng=rng, kind="rotation" if kind == "pan" else "full")
    truth = filmed(motion, camera, path, body)
    return truth, as_fitted(truth, body, rng)


def exact(truth: Motion, **changes) -> Motion:
    """A perfect fit with the true path."""
    path = path_of_camera(truth.camera, truth.times, **changes)
    return blank(truth).replace(data=path_data(path))


def with_path(motion: Motion, path) -> Motion:
    return motion.replace(data={**motion.data, **path_data(path)})


def facts(motion: Motion) -> dict:
    return motion.provenance[-1].arguments


@pytest.fixture(scope="module")
def dolly(body):
    return scene(body, "dolly", 1)


@pytest.fixture(scope="module")
def placed(body, dolly):
    return place_in_world(dolly[1], body)


@pytest.mark.parametrize("kind", ["pan", "dolly", "orbit", "follow", "drone"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_moving_camera_has_a_world_in_metres(body, kind, seed):
    truth, fitted = scene(body, kind, seed)
    placed = place_in_world(fitted, body)
    result, path = score_moving(placed, truth, body), facts(placed)["path"]
    assert result["gravity"] < 5.0  # of one clip of 8 s; the mean is 2
    assert result["person"] < 3.0  # percent of the distance walked; the goal is 5
    assert result["sliding"] < 10.0  # mm/s; the goal is 50
    assert abs(result["ground"]) < 0.1
    assert result["f1"] > 0.8
    assert placed.camera.moving is True
    assert path["kind"] == ("rotation" if kind == "pan" else "full")
    if kind != "pan":
        assert path["scale"] == pytest.approx(3.0, rel=0.08)  # the goal
        assert path["scale_source"] == "people"
        assert result["camera"] < 3.0  # percent of its way


@pytest.mark.parametrize("seed", range(3))
def test_a_camera_in_a_hand_that_stands_hardly_needs_a_scale(body, seed):
    """It sways by 5 cm: how far is hardly seen in people's feet, and hardly matters to where they are."""
    truth, fitted = scene(body, "handheld", seed)
    placed = place_in_world(fitted, body)
    assert score_moving(placed, truth, body)["person"] < 2.0
    path = facts(placed)["path"]
    assert abs(np.log(path["scale"] / 3.0)) < 3 * path["sigma_scale"]
    assert path["sigma_scale"] > 0.1


def test_without_errors_the_world_is_the_true_one(body):
    truth, _ = scene(body, "orbit", 2)
    placed = place_in_world(exact(truth, unit=0.2), body)
    result = score_moving(placed, truth, body)
    assert facts(placed)["path"]["scale"] == pytest.approx(0.2, rel=0.01)
    assert result["person"] < 0.5
    assert result["camera"] < 0.5
    assert result["gravity"] < 1.0


def test_the_conventions_of_the_world(body, dolly, placed):
    camera, person = placed.camera, placed.people[0]
    assert camera.rotation.shape == (placed.num_frames, 3, 3)
    forward = camera.rotation[0].T @ [0.0, 0.0, 1.0]
    assert abs(forward[0]) < 1e-9
    assert forward[2] < 0  # the first camera looks along -z
    pitch = np.degrees(np.arcsin(-forward[1]))
    assert facts(placed)["gravity"]["pitch"] == pytest.approx(pitch, abs=0.01)
    places = -np.einsum("tji,tj->ti", camera.rotation, camera.translation)
    assert facts(placed)["camera_height"] == pytest.approx(places[:, 1].mean(), abs=1e-3)
    feet = body.posed_points("contacts", person.pose_world, person.betas, person.transl_world)
    assert np.abs(feet[..., 1][person.contacts]).max() < 0.03
    assert feet[..., 1].min() > -0.01
    for name in ("pose", "betas", "transl", "joints"):
        assert np.array_equal(getattr(person, name), getattr(dolly[1].people[0], name))


def test_without_the_clean_up_people_go_through_the_cameras_pose(body, dolly):
    out = place_in_world(dolly[1], body, WorldOptions(clean=False))
    person = out.people[0]
    assert np.allclose(to_world(person.joints, out.camera), person.joints_world, atol=1e-6)


@pytest.mark.parametrize("unit", [0.01, 100.0])
def test_the_unit_of_the_path_does_not_matter(body, dolly, placed, unit):
    path = path_of(dolly[1].data)
    other = place_in_world(with_path(dolly[1], path.replace(centre=path.centre / unit)), body)
    assert facts(other)["path"]["scale"] == pytest.approx(unit * facts(placed)["path"]["scale"], rel=1e-4)
    assert np.allclose(other.people[0].joints_world, placed.people[0].joints_world, atol=1e-3)
    assert np.allclose(other.camera.translation, placed.camera.translation, atol=1e-3)


def test_the_frame_of_the_path_does_not_matter(body, dolly, placed):
    path = path_of(dolly[1].data)
    turn = axis_angle_to_matrix(np.array([0.4, -1.9, 0.8]))
    turned = path.replace(rotation=path.rotation @ turn.T, centre=path.centre @ turn.T + [3.0, -1.0, 2.0])
    other = place_in_world(with_path(dolly[1], turned), body)
    assert np.allclose(other.people[0].joints_world, placed.people[0].joints_world, atol=1e-6)
    assert np.allclose(other.camera.rotation, placed.camera.rotation, atol=1e-6)


def test_the_scale_follows_the_peoples_size(body, dolly, placed):
    """One camera cannot tell a tall person who is far from a small one who is near: all is 1.1 times as large."""
    taller = place_in_world(of_other_size(dolly[1], body, 1.1), body)
    assert facts(taller)["path"]["scale"] == pytest.approx(1.1 * facts(placed)["path"]["scale"], rel=0.02)


def test_a_given_height_makes_it_certain(body, dolly, placed):
    person = dolly[1].people[0]
    known = {BODY_HEIGHT: {"metres": 1.75, "source": "given", "uncertainty": 0.02}}
    out = place_in_world(dolly[1].replace(people=(person.replace(data={**person.data, **known}),)), body)
    assert facts(out)["path"]["sigma_scale"] < 0.5 * facts(placed)["path"]["sigma_scale"]
    sigma = facts(out)["path"]["sigma_scale"]
    assert abs(np.log(facts(out)["path"]["scale"] / 3.0)) < 3 * sigma < 0.15


def test_a_given_scale_and_a_path_in_metres_are_taken(body, dolly):
    given = place_in_world(dolly[1], body, WorldOptions(scale=2.5))
    assert facts(given)["path"]["scale"] == 2.5
    assert facts(given)["path"]["scale_source"] == "option"
    again = place_in_world(given, body)  # as after a refinement
    assert facts(again)["path"]["scale"] == 2.5
    metric = place_in_world(with_path(dolly[1], path_of(dolly[1].data).scaled(3.1)), body)
    assert facts(metric)["path"]["scale_source"] == "metric"
    length = np.linalg.norm(np.diff(path_of(metric.data).centre, axis=0), axis=1).sum()
    assert facts(metric)["path"]["length"] == pytest.approx(length, abs=1e-3)


def test_two_people_share_the_world(body):
    """The second walks elsewhere, and was fitted 12 % too small: the scale lies between, and both keep still feet."""
    rng = np.random.default_rng(5)
    first, second = (procedural_motion(body, "rounds", seed=seed, fps=20).slice(0, 6) for seed in (5, 6))
    beside = second.people[0]
    shift = np.array([1.5, 0.0, -1.0])
    beside = beside.replace(id=2, transl_world=beside.transl_world + shift, joints_world=beside.joints_world + shift)
    both = first.replace(people=(first.people[0], beside))
    camera = moving_camera("orbit", first.people[0].joints_world, first.times, rng)
    truth = filmed(both, camera, path_of_camera(camera, first.times, unit=0.5, rng=rng), body)
    fitted = as_fitted(truth, body, rng)
    small = of_other_size(fitted.select(2), body, 0.88).people[0]
    placed = place_in_world(fitted.replace(people=(fitted.people[0], small)), body)
    assert 0.88 < facts(placed)["path"]["scale"] / 0.5 < 1.02
    assert score_moving(placed, truth, body)["person"] < 5.0
    for person in placed:
        assert facts(placed)["people"][str(person.id)]["sliding_after"] < 20


def test_a_vertical_that_was_measured_is_kept(body):
    truth, fitted = scene(body, "dolly", 3, script="on-the-spot")
    up = truth.camera.rotation[0] @ [0.0, 1.0, 0.0]
    placed = place_in_world(with_path(fitted, path_of(fitted.data).replace(up=up)), body)
    assert score_moving(placed, truth, body)["gravity"] < 1.0


@pytest.mark.parametrize("how", ["static", "same place", "none found", "other length"])
def test_a_path_that_tells_nothing_changes_nothing(body, dolly, how):
    fitted = dolly[1].replace(data={})
    fitted = fitted.replace(camera=fitted.camera.replace(moving=False))
    path = path_of(dolly[1].data)
    still = path.replace(rotation=np.tile(np.eye(3), (len(path), 1, 1)), centre=np.zeros((len(path), 3)))
    path = {
        "static": path.replace(kind="static"),
        "same place": still,
        "none found": path.replace(found=np.zeros(len(path), bool)),
        "other length": path.part(slice(0, 20)),
    }[how]
    alone, out = place_in_world(fitted, body), place_in_world(with_path(fitted, path), body)
    detected = fitted.replace(camera=fitted.camera.replace(moving=True))
    placed = place_in_world(with_path(detected, path), body)  # a path that was found overrules the detector
    assert (placed.people[0].pose_world is not None) == (how in ("static", "same place"))
    assert placed.camera.moving is (how not in ("static", "same place"))
    for name in WORLD:
        assert np.array_equal(getattr(alone.people[0], name), getattr(out.people[0], name))
    assert np.array_equal(alone.camera.rotation, out.camera.rotation)


def test_a_moving_camera_without_a_path_says_what_to_do(body, dolly):
    context = Context(body)
    out = place_in_world(dolly[1].replace(data={}, camera=dolly[1].camera.replace(moving=True)), context=context)
    assert out.camera.rotation is None
    assert "kinema camera" in context.notes[0]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_very_short_clips_are_handled(body, dolly, count):
    end = dolly[1].times[count]
    out = place_in_world(dolly[1].slice(None, end), body)
    assert out.num_frames == count
    assert np.isfinite(out.people[0].joints_world).all()
    assert np.isfinite(out.camera.translation).all()


def test_nobody_in_front_of_a_moving_camera(body, dolly):
    context = Context(body)
    out = place_in_world(dolly[1].replace(people=()), context=context)
    assert out.people == ()
    assert context.notes == []
    assert facts(out)["reason"] == "nobody has a fitted body"


def test_the_user_may_say_that_the_camera_stands_still(body, dolly):
    out = place_in_world(dolly[1], body, WorldOptions(camera="static"))
    assert out.camera.rotation.shape == (3, 3)


def test_an_uncertain_scale_is_said(body, dolly):
    """Somebody who floats above the ground has no feet that stand still."""
    _, fitted = scene(body, "dolly", 1, seconds=1.0)
    person = fitted.people[0]
    adrift = person.transl + np.linspace(0, 1, len(person))[:, None] ** 2 * [2.0, 0.0, 1.0]
    unsure = fitted.replace(people=(person.replace(transl=adrift, observed=np.zeros(len(person), bool), joints=None),))
    context = Context(body)
    place_in_world(unsure, context=context)
    assert any("how far the camera went" in note for note in context.notes)


def test_each_shot_has_a_path_and_a_scale_of_its_own(body):
    halves = [scene(body, kind, seed, unit=unit, seconds=4.0)[1] for kind, seed, unit in
              (("dolly", 1, 3.0), ("orbit", 2, 0.4))]  # fmt: skip
    whole = Motion.concatenate([each.replace(data={}) for each in halves])
    paths = [path_of(each.data) for each in halves]
    both = paths[0].replace(
        rotation=np.concatenate([path.rotation for path in paths]),
        centre=np.concatenate([path.centre for path in paths]),
        found=None,
    )
    cut = halves[0].num_frames
    placed = place_in_world(with_path(whole, both).replace(cuts=[cut]), body)
    for number, (half, frames) in enumerate(zip(halves, placed.shots, strict=True)):
        alone = place_in_world(half, body)
        assert facts(placed)["shots"][number]["path"]["scale"] == facts(alone)["path"]["scale"]
        assert np.allclose(placed.camera.rotation[frames], alone.camera.rotation, atol=1e-9)
        rows = slice(0, cut) if number == 0 else slice(cut, None)
        assert np.allclose(placed.people[0].joints_world[rows], alone.people[0].joints_world, atol=1e-9)


def test_a_part_of_the_clip_keeps_its_part_of_the_path(dolly):
    part = dolly[1].slice(1.0, 3.0)
    assert len(path_of(part.data)) == part.num_frames
    first = int(np.argmax(dolly[1].times >= 1.0))
    assert np.array_equal(path_of(part.data).centre[0], path_of(dolly[1].data).centre[first])


def test_the_world_is_judged_sound_and_goes_through_files(body, placed, tmp_path):
    assert not list(validate_motion(placed).all_problems())
    again = kinema.load(placed.save(tmp_path / "moving.pkl"))
    assert np.array_equal(again.camera.rotation, placed.camera.rotation)
    assert np.array_equal(again.people[0].joints_world, placed.people[0].joints_world)
    assert np.array_equal(path_of(again.data).centre, path_of(placed.data).centre)
    skeleton = kinema.load(placed.save(tmp_path / "moving.bvh"))
    assert np.allclose(skeleton.people[0].joints_world, placed.people[0].joints_world, atol=1e-4)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(UsageError, match="scale"):
        WorldOptions(scale=scale)


def test_who_is_zoomed_in_on_comes_no_nearer(body):
    """Bodies are fitted with one focal length: as it grows, they seem to come nearer. The path's own say otherwise."""
    truth, _ = scene(body, "pan", seconds=5.0)
    motion = exact(truth, kind="rotation")
    zoom = np.linspace(0.8, 1.25, motion.num_frames)
    (person,) = motion
    pelvis = body.rest_joints(person.betas)[:, 0]
    seen = (person.transl + pelvis) / np.stack([np.ones_like(zoom), np.ones_like(zoom), zoom], axis=1)[person.frames]
    motion = motion.replace(people=(person.replace(transl=seen - pelvis),))
    path = path_of(motion.data)
    lenses = np.tile(motion.camera.intrinsics, (motion.num_frames, 1, 1))
    lenses[:, [0, 1], [0, 1]] *= zoom[:, None]
    found = score_moving(place_in_world(with_path(motion, path.replace(intrinsics=lenses)), body), truth, body)
    without = score_moving(place_in_world(motion, body), truth, body)
    assert found["person"] < 2.0  # percent of the distance walked
    assert without["person"] > 2 * found["person"]
