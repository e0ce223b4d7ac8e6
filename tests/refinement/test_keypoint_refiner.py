"""Kinema's own refiner on the landmarks of the default networks."""

import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import InputError, UsageError
from kinema.evaluation.refiner_methods import compare, method
from kinema.evaluation.refiners import score_refiner
from kinema.models.mixer.onnx_run import NETWORK_FILE
from kinema.motion import Motion
from kinema.person import Person
from kinema.refinement import refine
from kinema.refinement.options import LandmarkOptions
from kinema.refinement.settings import RefineSettings
from kinema.refinement.stage import refine_landmarks
from kinema.synthetic import procedural_motion


def walk(fps: float = 30.0, frames: int = 90, seed: int = 0) -> tuple[Motion, np.ndarray]:
    """A person who walks and reaches, with landmarks at 0.7 of the depth and 2 cm of jitter; and the truth."""
    body = load_body()
    motion = procedural_motion(body, "demo", seed=3, fps=fps)
    person = motion.people[0].select(np.arange(frames))
    points = body.posed_points("blazepose33", person.pose, person.betas, person.transl)
    truth = points - points[:, 23:25].mean(axis=1, keepdims=True)
    shaking = 0.02 * np.random.default_rng(seed).normal(size=truth.shape)
    seen = Person(
        1, np.arange(frames), keypoint_set="blazepose33", keypoints=np.zeros((frames, 33, 2)),
        keypoint_confidence=np.full((frames, 33), 0.9), keypoints3d=truth * [1.0, 1.0, 0.7] + shaking,
    )  # fmt: skip
    return motion.replace(people=(seen,), times=motion.times), truth


def acceleration_error(said: np.ndarray, true: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(said - true, 2, axis=0), axis=-1).mean())


def test_shaking_falls_to_a_tenth_and_the_record_says_so():
    motion, truth = walk()
    refined = refine(motion, None, "mixer")
    raw, calm = (m.people[0].keypoints3d for m in (motion, refined))
    assert acceleration_error(calm, truth) < 0.1 * acceleration_error(raw, truth)
    record = refined.provenance[-1]
    assert (record.name, record.arguments["method"]) == ("refine", "mixer")
    assert NETWORK_FILE in record.weights
    told = record.arguments["people"]["1"]
    assert told["after"]["acceleration"] < 0.2 * told["before"]["acceleration"]
    assert told["moved"] == pytest.approx(np.linalg.norm(calm - raw, axis=-1).mean(), rel=1e-3)
    # Nothing else of the person changes.
    np.testing.assert_array_equal(refined.people[0].keypoint_confidence, motion.people[0].keypoint_confidence)


def test_the_frame_rate_hardly_matters():
    slow, _ = walk(30.0, 90)
    fast, _ = walk(60.0, 180)
    a, b = (refine_landmarks(m).people[0].keypoints3d for m in (slow, fast))
    # The shaking differs between the two: 2 cm, smoothed to a few millimetres.
    assert np.linalg.norm(a - b[::2], axis=-1).mean() < 0.02


def test_gaps_holes_and_short_tracks():
    motion, _ = walk()
    person = motion.people[0]
    holes = person.keypoints3d.copy()
    holes[40:43, 15] = np.nan
    mended = refine_landmarks(motion.replace(people=(person.replace(keypoints3d=holes),))).people[0].keypoints3d
    whole = refine_landmarks(motion).people[0].keypoints3d
    assert np.isfinite(mended).all()
    # A hole of 0.1 s changes what lies within a window of it (32 frames) and nothing else.
    np.testing.assert_allclose(mended[76:], whole[76:], atol=2e-3)
    apart = person.select(np.r_[0:30, 60:90])
    pieces = refine_landmarks(motion.replace(people=(apart,))).people[0].keypoints3d
    first = refine_landmarks(motion.replace(people=(person.select(np.arange(30)),))).people[0].keypoints3d
    np.testing.assert_allclose(pieces[:30], first, atol=1e-9)
    single = refine_landmarks(motion.replace(people=(person.select(np.arange(1)),))).people[0].keypoints3d
    assert single.shape == (1, 33, 3)
    assert np.isfinite(single).all()


def test_what_does_not_fit_is_refused_with_a_sentence(tmp_path):
    motion, _ = walk()
    without = motion.replace(people=(motion.people[0].replace(keypoints3d=None),))
    with pytest.raises(UsageError, match="keypoints3d"):
        refine_landmarks(without)
    with pytest.raises(UsageError, match="`step` must be at least 1"):
        LandmarkOptions(step=0)
    with pytest.raises(UsageError, match="refines landmarks, not bodies"):
        RefineSettings(method="mixer")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    with pytest.raises(InputError, match="not a readable ONNX file"):
        refine_landmarks(motion, options=LandmarkOptions(checkpoint=broken))


@pytest.mark.slow
@pytest.mark.real
def test_real_answers_on_people_never_trained_on(tmp_path, networks, data_dir):
    """Better than every tuned filter in both measures: the tuned strengths are those of docs/refinement.md.

    It learned the errors on films of an earlier free body, by 3 % better there than filters in position, here by less.
    """
    from kinema.training.mocap import load_mocap
    from kinema.training.refiner_keypoints import keypoint_clips
    from kinema.training.rendered import REFINER_FILM, render_windows
    from kinema.training.windows import load_windows

    held_out = ("07", "09", "16", "35", "14")
    people = [s for s in load_mocap(data_dir / "mocap" / "cmu_train.npz") if s.subject in held_out]
    render_windows(people, tmp_path, REFINER_FILM, seed=11, most=5, workers=1, held_out=held_out)
    clips = keypoint_clips(load_windows(tmp_path, "held_out", REFINER_FILM))
    from importlib.resources import as_file, files

    with as_file(files("kinema.models.mixer").joinpath(NETWORK_FILE)) as path:
        scores = compare(clips, [method(f"mixer={path}", clips, 30.0), method("whittaker=0.4", clips, 30.0)])
    ours, filtered = scores.values()
    assert ours.acceleration < 0.25 * ours.input_acceleration
    assert ours.position < filtered.position
    as_it_was = score_refiner(clips, clips.detected)
    assert ours.input_position == pytest.approx(as_it_was.position)
