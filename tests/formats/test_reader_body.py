"""A person carried over to the reader's average body: soles on the floor, a way in proportion, a clean start."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.body import load_body
from kinema.formats import load_motion, save_motion
from kinema.formats.amass import amass_arrays
from kinema.formats.foreign import REST_PELVIS, yup_from_zup
from kinema.formats.reader_body import AVERAGE_LEGS, SIDES, Legs, carried_over, legs_of
from kinema.synthetic import procedural_motion

SHAPES = {
    "average": np.zeros(10),
    "tall": np.array([1.5, -1.0, 0.5, 0, 0, 0, 0, 0, 0, 0]),
    "short": np.array([-3.0, 2.0, -1.0, 0, 0, 0, 0, 0, 0, 0]),
}

SOLE = 0.012
"""Metres: the soles are six points, which are within 8 mm of the lowest vertex of the free body's mesh; see below."""


@pytest.fixture(scope="module")
def body():
    return load_body()


def reader_soles(arrays, layout):
    """(N,6,3) soles of the average body that a reader poses from an AMASS file, y up; its pelvis (N,3)."""
    pose = np.zeros((len(arrays["poses"]), 72))
    pose[:, :66] = arrays["poses"][:, :66]
    pose, pelvis = yup_from_zup(pose, arrays["trans"] + REST_PELVIS[layout])
    return AVERAGE_LEGS[layout].soles(pose) + pelvis[:, None], pelvis


def lowest_vertices(body, motion):
    person = motion.people[0]
    return np.array(
        [
            body.vertices(person.pose_world[[i]], person.betas[[i]], person.transl_world[[i]])[0, :, 1].min()
            for i in range(0, len(person), 8)
        ]
    )


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("layout", ["smplx", "smplh", "smpl"])
@pytest.mark.parametrize("kind", ["rounds", "on-the-spot", "jump"])
def test_soles_are_where_the_persons_are(body, name, layout, kind):
    """On the floor where the person's mesh is, and as much higher in a jump as the legs are longer, for any size."""
    motion = procedural_motion(body, "rounds" if kind == "jump" else kind, betas=SHAPES[name], fps=30.0)
    person = motion.people[0].select(np.arange(120))
    if kind == "jump":
        rise = np.clip(0.5 * np.sin(np.arange(120) / 10), 0, None)[:, None] * [0, 1, 0]
        person = person.replace(
            joints_world=person.joints_world + rise[:, None], transl_world=person.transl_world + rise
        )
    motion = motion.replace(people=(person,))
    arrays = amass_arrays(motion, motion.people[0], layout=layout)
    soles, _ = reader_soles(arrays, layout)
    ratio = AVERAGE_LEGS[layout].depth / legs_of(body, SHAPES[name]).depth
    own = ratio * lowest_vertices(body, motion)
    off = soles[: motion.people[0].frames[-1] + 1 : 8, :, 1].min(axis=1)[: len(own)] - own
    assert np.abs(np.median(off)) < 0.006
    assert np.percentile(np.abs(off), 90) < SOLE


@pytest.mark.parametrize("name", SHAPES)
def test_the_first_frame_stays_and_the_way_is_in_proportion(body, name):
    motion = procedural_motion(body, "rounds", betas=SHAPES[name], fps=30.0)
    person = motion.people[0]
    _, pelvis = reader_soles(amass_arrays(motion, person), "smplx")
    own = person.joints_world[:, 0]
    np.testing.assert_allclose(pelvis[0, [0, 2]], own[0, [0, 2]], atol=1e-9)
    ratio = AVERAGE_LEGS["smplx"].depth / legs_of(body, SHAPES[name]).depth
    # The joint called pelvis lies 6 cm further forward in SMPL-X's body, so that it swings out by that in turns.
    assert np.abs((pelvis - pelvis[0]) - ratio * (own - own[0]))[:, [0, 2]].max() < 0.17
    speed, own_speed = (np.linalg.norm(np.diff(way[:5], axis=0), axis=1) * 30 for way in (pelvis, own))
    assert np.abs(speed - ratio * own_speed).max() < 0.15  # no jump after the first frame


