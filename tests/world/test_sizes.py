"""People of different sizes on one ground, and people who stand on something."""

from __future__ import annotations

import numpy as np
import pytest

import kinema
from kinema.body.sizes import GIVEN_HEIGHT, resized_betas, stature
from kinema.stage import Context
from kinema.synthetic import procedural_motion, studio_camera
from kinema.world import WorldOptions, place_in_world
from kinema.world.sizes import LOWEST_CAMERA, Standing, common_ground
from tests.helpers.monocular import blank, seen_from
from tests.helpers.postures import lowest

CAMERA = studio_camera(position=(0.0, 1.4, 2.5), pitch=0.12)


def seen_together(body, *, size: float, up: float = 0.0, hop: float = 0.0):
    """Two adults as fitted before one camera: the second is really `size` times as tall (the fit took it for an adult
    farther away), stands on something `up` metres high, and jumps `hop` metres high again and again."""
    motion = seen_from(procedural_motion(body, "on-the-spot", seed=0, fps=15), CAMERA, body)
    first = motion.people[0]
    pelvis = first.joints_world[:, 0]
    beside = (1 - size) * pelvis.mean(axis=0) * [1.0, 0.0, 1.0] + [0.9, up, 0.0]
    world = size * pelvis + beside + np.outer(hop * np.abs(np.sin(2 * np.pi * motion.times)), [0.0, 1.0, 0.0])
    seen = world @ CAMERA.rotation.T + CAMERA.translation
    transl = seen / size - body.rest_joints(first.betas)[:, 0]
    first = blank(motion).people[0]
    return blank(motion).replace(people=(first, first.replace(id=2, transl=transl, joints=None)))


def placed_with_notes(motion, body):
    context = Context(body)
    return place_in_world(motion, body, WorldOptions(), context=context), context.notes


@pytest.mark.parametrize("size", [0.55, 0.6, 0.7])
def test_a_child_beside_an_adult_is_scaled_onto_the_same_ground(body, size):
    placed, notes = placed_with_notes(seen_together(body, size=size), body)
    adult, child = (stature(body, person.betas[0]) for person in placed.people)
    assert child / adult == pytest.approx(size, rel=0.12)
    for row in (0, 1):
        assert np.abs(lowest(body, placed, row=row)).max() < 0.05
    assert [note for note in notes if "person 2 was scaled to" in note and "both stand on one ground" in note]
    # The image is kept: the joints of the camera's frame are where they were, up to the shape.
    before, after = seen_together(body, size=size).people[1], placed.people[1]
    seen = body.joints(before.pose, before.betas, before.transl)
    assert np.median(np.abs(after.joints[..., :2] / after.joints[..., 2:] - seen[..., :2] / seen[..., 2:])) < 0.004
    assert np.array_equal(after.pose, before.pose)


def test_given_heights_are_not_changed(body):
    motion = seen_together(body, size=0.6)
    people = tuple(person.replace(data={**person.data, GIVEN_HEIGHT: 1.69}) for person in motion.people)
    placed, notes = placed_with_notes(motion.replace(people=people), body)
    assert np.array_equal(placed.people[1].betas, motion.people[1].betas)
    assert not [note for note in notes if "scaled" in note]


def test_two_adults_on_one_ground_keep_their_sizes(body):
    motion = seen_together(body, size=1.0)
    placed, notes = placed_with_notes(motion, body)
    assert not notes
    assert "resized" not in placed.provenance[-1].arguments
    assert all(np.array_equal(a.transl, b.transl) for a, b in zip(placed.people, motion.people, strict=True))


@pytest.mark.parametrize(("up", "hop"), [(0.5, 0.0), (1.0, 0.0), (0.0, 0.5)])
def test_tables_and_jumps_do_not_make_children(body, up, hop):
    placed, notes = placed_with_notes(seen_together(body, size=1.0, up=up, hop=hop), body)
    assert "resized" not in placed.provenance[-1].arguments
    assert not [note for note in notes if "scaled" in note]


