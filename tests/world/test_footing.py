"""Metres of a camera's path from the ground under people's feet, where the path's places of the background show it."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body.sizes import BODY_HEIGHT
from kinema.geometry.camera import Camera, camera_from_fov
from kinema.geometry.camera_path import CameraPath, path_data
from kinema.motion import Motion
from kinema.synthetic import procedural_motion
from kinema.world import place_in_world
from tests.helpers.monocular import as_fitted
from tests.helpers.moving import filmed, of_other_size, path_of_camera, with_places

UNIT = 2.0


def towards(motion: Motion, way: np.ndarray) -> Camera:
    """A camera 1.5 m high that looks level at somebody from 4.5 m away and moves along `way` (T,3), towards the person
    along z."""
    there = motion.people[0].joints_world[:, 0].mean(axis=0) * [1.0, 0.0, 1.0]
    rotation = np.diag([1.0, -1.0, -1.0])
    place = there + [0.0, 1.5, 4.5] + way * [1.0, 1.0, -1.0]
    camera = camera_from_fov(1280, 960, 70.0)
    return camera.replace(
        rotation=np.tile(rotation, (len(place), 1, 1)), translation=-place @ rotation.T, moving=True
    )  # fmt: skip


def on_the_spot(body, seed: int) -> Motion:
    return procedural_motion(body, "on-the-spot", seed=seed, fps=20).slice(0, 4.0)


def ground_near(motion: Motion, rng: np.random.Generator, height: float = 0.0, count: int = 60) -> np.ndarray:
    """Places (P,3) on the ground around somebody, up to 2 m away."""
    there = motion.people[0].joints_world[:, 0].mean(axis=0)
    return there * [1.0, 0.0, 1.0] + np.stack(
        [rng.uniform(-2, 2, count), np.full(count, height), rng.uniform(-2, 2, count)], axis=1
    )


def fit(
    motion: Motion, camera: Camera, path: CameraPath, body, rng, factor: float = 1.0, sigma: float = 0.01
) -> Motion:
    """What a fit makes of it: its errors, and a size that is off by a factor all the time, by `sigma` as it states."""
    fitted = of_other_size(as_fitted(filmed(motion, camera, path, body), body, rng), body, factor)
    height = {BODY_HEIGHT: {"metres": 1.7, "source": "given", "uncertainty": 1.7 * sigma}}
    return fitted.replace(people=tuple(person.replace(data={**person.data, **height}) for person in fitted))


def scale(fitted: Motion, body) -> tuple[float, float]:
    """Logarithm of the scale over the true one, and the stated standard deviation."""
    told = place_in_world(fitted, body).provenance[-1].arguments["path"]
    return float(np.log(told["scale"] / UNIT)), told["sigma_scale"]


def ahead(motion: Motion, metres: float = 1.5) -> np.ndarray:
    share = (1 - np.cos(np.pi * motion.times / motion.times[-1])) / 2
    return metres * share[:, None] * [0.0, 0.0, 1.0]


@pytest.mark.parametrize("factor", [1.0, 1.08, 0.92])
def test_straight_at_somebody_who_stands(body, factor):
    """The ground shows the scale as exactly as the size is known: here to 5 % beside it, where the feet alone show it
    half as exactly. A size that is wrong all the time makes the scale wrong by as much, and is not noticed."""
    errors, stated, without = [], [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        motion = on_the_spot(body, seed)
        camera = towards(motion, ahead(motion))
        plain = path_of_camera(camera, motion.times, unit=UNIT)
        path = with_places(plain, camera, UNIT, rng, ground_near(motion, rng))
        fitted = fit(motion, camera, path, body, rng, factor)
        error, sigma = scale(fitted, body)
        errors.append(error - np.log(factor))
        stated.append(sigma)
        blind = fitted.replace(data={**{k: v for k, v in fitted.data.items() if "points" not in k}, **path_data(plain)})
        without.append(scale(blind, body)[1])
    assert np.abs(errors).max() < 0.06
    assert np.sqrt(np.mean(np.square(errors))) < 1.5 * np.mean(stated)  # as good as it says
    assert max(stated) < 0.06
    assert min(without) > 2 * max(stated)


def test_what_size_is_not_known_is_not_known_of_the_scale(body):
    """The ground adds nothing to the people's own size: 8 % stay 8 %."""
    rng = np.random.default_rng(1)
    motion = on_the_spot(body, 1)
    camera = towards(motion, ahead(motion))
    path = with_places(path_of_camera(camera, motion.times, unit=UNIT), camera, UNIT, rng, ground_near(motion, rng))
    sigma = scale(fit(motion, camera, path, body, rng, sigma=0.08), body)[1]
    assert 0.08 < sigma < 0.12


def test_a_camera_that_sways(body):
    """By 3 cm: the ground shows what that is to a few percent, if the path is exact."""
    rng = np.random.default_rng(2)
    motion = on_the_spot(body, 2)
    sway = 0.03 * np.stack([np.sin(5 * motion.times), np.sin(3.7 * motion.times), np.sin(4.1 * motion.times)], axis=1)
    camera = towards(motion, sway)
    path = with_places(path_of_camera(camera, motion.times, unit=UNIT), camera, UNIT, rng, ground_near(motion, rng))
    error, sigma = scale(fit(motion, camera, path, body, rng), body)
    assert abs(error) < 0.06
    assert sigma < 0.06


@pytest.mark.parametrize("where", ["far away", "a table", "few"])
def test_places_that_are_no_ground_tell_nothing(body, where):
    """The scale and its deviation stay those of the feet, to a hundredth: walls out of reach; a plane so much nearer
    that the camera, which goes sideways, would have gone half as far; and two places."""
    rng = np.random.default_rng(3)
    motion = on_the_spot(body, 3)
    camera = towards(motion, ahead(motion)[:, [2, 1, 0]])
    plain = path_of_camera(camera, motion.times, unit=UNIT)
    ground = ground_near(motion, rng, height=0.75 if where == "a table" else 0.0)
    if where == "far away":
        ground = ground + [0.0, 0.0, -8.0]
    path = with_places(plain, camera, UNIT, rng, ground[:2] if where == "few" else ground)
    if where == "a table":
        path = path.replace(points=path.points[:60], points_sigma=path.points_sigma[:60], points_piece=np.zeros(60))
    fitted = fit(motion, camera, path, body, np.random.default_rng(3))
    blind = fit(motion, camera, plain, body, np.random.default_rng(3))
    np.testing.assert_allclose(scale(fitted, body), scale(blind, body), atol=0.01)


def test_a_path_that_shakes_is_not_taken_for_a_shorter_one(body):
    """The found path jitters by 4 mm in each frame, which the feet on the ground do not follow: the fewer metres a unit
    is, the better that would seem to fit. On average over clips, the camera's way keeps its length to within 10 %."""
    errors = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        motion = on_the_spot(body, seed)
        camera = towards(motion, ahead(motion)[:, [2, 1, 0]])
        path = path_of_camera(camera, motion.times, unit=UNIT)
        path = path.replace(centre=path.centre + 0.004 / UNIT * rng.normal(size=path.centre.shape))
        errors.append(scale(fit(motion, camera, path, body, rng), body)[0])
    assert abs(np.mean(errors)) < 0.1