def test_everybody_starts_where_they_did(body):
    people = []
    for number, (name, place) in enumerate([("tall", [4.0, 0.0, 1.0]), ("short", [-6.0, 0.0, 2.0])], 1):
        person = procedural_motion(body, "rounds", betas=SHAPES[name], fps=30.0).people[0].select(np.arange(60))
        moved = person.joints_world - person.joints_world[:1, :1] * [1, 0, 1] + place
        shift = moved[:, 0] - person.joints_world[:, 0]
        people.append(person.replace(id=number, joints_world=moved, transl_world=person.transl_world + shift))
    motion = procedural_motion(body, "rounds", fps=30.0)
    motion = motion.replace(people=tuple(people))
    starts = [reader_soles(amass_arrays(motion, person), "smplx")[1][0] for person in people]
    np.testing.assert_allclose((starts[0] - starts[1])[[0, 2]], [10.0, -1.0], atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(factor=st.floats(0.5, 2.0), seed=st.integers(0, 1000), height=st.floats(-0.5, 2.0))
def test_a_body_of_the_same_proportions_is_scaled_exactly(factor, seed, height):
    """Joints and soles are those of the person times the ratio, about the floor at the start, in any pose."""
    rng = np.random.default_rng(seed)
    own = AVERAGE_LEGS["smplx"]
    reader = Legs(own.joints * factor, own.depth * factor)
    pose, pelvis = 0.5 * rng.normal(size=(7, 72)), rng.normal(size=(7, 3)) + [0, height, 0]
    placed = carried_over(pose, pelvis, own, reader)
    centre = pelvis[0] * [1, 0, 1]
    np.testing.assert_allclose(placed, centre + factor * (pelvis - centre), atol=1e-9)
    np.testing.assert_array_equal(carried_over(pose, pelvis, own, own), pelvis)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), layout=st.sampled_from(["smpl", "smplh", "smplx"]))
def test_the_lowest_sole_is_as_high_as_the_persons(seed, layout):
    """In any pose, also of somebody who lies or hangs: scaled by the ratio, to a centimetre."""
    rng = np.random.default_rng(seed)
    own = legs_of(load_body(), rng.normal(size=10))
    reader = AVERAGE_LEGS[layout]
    pose, pelvis = 0.4 * rng.normal(size=(5, 72)), rng.normal(size=(5, 3))
    pose[:, :3] = rng.normal(size=3)
    placed = carried_over(pose, pelvis, own, reader)
    lowest = [(legs.soles(pose)[..., 1].min(axis=1) + at[:, 1]) for legs, at in ((own, pelvis), (reader, placed))]
    np.testing.assert_allclose(lowest[1], reader.depth / own.depth * lowest[0], atol=0.015)


def test_soles_of_the_free_body_are_those_of_its_mesh(body):
    """The points under the feet are within 8 mm of the lowest vertices while somebody walks and moves on the spot."""
    for kind in ("rounds", "on-the-spot"):
        motion = procedural_motion(body, kind, fps=30.0)
        motion = motion.replace(people=(motion.people[0].select(np.arange(120)),))
        person = motion.people[0]
        legs = legs_of(body, np.zeros(10))
        points = legs.soles(person.pose_world)[..., 1].min(axis=1) + person.joints_world[:, 0, 1]
        assert np.percentile(np.abs(points[::8] - lowest_vertices(body, motion)), 95) < 0.008


def test_average_legs_are_legs():
    """Left and right alike to 2.5 cm, of human lengths, the sole below the foot joint."""
    for legs in AVERAGE_LEGS.values():
        left, right = legs.joints
        np.testing.assert_allclose(left * [-1, 1, 1], right, atol=0.025)
        thigh, shin = (np.linalg.norm(left[i + 1] - left[i]) for i in (0, 1))
        assert 0.36 < thigh < 0.41
        assert 0.39 < shin < 0.44
        assert 0.01 < legs.depth + left[3, 1] < 0.025
        assert 0.92 < legs.depth < 0.98
    assert np.shape(SIDES) == (2, 4)


@pytest.mark.real
def test_the_average_smpl_body_is_romps(data_dir):
    """ROMP's result holds the joints of SMPL's neutral body with betas below 0.012: thighs, shins and feet as here."""
    from kinema.storage.safe_npz import load_npz

    joints = load_npz(data_dir / "smpl_samples" / "romp_output.npz")["results"].item()["joints"][0]
    for side, chain in enumerate(SIDES):
        own = AVERAGE_LEGS["smpl"].joints[side]
        for one, two in zip(range(3), range(1, 4), strict=True):
            length = np.linalg.norm(joints[chain[two]] - joints[chain[one]])
            assert np.linalg.norm(own[two] - own[one]) == pytest.approx(length, abs=1e-3)


def test_gvhmrs_world_is_the_same_as_amass(body, tmp_path):
    motion = procedural_motion(body, "rounds", betas=SHAPES["short"], fps=30.0)
    pt = load_motion(save_motion(motion, tmp_path / "a.pt")).people[0]
    npz = load_motion(save_motion(motion, tmp_path / "a.npz", format="amass")).people[0]
    np.testing.assert_allclose(pt.transl_world, npz.transl_world, atol=1e-5)
