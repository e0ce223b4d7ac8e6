"""Contacts and the clean-up, on tracks in the world with known ground truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from kinema.body.kinematics import Rig
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle, matrix_to_axis_angle
from kinema.skeleton import SMPL24
from kinema.synthetic import procedural_motion
from kinema.temporal.gaps import runs
from kinema.world import cleanup
from kinema.world.cleanup import LEGS, clean_feet, levels
from kinema.world.contacts import find_contacts, held, spans
from kinema.world.fitted import FittedTrack
from kinema.world.measures import compare, floating, penetration, sliding
from kinema.world.root import steady_root
from tests.helpers.monocular import Noise, as_fitted

UPPER = np.setdiff1d(np.arange(24), [1, 2, 4, 5, 7, 8, 10, 11])


def in_world(motion, body, truth=None):
    """A motion's first person as a track in the world of `truth` (default: their world fields); the camera centre."""
    person = motion.people[0]
    rig = Rig.of(body, "contacts", person.betas[0])
    rest = body.rest_joints(person.betas)[:, 0]
    camera = (truth or motion).camera
    centre = -camera.rotation.T @ camera.translation
    if truth is None:
        local, root = axis_angle_to_matrix(person.pose_world.reshape(-1, 24, 3)), person.transl_world + rest
    else:
        local = axis_angle_to_matrix(person.pose.reshape(-1, 24, 3))
        local[:, 0] = camera.rotation.T @ local[:, 0]
        root = (person.transl + rest - camera.translation) @ camera.rotation
    return FittedTrack(rig, motion.times[person.frames], local, root, np.ones(len(person), dtype=bool)), centre


def f1_score(found, true):
    return 2 * np.sum(found & true) / max(1, found.sum() + true.sum())


@pytest.fixture(scope="module")
def walk(body):
    return procedural_motion(body, "rounds", seed=1)


@pytest.fixture(scope="module")
def fitted(body, walk):
    return as_fitted(walk, body, np.random.default_rng(0))


@pytest.mark.parametrize("script", ["rounds", "demo", "on-the-spot"])
@pytest.mark.parametrize("fps", [15.0, 30.0, 60.0])
def test_contacts_of_a_perfect_motion_are_found_at_any_frame_rate(body, script, fps):
    motion = procedural_motion(body, script, seed=1, fps=fps)
    track, centre = in_world(motion, body)
    contacts, _ = find_contacts(track, centre)
    assert f1_score(contacts, motion.people[0].contacts) > 0.93


@pytest.mark.parametrize("seed", range(3))
def test_contacts_are_found_through_the_errors_of_a_fit(body, seed):
    motion = procedural_motion(body, "rounds", seed=seed)
    track, centre = in_world(as_fitted(motion, body, np.random.default_rng(seed)), body, motion)
    contacts, steadied = find_contacts(track, centre)
    assert f1_score(contacts, motion.people[0].contacts) > 0.83
    assert sliding(steadied, contacts) < 0.4 * sliding(track, contacts)


def test_a_perfect_motion_is_hardly_changed(body, walk):
    track, centre = in_world(walk, body)
    contacts, steadied = find_contacts(track, centre)
    clean = clean_feet(track, steadied, contacts, centre)
    figures = compare([track], [clean], [contacts], [levels(steadied, contacts, centre)])
    # A contact that begins a frame too early holds the last millimetres of the step.
    assert figures["moved"] < 1.0
    assert figures["bent"] < 0.5
    assert figures["bent_max"] < 6.0


def test_true_contacts_change_a_perfect_motion_by_less_than_a_millimetre(body, walk):
    track, centre = in_world(walk, body)
    clean = clean_feet(track, track, walk.people[0].contacts, centre)
    assert np.linalg.norm(clean.joints - track.joints, axis=-1).max() < 1e-3


def test_standing_still_is_left_unchanged(body):
    motion = procedural_motion(body, "on-the-spot", seed=0, fps=15)
    track, centre = in_world(motion, body)
    contacts, steadied = find_contacts(track, centre)
    assert contacts.all()
    assert np.abs(clean_feet(track, steadied, contacts, centre).joints - track.joints).max() < 1e-6


def test_feet_stand_still_on_the_ground_and_never_below_it(body, walk, fitted):
    track, centre = in_world(fitted, body, walk)
    contacts, steadied = find_contacts(track, centre)
    clean = clean_feet(track, steadied, contacts, centre)
    level = levels(steadied, contacts, centre)
    assert sliding(track, contacts) > 200
    assert sliding(clean, contacts) < 8
    assert floating(clean, contacts, level)[1] < 10  # mm: the goal of the stage
    assert penetration(clean)[1] < 4


