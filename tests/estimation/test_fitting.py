"""The fit finds a known body from its landmarks, and says how well it explains them."""

from __future__ import annotations

import numpy as np
import pytest
from fit_scenes import HEIGHT, WIDTH, make_scene

from kinema.errors import UsageError
from kinema.estimation import FitOptions, fit_body
from kinema.motion import Motion, Person
from kinema.skeleton import BLAZEPOSE33, LIMBS12, SMPL24

LIMBS = SMPL24.indices(LIMBS12)
DIRECT = FitOptions(prior="direct")


def relative_error(fitted, truth) -> float:
    """Mean joint distance in metres, pelvis aligned."""
    a = fitted.joints[:, LIMBS] - fitted.joints[:, :1]
    b = truth.joints[:, LIMBS] - truth.joints[:, :1]
    return float(np.linalg.norm(a - b, axis=-1).mean())


def test_clean_landmarks_are_explained_to_the_pixel(body):
    scene = make_scene(body)
    person = fit_body(scene.seen, body, DIRECT).people[0]
    assert np.median(person.reprojection_error) < 2.0
    # The prior's even spine pulls against the true one, hence millimetres to centimetres and not zero.
    assert relative_error(person, scene.truth) < 0.03


def test_noise_is_averaged_over_time(body):
    scene = make_scene(body, pixel_noise=6.0, depth_noise=0.10)
    person = fit_body(scene.seen, body, DIRECT).people[0]
    raw = scene.seen.people[0].keypoints3d[:, BLAZEPOSE33.indices(LIMBS12)]
    hips = scene.truth.joints[:, SMPL24.indices(("left_hip", "right_hip"))].mean(axis=1, keepdims=True)
    raw_error = np.linalg.norm(raw - (scene.truth.joints[:, LIMBS] - hips), axis=-1).mean()
    assert relative_error(person, scene.truth) < 0.7 * raw_error


def test_the_shape_follows_the_evidence_and_a_given_height_is_met(body):
    tall = np.zeros(10)
    scene = make_scene(body, betas=tall, pixel_noise=1.0)
    fitted = fit_body(scene.seen, body, FitOptions(prior="direct", height=1.85)).people[0]
    vertices = body.vertices(np.zeros((1, 72)), fitted.betas[:1], np.zeros((1, 3)))[0]
    assert np.ptp(vertices[:, 1]) == pytest.approx(1.85, abs=0.012)  # other vertices may top the template's highest
    assert np.all(fitted.betas == fitted.betas[0]), "one shape for the whole track"


def test_frame_rate_hardly_changes_the_result(body):
    slow = fit_body(make_scene(body, frames=40, fps=30.0, pixel_noise=2.0).seen, body, DIRECT).people[0]
    fast = fit_body(make_scene(body, frames=80, fps=60.0, pixel_noise=2.0).seen, body, DIRECT).people[0]
    distance = np.linalg.norm(slow.joints - fast.joints[::2], axis=-1)
    # The noise differs; a smoothness that depended on the rate would differ by decimetres along the view.
    assert np.median(distance) < 0.06


def test_chunks_continue_each_other(body):
    scene = make_scene(body, frames=140, pixel_noise=3.0)
    whole = fit_body(scene.seen, body, FitOptions(prior="direct", chunk=400)).people[0]
    pieces = fit_body(scene.seen, body, FitOptions(prior="direct", chunk=60, overlap=20)).people[0]
    # Frames next to a seam see 10 frames of the neighbouring chunk; what is farther hardly matters.
    assert np.linalg.norm(whole.joints - pieces.joints, axis=-1).max() < 0.02


def test_unseen_landmarks_do_not_pull(body):
    scene = make_scene(body)
    person = scene.seen.people[0]
    pixels, confidence = person.keypoints.copy(), person.keypoint_confidence.copy()
    pixels[:, 15] += 400
    confidence[:, 15] = 0.0
    pixels[10:20, 27] = np.nan
    confidence[10:20, 27] = 0.0
    seen = scene.seen.replace(people=(person.replace(keypoints=pixels, keypoint_confidence=confidence),))
    fitted = fit_body(seen, body, DIRECT).people[0]
    assert relative_error(fitted, scene.truth) < 0.05


def test_one_outlier_does_not_bend_the_body(body):
    scene = make_scene(body)
    person = scene.seen.people[0]
    pixels = person.keypoints.copy()
    pixels[30, 13] += 300  # an elbow far away in one frame, with high confidence
    fitted = fit_body(scene.seen.replace(people=(person.replace(keypoints=pixels),)), body, DIRECT).people[0]
    plain = fit_body(scene.seen, body, DIRECT).people[0]
    assert np.linalg.norm(fitted.joints[30] - plain.joints[30], axis=-1).max() < 0.05


def test_gaps_one_frame_and_nobody(body):
    scene = make_scene(body, frames=60)
    person = scene.seen.people[0]
    gap = person.select(np.r_[0:20, 45:60])
    fitted = fit_body(scene.seen.replace(people=(gap,)), body, DIRECT).people[0]
    assert relative_error(fitted, scene.truth.select(np.r_[0:20, 45:60])) < 0.04
    single = person.select(np.array([5]))
    assert fit_body(scene.seen.replace(people=(single,)), body, DIRECT).people[0].pose.shape == (1, 72)
    assert fit_body(scene.seen.replace(people=()), body, DIRECT).people == ()


def test_a_person_who_is_never_seen_well_stays_unfitted(body):
    scene = make_scene(body, frames=5)
    person = scene.seen.people[0]
    blind = person.replace(keypoint_confidence=np.zeros((5, 33)))
    assert fit_body(scene.seen.replace(people=(blind,)), body, DIRECT).people[0].pose is None


def test_provenance_names_body_and_settings(body):
    motion = fit_body(make_scene(body, frames=4).seen, body, DIRECT)
    record = motion.provenance[-1]
    assert record.name == "fit"
    assert record.weights[body.name] == body.sha256
    assert record.arguments["solver"]["pixel_sigma"] == DIRECT.solver.pixel_sigma


@pytest.mark.parametrize(
    ("options", "says"),
    [({"height": 17.0}, "metres"), ({"prior": "guess"}, "learned"), ({"chunk": 30, "overlap": 20}, "overlap")],
)
def test_impossible_options_are_refused(options, says):
    with pytest.raises(UsageError, match=says):
        FitOptions(**options)


def test_missing_landmarks_are_named(body):
    motion = Motion([0.0], WIDTH, HEIGHT, people=(Person(1, [0]),))
    with pytest.raises(UsageError, match="keypoints3d"):
        fit_body(motion, body, DIRECT)