def standing(drops, statures=None, known=None, distances=None):
    count = len(drops)
    distances = np.full(count, 3.5) if distances is None else np.asarray(distances)
    return Standing(
        np.asarray(drops, dtype=float),
        np.full(count, 0.2),
        np.full(count, 4.0),
        np.stack([np.linspace(-1, 1, count), distances], axis=1),
        np.full(count, 1.65) if statures is None else np.asarray(statures),
        np.zeros(count, dtype=bool) if known is None else np.asarray(known),
        np.ones(count, dtype=bool),
    )


def test_several_children_around_an_adult_are_all_scaled():
    _, _, factors = common_ground(standing([1.4, 2.3, 2.4], distances=[3.5, 5.7, 5.9]))
    assert factors[0] == 1
    assert factors[1:] == pytest.approx([1.4 / 2.3, 1.4 / 2.4])


def test_a_size_that_nobody_has_is_not_given():
    _, _, factors = common_ground(standing([0.4, 1.6, 1.6]))  # two on the ground, one on a container
    assert np.all(factors == 1)


def test_a_camera_below_somebodys_feet_is_no_reference():
    height, together, factors = common_ground(standing([-0.3, 1.5]))
    assert height > LOWEST_CAMERA
    assert np.all(factors == 1)
    assert together[1] == 1


@pytest.mark.parametrize("factor", [0.9, 1.1, 1.3])
def test_a_resized_body_is_the_same_body_at_another_size(body, factor):
    betas = np.array([0.8, -0.5, 0.3, 0.0, 0.6, 0.0, 0.0, 0.2, 0.0, 0.0])
    resized = resized_betas(body, betas, factor)
    assert stature(body, resized) == pytest.approx(factor * stature(body, betas), rel=1e-3)
    wanted, found = factor * body.shaped(betas), body.shaped(resized)
    apart = np.linalg.norm((found - found.mean(axis=0)) - (wanted - wanted.mean(axis=0)), axis=1)
    assert np.sqrt(np.mean(apart**2)) < 0.02 * abs(1 - factor) * 1.7


@pytest.mark.parametrize(("height", "head"), [(0.955, 0.19), (1.15, 0.175), (1.35, 0.16), (1.7, 0.14)])
def test_small_bodies_have_the_proportions_of_children(body, height, head):
    """The head's share of the height, chin to crown: a fifth at three years, a seventh of adults (within 0.015).

    The height is met, and growing up again gives the same adult.
    """
    resized = resized_betas(body, np.zeros(10), height / stature(body, np.zeros(10)))
    shape = body.shaped(resized)
    assert np.ptp(shape[:, 1]) == pytest.approx(height, rel=2e-3)
    mouth = (body.landmark_weights @ shape)[body.landmark_names.index("left_mouth"), 1]
    top = shape[:, 1].max()
    assert 1.45 * (top - mouth) / height == pytest.approx(head, abs=0.015)
    again = resized_betas(body, resized, stature(body, np.zeros(10)) / height)
    np.testing.assert_allclose(body.shaped(again), body.shaped(np.zeros(10)), atol=0.01)


@pytest.mark.real
@pytest.mark.slow
def test_an_adult_and_a_child_of_a_real_clip(body, data_dir, tmp_path):
    path = data_dir / "cases" / "video" / "adult_child.mp4"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    for heights, child in ((1.75, 1.05), ((1.75, 1.05), 1.05), (None, 0.6 * 1.66)):
        motion = kinema.run(path, tmp_path, height=heights, overlay=False).motion  # tracked once
        sizes = sorted(stature(body, person.betas[0]) for person in motion)
        assert sizes[0] == pytest.approx(child, abs=0.1)
        for row in (0, 1):
            assert np.abs(np.median(lowest(body, motion, row=row))) < 0.03
