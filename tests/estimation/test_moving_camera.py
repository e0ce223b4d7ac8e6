"""The fit before a camera that shakes, and of keypoints that leap as no body does."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.estimation import FitOptions, fit_body, solver
from kinema.geometry.camera import project
from kinema.geometry.camera_path import CameraPath, path_data
from kinema.geometry.rotations import axis_angle_to_matrix, turned_root
from kinema.metrics import time_derivative
from kinema.motion import Motion
from kinema.skeleton import SMPL24
from tests.helpers.fit_scenes import Scene, make_scene, swinging

ANALYTIC = FitOptions(prior="analytic")


def shaken(body, fps: float = 50.0) -> tuple[Scene, np.ndarray]:
    """A walk 9 m from a camera that shakes by a degree at 6 Hz, and the camera's rotations (F,3,3)."""
    frames = 80
    t = np.arange(frames) / fps
    angle = np.radians(1.0) * np.stack([np.sin(2 * np.pi * 6 * t), np.cos(2 * np.pi * 5 * t), 0 * t], axis=1)
    turn = axis_angle_to_matrix(angle)
    pose = turned_root(swinging(frames, fps), turn)
    way = np.stack([0.8 * t - 0.6, 0.2 + 0 * t, 9.0 + 0.2 * t], axis=-1)
    pelvis = body.rest_joints(np.zeros((1, 10)))[0, 0]
    transl = np.einsum("fij,fj->fi", turn, way + pelvis) - pelvis
    return make_scene(body, frames=frames, fps=fps, pixel_noise=1.0, pose=pose, transl=transl), turn


def known(motion: Motion, turn: np.ndarray) -> Motion:
    path = CameraPath(turn, np.zeros((len(turn), 3)), motion.camera.intrinsics, kind="rotation")
    return motion.replace(data={**motion.data, **path_data(path)})


def unsteadiness(person, truth, turn: np.ndarray, times: np.ndarray) -> float:
    """m/s^2 by which the pelvis shakes in axes that do not turn, more than the true one; root mean square, across."""
    paths = [np.einsum("fji,fj->fi", turn, each.joints[:, 0]) for each in (person, truth)]
    wrong = time_derivative(paths[0] - paths[1], times, 2)
    return float(np.sqrt(np.mean(wrong[:, :2] ** 2)))


def test_a_shaking_camera_does_not_shake_a_body(body):
    """Smoothed in the camera's own axes, which shake by 90 m/s^2 at 9 m, the body lags behind every turn of it."""
    scene, turn = shaken(body)
    times = scene.seen.times
    seen = known(scene.seen, turn)
    steady = unsteadiness(fit_body(seen, body, ANALYTIC).people[0], scene.truth, turn, times)
    dragged = unsteadiness(fit_body(scene.seen, body, ANALYTIC).people[0], scene.truth, turn, times)
    assert steady < 0.3 * dragged


@pytest.mark.parametrize("turned", [False, True])
def test_nobody_is_carried_off_by_keypoints_of_somebody_further_away(body, turned):
    """For 0.3 s the keypoints are those of somebody at nearly twice the distance, before a camera that stands or turns:
    who moved at 0.3 m/s until then cannot run there."""
    frames = 60
    scene = make_scene(body, frames=frames, pixel_noise=1.0)
    other = slice(28, 37)
    far = scene.truth.transl.copy()
    far[other, 2] *= 1.8
    points = body.posed_points("blazepose33", scene.truth.pose, scene.truth.betas, far)
    person = scene.seen.people[0]
    pixels = person.keypoints.copy()
    pixels[other] = project(points[other], scene.seen.camera.intrinsics)
    seen = scene.seen.replace(people=(person.replace(keypoints=pixels),))
    if turned:
        pan = np.radians(np.linspace(-5, 5, frames))
        turn = axis_angle_to_matrix(pan[:, None] * [0.0, 1.0, 0.0])
        seen = known(seen, turn)
    root = fit_body(seen, body, ANALYTIC).people[0].joints[:, SMPL24.index("pelvis"), 2]
    assert np.abs(np.diff(root)).max() * 30 < solver.FASTEST + 1.0  # more than SIGMA, since a crowd of points pulls


def test_movement_that_bodies_make_is_untouched_by_the_limits(body, monkeypatch):
    scene = make_scene(body, pixel_noise=3.0, depth_noise=0.05)
    bounded = fit_body(scene.seen, body, ANALYTIC).people[0]
    monkeypatch.setattr(solver, "MOST_ACROSS", np.inf)
    monkeypatch.setattr(solver, "FASTEST", np.inf)
    free = fit_body(scene.seen, body, ANALYTIC).people[0]
    assert np.array_equal(bounded.transl, free.transl)


def test_a_camera_that_moves_in_an_unknown_way_sets_no_limits(body):
    """What it does may look like any acceleration of a body."""
    scene = make_scene(body, pixel_noise=1.0)
    person = scene.seen.people[0]
    pixels = person.keypoints + np.where(np.arange(len(person)) < 30, 0.0, 300.0)[:, None, None] * [1.0, 0.0]
    seen = scene.seen.replace(people=(person.replace(keypoints=pixels),))

    def step(motion: Motion) -> float:
        return float(np.abs(np.diff(fit_body(motion, body, ANALYTIC).people[0].joints[:, 0, 0])).max())

    unknown = step(seen.replace(data={**seen.data, "camera_motion": {"moving": True, "shots": []}}))
    assert unknown > 1.5 * step(seen)