def test_nothing_above_the_hips_rotates_and_bone_lengths_are_constant(body, walk, fitted):
    track, centre = in_world(fitted, body, walk)
    contacts, steadied = find_contacts(track, centre)
    clean = clean_feet(track, steadied, contacts, centre)
    others = np.setdiff1d(np.arange(24), LEGS)
    assert np.array_equal(clean.local[:, others], track.local[:, others])
    parents = np.array(SMPL24.parents)
    for joints in (clean.joints, track.joints):
        lengths = np.linalg.norm(joints[:, 1:] - joints[:, parents[1:]], axis=-1)
        assert np.ptp(lengths, axis=0).max() < 1e-9
    upper = (clean.joints - clean.joints[:, :1])[:, UPPER] - (track.joints - track.joints[:, :1])[:, UPPER]
    assert np.abs(upper).max() < 1e-9


def test_the_clean_up_brings_the_legs_closer_to_the_truth_without_pops(body):
    before, after = [], []
    for seed in range(4):
        motion = procedural_motion(body, "rounds", seed=seed)
        truth, _ = in_world(motion, body)
        track, centre = in_world(as_fitted(motion, body, np.random.default_rng(10 + seed)), body, motion)
        contacts, steadied = find_contacts(track, centre)
        clean = clean_feet(track, steadied, contacts, centre)
        for distances, estimate in ((before, track), (after, clean)):
            off = (estimate.joints - estimate.joints[:, :1]) - (truth.joints - truth.joints[:, :1])
            distances.append(np.linalg.norm(off[:, [4, 5, 7, 8]], axis=-1).mean())
        turning = [geodesic_angle(t.local[1:, LEGS], t.local[:-1, LEGS]).max() for t in (track, clean)]
        assert turning[1] < turning[0] + np.radians(8)  # between two frames
        knees = matrix_to_axis_angle(clean.local[:, LEGS[2:4]])[..., 0]
        assert knees.min() > min(np.radians(-10), matrix_to_axis_angle(track.local[:, LEGS[2:4]])[..., 0].min() - 0.02)
    assert np.mean(after) < np.mean(before)


def test_a_root_drifting_in_depth_is_corrected_by_the_feet(body, walk):
    track, centre = in_world(walk, body)
    ray = track.root - centre
    wander = 0.03 * np.sin(1.3 * track.times)[:, None] * ray
    weight = walk.people[0].contacts.astype(float)
    offset = steady_root(track.moved(root=track.root + wander), weight, centre)
    assert np.linalg.norm(wander + offset, axis=1).mean() < 0.35 * np.linalg.norm(wander, axis=1).mean()


def test_long_tracks_are_solved_in_pieces_with_the_same_result(body, walk, fitted, monkeypatch):
    track, centre = in_world(fitted, body, walk)
    contacts, steadied = find_contacts(track, centre)
    whole = clean_feet(track, steadied, contacts, centre)
    monkeypatch.setattr(cleanup, "CHUNK", 90)
    pieces = clean_feet(track, steadied, contacts, centre)
    assert len(track.times) > 200  # at least two pieces
    # A piece does not know the contacts of the next one, which makes about a centimetre of difference at the seam.
    assert np.linalg.norm(pieces.joints - whole.joints, axis=-1).mean() < 0.004
    jump = np.linalg.norm(np.diff(pieces.joints - whole.joints, axis=0), axis=-1)
    assert jump.max() < 0.01


@pytest.mark.parametrize("height", [0.8, -0.6])
def test_a_person_on_another_floor_stays_on_it(body, height):
    motion = procedural_motion(body, "on-the-spot", seed=0, fps=15)
    track, centre = in_world(motion, body)
    raised = track.moved(root=track.root + np.array([0.0, height, 0.0]))
    contacts, steadied = find_contacts(raised, centre)
    clean = clean_feet(raised, steadied, contacts, centre)
    assert contacts.all()
    assert np.abs(clean.feet[..., 1] - height).max() < 0.01


def test_a_lifted_foot_held_still_is_not_in_contact(body):
    motion = procedural_motion(body, "on-the-spot", seed=0, fps=15)
    track, centre = in_world(motion, body)
    local = track.local.copy()
    hip, knee = SMPL24.indices(["left_hip", "left_knee"])
    local[:, hip] = local[:, hip] @ axis_angle_to_matrix(np.array([-0.9, 0.0, 0.0]))
    local[:, knee] = local[:, knee] @ axis_angle_to_matrix(np.array([1.2, 0.0, 0.0]))
    contacts, _ = find_contacts(track.moved(local=local), centre)
    assert not contacts[:, :2].any()
    assert contacts[:, 2:].mean() > 0.95


def test_a_jump_has_no_contact_in_the_air(body):
    motion = procedural_motion(body, "on-the-spot", seed=0, fps=30)
    track, centre = in_world(motion, body)
    t = track.times - 3.0
    height = np.where((t > 0) & (t < 0.55), 2.7 * t - 4.905 * t**2, 0.0)
    contacts, _ = find_contacts(track.moved(root=track.root + height[:, None] * [0.0, 1.0, 0.0]), centre)
    assert not contacts[height > 0.1].any()
    assert contacts[t < -0.3].all()
    assert contacts[t > 1.0].all()


