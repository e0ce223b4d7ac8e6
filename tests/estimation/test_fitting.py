"""The fit recovers a known body from its landmarks, and reports its residual."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.estimation import FitOptions, SolverOptions, fit_body
from kinema.estimation.options import parse_heights
from kinema.models.mixer.onnx_run import NETWORK_FILE as KEYPOINT_NETWORK
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import BLAZEPOSE33, LIMBS12, SMPL24
from tests.helpers.fit_scenes import HEIGHT, WIDTH, make_scene, swinging

LIMBS = SMPL24.indices(LIMBS12)
ANALYTIC = FitOptions(prior="analytic")


def relative_error(fitted, truth) -> float:
    """Mean joint distance in metres, pelvis aligned."""
    a = fitted.joints[:, LIMBS] - fitted.joints[:, :1]
    b = truth.joints[:, LIMBS] - truth.joints[:, :1]
    return float(np.linalg.norm(a - b, axis=-1).mean())


def test_clean_landmarks_are_explained_to_the_pixel(body):
    scene = make_scene(body)
    person = fit_body(scene.seen, body, ANALYTIC).people[0]
    assert np.median(person.reprojection_error) < 2.0
    # The prior's even spine pulls against the true one, hence millimetres to centimetres and not zero.
    assert relative_error(person, scene.truth) < 0.03


def test_noise_is_averaged_over_time(body):
    scene = make_scene(body, pixel_noise=6.0, depth_noise=0.10)
    person = fit_body(scene.seen, body, ANALYTIC).people[0]
    raw = scene.seen.people[0].keypoints3d[:, BLAZEPOSE33.indices(LIMBS12)]
    hips = scene.truth.joints[:, SMPL24.indices(("left_hip", "right_hip"))].mean(axis=1, keepdims=True)
    raw_error = np.linalg.norm(raw - (scene.truth.joints[:, LIMBS] - hips), axis=-1).mean()
    assert relative_error(person, scene.truth) < 0.7 * raw_error


def test_a_burst_of_movement_is_followed_and_rest_stays_quiet(body):
    """Both arms thrown up by 110 degrees in a fifth of a second, between two seconds of rest."""
    pose = swinging(72)
    pose[:] = pose[0]
    rise = np.clip((np.arange(72) / 30.0 - 1.1) / 0.2, 0, 1)
    arms = [SMPL24.index(f"{side}_shoulder") for side in ("left", "right")]
    for joint, sign in zip(arms, (1.0, -1.0), strict=True):
        pose[:, 3 * joint + 2] += sign * np.radians(110) * rise * rise * (3 - 2 * rise)
    scene = make_scene(body, frames=72, pixel_noise=3.0, depth_noise=0.05, pose=pose)
    wrists = SMPL24.indices(("left_wrist", "right_wrist"))

    def fitted(solver: SolverOptions) -> tuple[float, float]:
        joints = fit_body(scene.seen, body, FitOptions(prior="analytic", solver=solver)).people[0].joints[:, wrists]
        off = np.linalg.norm(joints - scene.truth.joints[:, wrists], axis=-1).mean(1)
        calm = np.linalg.norm(np.diff(joints[:30], 2, axis=0), axis=-1).mean() * 900
        return float(off[32:41].mean()), float(calm)

    thrown, calm = fitted(SolverOptions())
    # Every acceleration resisted alike, at a strength that leaves as much shaking where nothing happens.
    held_back, as_calm = fitted(SolverOptions(bursts=1e9, rotation_acceleration=20.0))
    assert calm < 1.1 * as_calm
    assert thrown < 0.8 * held_back


def depth_error(body, depth: np.ndarray, **solver: float) -> float:
    """Standard deviation of the error of the distance, metres, of somebody who goes to these depths (F,). The body's
    size, which one camera does not show, is taken out."""
    transl = np.stack([0 * depth, 0.2 + 0 * depth, depth], axis=-1)
    scene = make_scene(body, frames=len(depth), pixel_noise=4.0, depth_noise=0.05, transl=transl)
    options = FitOptions(prior="analytic", solver=SolverOptions(**solver))
    person = fit_body(scene.seen, body, options).people[0]
    found, true = person.joints[:, 0, 2], scene.truth.joints[:, 0, 2]
    return float(np.std(found * (true / found).mean() - true))


def test_the_distance_sways_less_than_with_a_prior_as_loose_as_across_and_runs_are_followed(body):
    seconds = np.arange(90) / 30
    as_loose = {"depth_acceleration": SolverOptions().root_acceleration, "depth_bursts": SolverOptions().bursts}
    still = np.full(90, 4.5)
    assert depth_error(body, still) < 0.6 * depth_error(body, still, **as_loose)
    speed = 1.3 * (np.clip((seconds - 0.5) / 0.7, 0.0, 1.0) - np.clip((seconds - 2.0) / 0.7, 0.0, 1.0))
    walks = 4.5 - np.cumsum(speed) / 30  # two steps to get going, two to stop
    assert depth_error(body, walks) < 0.06
    runs = 4.5 - 2.0 / (1.0 + np.exp(-8.0 * (seconds - 1.5)))  # up to 4 m/s within a quarter of a second
    assert depth_error(body, runs) < 0.08


def test_the_shape_follows_the_evidence_and_a_given_height_is_met(body):
    tall = np.zeros(10)
    scene = make_scene(body, betas=tall, pixel_noise=1.0)
    fitted = fit_body(scene.seen, body, FitOptions(prior="analytic", height=1.85)).people[0]
    vertices = body.vertices(np.zeros((1, 72)), fitted.betas[:1], np.zeros((1, 3)))[0]
    assert np.ptp(vertices[:, 1]) == pytest.approx(1.85, abs=0.012)  # other vertices may top the template's highest
    assert np.all(fitted.betas == fitted.betas[0]), "one shape for the whole track"


def test_everybody_has_the_height_that_was_given_for_them(body):
    scene = make_scene(body, frames=20, pixel_noise=1.0)
    people = tuple(scene.seen.people[0].replace(id=id) for id in (1, 2, 3))
    fitted = fit_body(scene.seen.replace(people=people), body, FitOptions(prior="analytic", height=(1.8, 1.05)))
    alone = fit_body(scene.seen, body, ANALYTIC).people[0]
    for person, height in zip(fitted.people, (1.8, 1.05), strict=False):
        vertices = body.vertices(np.zeros((1, 72)), person.betas[:1], np.zeros((1, 3)))[0]
        assert np.ptp(vertices[:, 1]) == pytest.approx(height, abs=0.015)
        assert person.data["given_height"] == height
    assert np.array_equal(fitted.people[2].betas, alone.betas)
    # A child is a small body, not a strange one: thigh to trunk as in an adult.
    rest = body.rest_joints(np.stack([person.betas[0] for person in fitted.people]))
    thigh, trunk = np.linalg.norm(rest[:, 4] - rest[:, 1], axis=1), np.linalg.norm(rest[:, 12] - rest[:, 0], axis=1)
    assert (thigh / trunk)[1] == pytest.approx((thigh / trunk)[2], rel=0.15)


@pytest.mark.parametrize("text", ["tall", "1.8;1.05", "1.8,,1.05"])
def test_a_height_that_is_no_number_is_refused(text):
    with pytest.raises(UsageError, match="height"):
        parse_heights(text)


@pytest.mark.parametrize("height", [17.0, (1.8, 0.1), [1.8, 3.0]])
def test_a_height_that_nobody_has_is_refused(height):
    with pytest.raises(UsageError, match="`height` must be"):
        FitOptions(height=height)


def test_frame_rate_hardly_changes_the_result(body):
    slow = fit_body(make_scene(body, frames=40, fps=30.0, pixel_noise=2.0).seen, body, ANALYTIC).people[0]
    fast = fit_body(make_scene(body, frames=80, fps=60.0, pixel_noise=2.0).seen, body, ANALYTIC).people[0]
    distance = np.linalg.norm(slow.joints - fast.joints[::2], axis=-1)
    # The noise differs; a smoothness that depended on the rate would differ by decimetres along the view.
    assert np.median(distance) < 0.06


def test_chunks_continue_each_other(body):
    scene = make_scene(body, frames=140, pixel_noise=3.0)
    whole = fit_body(scene.seen, body, FitOptions(prior="analytic", chunk=400)).people[0]
    pieces = fit_body(scene.seen, body, FitOptions(prior="analytic", chunk=60, overlap=20)).people[0]
    # Frames next to a seam see 10 frames of the neighbouring chunk; what is farther hardly matters. (Along the view,
    # where 3 pixels are 2 cm of noise a frame already.)
    assert np.linalg.norm(whole.joints - pieces.joints, axis=-1).max() < 0.03


def test_unseen_landmarks_do_not_pull(body):
    scene = make_scene(body)
    person = scene.seen.people[0]
    pixels, confidence = person.keypoints.copy(), person.keypoint_confidence.copy()
    pixels[:, 15] += 400
    confidence[:, 15] = 0.0
    pixels[10:20, 27] = np.nan
    confidence[10:20, 27] = 0.0
    seen = scene.seen.replace(people=(person.replace(keypoints=pixels, keypoint_confidence=confidence),))
    fitted = fit_body(seen, body, ANALYTIC).people[0]
    assert relative_error(fitted, scene.truth) < 0.05


def test_one_outlier_does_not_bend_the_body(body):
    scene = make_scene(body)
    person = scene.seen.people[0]
    pixels = person.keypoints.copy()
    pixels[30, 13] += 300  # an elbow far away in one frame, with high confidence
    fitted = fit_body(scene.seen.replace(people=(person.replace(keypoints=pixels),)), body, ANALYTIC).people[0]
    plain = fit_body(scene.seen, body, ANALYTIC).people[0]
    assert np.linalg.norm(fitted.joints[30] - plain.joints[30], axis=-1).max() < 0.05


def test_gaps_one_frame_and_nobody(body):
    scene = make_scene(body, frames=60)
    person = scene.seen.people[0]
    gap = person.select(np.r_[0:20, 45:60])
    fitted = fit_body(scene.seen.replace(people=(gap,)), body, ANALYTIC).people[0]
    assert relative_error(fitted, scene.truth.select(np.r_[0:20, 45:60])) < 0.04
    single = person.select(np.array([5]))
    assert fit_body(scene.seen.replace(people=(single,)), body, ANALYTIC).people[0].pose.shape == (1, 72)
    assert fit_body(scene.seen.replace(people=()), body, ANALYTIC).people == ()


def test_a_person_who_is_never_seen_well_stays_unfitted(body):
    scene = make_scene(body, frames=5)
    person = scene.seen.people[0]
    blind = person.replace(keypoint_confidence=np.zeros((5, 33)))
    assert fit_body(scene.seen.replace(people=(blind,)), body, ANALYTIC).people[0].pose is None


def test_provenance_names_body_and_settings(body):
    motion = fit_body(make_scene(body, frames=4).seen, body, ANALYTIC)
    record = motion.provenance[-1]
    assert record.name == "fit"
    assert record.weights[body.name] == body.sha256
    assert record.arguments["solver"]["pixel_sigma"] == ANALYTIC.solver.pixel_sigma
    assert KEYPOINT_NETWORK in record.weights  # landmarks are refined unless the raw ones are asked for
    raw = fit_body(make_scene(body, frames=4).seen, body, FitOptions(prior="analytic", landmarks="raw"))
    assert KEYPOINT_NETWORK not in raw.provenance[-1].weights


def test_refined_landmarks_bring_back_depth_that_the_network_does_not_see(body):
    scene = make_scene(body, pixel_noise=4.0, depth_noise=0.03)
    person = scene.seen.people[0]
    shallow = person.replace(keypoints3d=person.keypoints3d * [1.0, 1.0, 0.6])  # as measured: 0.4 to 0.8 of the truth
    seen = scene.seen.replace(people=(shallow,))
    depth = []
    for landmarks in ("refined", "raw"):
        fitted = fit_body(seen, body, FitOptions(prior="analytic", landmarks=landmarks)).people[0]
        off = (fitted.joints - fitted.joints[:, :1]) - (scene.truth.joints - scene.truth.joints[:, :1])
        depth.append(np.abs(off[:, LIMBS, 2]).mean())
    assert depth[0] < 0.95 * depth[1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"height": 17.0}, "metres"),
        ({"landmarks": "best"}, "raw"),
        ({"prior": "guess"}, "learned"),
        ({"chunk": 30, "overlap": 20}, "overlap"),
    ],
)
def test_impossible_options_are_refused(options, says):
    with pytest.raises(UsageError, match=says):
        FitOptions(**options)


def test_missing_keypoints_are_named(body):
    motion = Motion([0.0], WIDTH, HEIGHT, people=(Person(1, [0]),))
    with pytest.raises(UsageError, match="person 1 has no keypoints, keypoint_confidence;"):
        fit_body(motion, body, ANALYTIC)
