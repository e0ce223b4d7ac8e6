"""The height of a body: the adult average where nothing is known, said with its source, kept in files."""

from __future__ import annotations

import numpy as np
import pytest

import kinema
from kinema.body import load_body
from kinema.body.sizes import BODY_HEIGHT
from kinema.estimation import FitOptions, fit_body
from kinema.estimation.shape import ASSUMED_HEIGHT, stature
from kinema.stage import Context
from tests.helpers.fit_scenes import make_scene


@pytest.fixture(scope="module")
def body():
    return load_body()


def fitted(body, betas, height=None, noise=1.0):
    scene = make_scene(body, frames=24, betas=np.asarray(betas, dtype=float), pixel_noise=noise)
    return fit_body(scene.seen, body, FitOptions(prior="analytic", height=height)).people[0]


def tall(body, betas):
    template, slope = stature(body)
    return template + slope @ betas


@pytest.mark.parametrize("first", [-1.5, 0.0, 1.5])
def test_adults_of_all_builds_are_assumed_to_be_of_average_height(body, first):
    """Within 2 cm, though short and tall people have other proportions; the proportions themselves still follow."""
    betas = np.zeros(10)
    betas[0] = first
    person = fitted(body, betas)
    assert tall(body, person.betas[0]) == pytest.approx(ASSUMED_HEIGHT, abs=0.02)
    about = person.data[BODY_HEIGHT]
    assert about["source"] == "assumed"
    assert about["metres"] == pytest.approx(tall(body, person.betas[0]), abs=1e-3)
    assert about["uncertainty"] == pytest.approx(0.09)


def test_the_average_of_landmarks_with_errors_is_not_low(body):
    """Shoulders and hips that are seen 1.5 cm too narrow made people 5 cm shorter."""
    scene = make_scene(body, frames=24, pixel_noise=1.0)
    person = scene.seen.people[0]
    pixels = person.keypoints.copy()
    for part, by in ((slice(11, 13), 0.9), (slice(23, 25), 0.85)):
        middle = pixels[:, part].mean(axis=1, keepdims=True)
        pixels[:, part] = middle + by * (pixels[:, part] - middle)
    seen = scene.seen.replace(people=(person.replace(keypoints=pixels),))
    result = fit_body(seen, body, FitOptions(prior="analytic")).people[0]
    assert tall(body, result.betas[0]) == pytest.approx(ASSUMED_HEIGHT, abs=0.02)


@pytest.mark.parametrize("height", [1.35, 1.55, 1.95])
def test_a_given_height_is_met_and_said(body, height):
    person = fitted(body, np.zeros(10), height)
    assert person.data[BODY_HEIGHT]["source"] == "given"
    assert person.data[BODY_HEIGHT]["metres"] == pytest.approx(height, abs=0.02)


@pytest.mark.parametrize("height", [0.8, 1.05, 2.3])
def test_a_height_that_no_adult_has_is_met_by_a_scaled_body(body, height):
    scene = make_scene(body, frames=6)
    context = Context(body=body)
    person = fit_body(scene.seen, options=FitOptions(prior="analytic", height=height), context=context).people[0]
    assert person.data[BODY_HEIGHT]["metres"] == pytest.approx(height, abs=0.02)
    assert np.ptp(body.shaped(person.betas[0])[:, 1]) == pytest.approx(height, abs=0.03)
    assert not context.notes


@pytest.mark.parametrize("suffix", [".pkl", ".npz"])
def test_files_keep_heights_and_the_lens(body, tmp_path, suffix):
    scene = make_scene(body, frames=6)
    motion = fit_body(scene.seen, body, FitOptions(prior="analytic", fov=64.0))
    again = kinema.load(kinema.save(motion, tmp_path / f"a{suffix}"))
    assert again.people[0].data[BODY_HEIGHT] == motion.people[0].data[BODY_HEIGHT]
    assert (again.camera.focal_source, again.camera.fov_uncertainty) == ("fov option", 0.0)
    assert again.camera.fov == pytest.approx(64.0)