@pytest.mark.parametrize("speed", [1.7, 2.0, 2.3])
def test_a_low_jump_keeps_its_height(body, speed):
    """Straight up by 13 to 25 cm, as smooth as a fit makes it. Held still, the feet that take off would take the body
    along, which leaves less than half of the rise; the contacts' margins cost up to a quarter of the lowest one."""
    motion = procedural_motion(body, "on-the-spot", seed=0, fps=30)
    track, centre = in_world(motion, body)
    t = track.times - 3.0
    height = np.where((t > 0) & (t < 2 * speed / 9.81), speed * t - 4.905 * t**2, 0.0)
    height = gaussian_filter1d(height, 2.0)
    jump = track.moved(root=track.root + height[:, None] * [0.0, 1.0, 0.0])
    contacts, steadied = find_contacts(jump, centre)
    clean = clean_feet(jump, steadied, contacts, centre)
    assert not contacts[height > 0.1].any()
    assert contacts[(t < -0.3) | (t > 1.0)].all()
    assert np.ptp(clean.root[:, 1] - track.root[:, 1]) > 0.7 * height.max()


def test_feet_that_were_not_seen_have_no_contacts(body, walk):
    track, centre = in_world(walk, body)
    unseen = FittedTrack(track.rig, track.times, track.local, track.root, np.zeros(len(track.times), dtype=bool))
    contacts, _ = find_contacts(unseen, centre)
    assert not contacts.any()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_very_short_tracks_are_handled(body, walk, count):
    track, centre = in_world(walk, body)
    piece = track.part(slice(0, count))
    contacts, steadied = find_contacts(piece, centre)
    clean = clean_feet(piece, steadied, contacts, centre)
    assert contacts.shape == (count, 4)
    assert clean.joints.shape == (count, 24, 3)
    assert np.isfinite(clean.joints).all()


def test_contacts_are_found_at_uneven_frame_times(body):
    even = procedural_motion(body, "rounds", seed=1, fps=60)
    rng = np.random.default_rng(5)
    keep = np.sort(rng.choice(len(even.times), size=len(even.times) // 2, replace=False))
    person = even.people[0].select(keep)
    dropped = even.replace(people=(person.replace(frames=np.arange(len(keep))),), times=even.times[keep])
    fitted = as_fitted(dropped, body, rng, Noise(depth=0.02, pose=3.0, lean=1.0))
    track, centre = in_world(fitted, body, dropped)
    contacts, steadied = find_contacts(track, centre)
    clean = clean_feet(track, steadied, contacts, centre)
    assert f1_score(contacts, person.contacts) > 0.83
    assert sliding(clean, contacts) < 10
    assert penetration(clean)[1] < 5


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.sampled_from([10.0, 30.0, 120.0]))
@settings(max_examples=60)
def test_spans_respect_thresholds_and_durations(weights, fps):
    weight = np.array(weights)[:, None]
    times = np.arange(len(weight)) / fps
    state = spans(weight, times)[:, 0]
    assert fps > 10 or not state[weight[:, 0] <= 0.15].any()  # only pauses shorter than a frame are closed
    for first, last in runs(state):
        assert weight[first:last].max() > 0.35
        if first > 0 and last < len(state):
            assert (last - first) / fps > 0.099
    for first, last in runs(~state):
        if first > 0 and last < len(state):
            assert (last - first) / fps > 0.069 or weight[first:last].max() > 0.15


def test_measures_of_a_track_that_slides_and_sinks(body):
    motion = procedural_motion(body, "on-the-spot", seed=0, fps=10)
    track, _ = in_world(motion, body)
    contacts = np.ones((len(track.times), 4), dtype=bool)
    slid = track.moved(root=track.root + track.times[:, None] * [0.1, 0.0, 0.0] - [0.0, 0.02, 0.0])
    assert sliding(slid, contacts) == pytest.approx(100, rel=1e-3)
    assert penetration(slid) == pytest.approx((20, 20), abs=0.5)
    assert floating(slid, contacts, np.zeros_like(contacts, dtype=float))[0] == pytest.approx(20, abs=0.5)
    figures = compare([track], [slid], [contacts], [np.zeros(contacts.shape)])
    assert figures["sliding_before"] < 0.01
    assert figures["sliding_after"] == pytest.approx(100, rel=1e-3)
    assert figures["bent_max"] < 1e-6
    assert compare([], [], [], []) == {}


def test_a_contact_that_could_not_be_held_is_none():
    times = np.arange(8) / 50
    points = np.zeros((8, 2, 3))
    points[3:, 0, 0] = 0.02  # 1 m/s from frame 2 to 3
    points[:, 1, 0] = 0.004 * np.arange(8)  # 0.2 m/s
    points[:, :, 1] = 0.1 * np.arange(8)[:, None]  # a lift is no slide
    contacts = np.ones((8, 2), dtype=bool)
    assert held(contacts, points, times).T.tolist() == [[True, True, False, False, True, True, True, True], [True] * 8]
    assert held(contacts[:1], points[:1], times[:1]).all()
