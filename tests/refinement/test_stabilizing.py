"""The stabiliser: clean motion is unchanged, faults shrink, nothing gets worse, all is reported; video2pkl is exact."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.body import free_body
from kinema.errors import UsageError
from kinema.formats import load_motion
from kinema.formats.kinema_pkl import write
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle, quaternion_to_axis_angle
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality import validate_motion
from kinema.quality.corruption import CORRUPTIONS
from kinema.refinement.options import StabilizeOptions
from kinema.refinement.repair import bridge_jumps, excursions, replace_root_excursions
from kinema.refinement.stage import stabilize_motion
from kinema.refinement.video2pkl_stabilizer import stabilize
from kinema.skeleton import SMPL24
from kinema.synthetic import procedural_motion
from tests.helpers.recorded_motions import assert_same_report, each_kind, recorded_motions


def joint_error(a: Motion, b: Motion) -> float:
    """Mean distance of the joints in the world, mm."""
    return 1000 * float(np.linalg.norm(a.people[0].joints_world - b.people[0].joints_world, axis=-1).mean())


def turn_error(a: Motion, b: Motion) -> float:
    """Mean angle between the rotations, degrees."""
    matrices = [axis_angle_to_matrix(m.people[0].pose_world.reshape(-1, 24, 3)) for m in (a, b)]
    return float(np.degrees(geodesic_angle(*matrices)).mean())


def without_contacts(motion: Motion) -> Motion:
    return motion.replace(people=tuple(person.replace(contacts=None) for person in motion))


def told(motion: Motion, view: str = "world") -> dict:
    return motion.provenance[-1].arguments["people"]["1"][view]


@pytest.mark.parametrize("fps", [15.0, 30.0, 100.0])
def test_clean_motion_stays_as_it_is(fps):
    motion = procedural_motion(free_body(), "demo", fps=fps)
    stable = stabilize_motion(motion)
    assert joint_error(motion, stable) < 1.0
    assert turn_error(motion, stable) < 0.5


def captured(path, names) -> Iterator[Motion]:
    """Clips of motion capture as motions in the world, the capture's own joints in addition to its rotations."""
    with np.load(path, allow_pickle=False) as file:
        start, quaternions = file["seq_start"], file["smpl24_quat_i16"]
        joints = file["root"][:, None] + file["smpl24_rel_i16"] / 1e4
        for i in np.flatnonzero(np.isin(file["seq_name"], names)):
            rows = slice(start[i], start[i + 1])
            pose = quaternion_to_axis_angle(quaternions[rows] / 32767.0).reshape(-1, 72)
            own = joints[rows].astype(np.float64)
            count = len(own)
            person = Person(id=1, frames=np.arange(count), pose_world=pose, transl_world=own[:, 0], joints_world=own)
            yield Motion(np.arange(count) / float(file["fps"][i]), 0, 0, people=(person,), body_model="mocap")


@pytest.mark.real
def test_clean_capture_stays_as_it_is(data_dir):
    """A runner, whose strides look most like jitter, and dances: they pass, and are left alone."""
    found = 0
    for motion in captured(data_dir / "mocap" / "cmu_train.npz", ["09_05", "09_09", "09_11", "05_02", "05_07"]):
        assert validate_motion(motion, checks=["quality"]).people[0].bad_frames == 0
        stable = stabilize_motion(motion)
        assert joint_error(motion, stable) < 1.0
        assert turn_error(motion, stable) < 0.5
        assert validate_motion(stable, checks=["quality"]).people[0].bad_frames == 0
        found += 1
    assert found == 5


def test_a_fault_in_motion_that_passes_is_repaired_and_the_rest_left_alone(walk):
    """One wrong frame is no reason to fail; it is repaired, and nothing else moves by more than clean motion may."""
    pose = walk.people[0].pose_world.reshape(-1, 24, 3).copy()
    pose[80, SMPL24.index("head")] += [0.0, 1.2, 0.0]
    person = walk.people[0]
    joints = free_body().joints(pose.reshape(-1, 72), person.betas, person.transl_world)
    hurt = walk.replace(people=(person.replace(pose_world=pose.reshape(-1, 72), joints_world=joints),))
    report = validate_motion(hurt, checks=["quality"]).people[0]
    assert report.verdict == "PASS"
    assert 80 in report.bad_rows
    stable = stabilize_motion(hurt)
    mended = stable.people[0].pose_world.reshape(-1, 24, 3)[80]
    away = geodesic_angle(axis_angle_to_matrix(mended), axis_angle_to_matrix(person.pose_world.reshape(-1, 24, 3)[80]))
    assert np.degrees(away).max() < 5
    assert joint_error(walk, stable) < 1.0


def test_jitter_shrinks(walk):
    shaky = CORRUPTIONS["jitter"](walk, np.random.default_rng(0))
    stable = stabilize_motion(shaky)
    # Smoothing over 0.16 s lowers white noise of 30 frames a second to 0.46 of its size; movement costs some of that.
    assert joint_error(walk, stable) < 0.6 * joint_error(walk, shaky)
    # No foot stands still enough for its contacts after noise of 10 mm; everything else is mended.
    before, after = (validate_motion(without_contacts(m)).people[0].bad_frames for m in (shaky, stable))
    assert after < 0.1 * before


def test_a_flip_is_replaced_in_the_flipped_frames_alone(walk):
    pose = walk.people[0].pose_world.copy()
    about = axis_angle_to_matrix(np.array([0.0, np.pi, 0.0]))
    from kinema.geometry.rotations import matrix_to_axis_angle

    pose[50:55, :3] = matrix_to_axis_angle(about @ axis_angle_to_matrix(pose[50:55, :3]))
    person = walk.people[0]
    joints = free_body().joints(pose, person.betas, person.transl_world)
    flipped = walk.replace(people=(person.replace(pose_world=pose, joints_world=joints),))
    stable = stabilize_motion(flipped, options=StabilizeOptions(steps=("replace",)))
    changed = np.any(stable.people[0].pose_world != pose, axis=1)
    assert np.flatnonzero(changed).tolist() == [50, 51, 52, 53, 54]
    assert np.degrees(geodesic_angle(
        axis_angle_to_matrix(stable.people[0].pose_world[:, :3]), axis_angle_to_matrix(person.pose_world[:, :3])
    )).max() < 3  # fmt: skip
    # Only the root had flipped: the other rotations are the input's own numbers.
    np.testing.assert_array_equal(stable.people[0].pose_world[:, 3:], pose[:, 3:])
    assert told(stable)["steps"][0]["rotations"] == 5


def test_a_root_that_leaps_and_stays_is_led_over(walk):
    person = walk.people[0]
    shift = np.zeros((len(person), 3))
    shift[200:, 0] = 1.5
    leapt = walk.replace(people=(person.replace(
        transl_world=person.transl_world + shift, joints_world=person.joints_world + shift[:, None]),))  # fmt: skip
    assert validate_motion(leapt).verdict == "PASS_WITH_CLEANUP"
    stable = stabilize_motion(leapt)
    assert validate_motion(stable).verdict == "PASS"
    # Away from the leap nothing moved: neither before it nor after.
    away = np.abs(np.arange(len(person)) - 200) > 10
    np.testing.assert_allclose(
        stable.people[0].transl_world[away], leapt.people[0].transl_world[away], atol=1e-3, rtol=0
    )  # smoothing may add a millimetre


@pytest.mark.parametrize("damage", CORRUPTIONS)
def test_nothing_gets_worse_by_the_validators_measures(walk, damage):
    hurt = CORRUPTIONS[damage](walk, np.random.default_rng(3))
    before = validate_motion(hurt, checks=["quality"]).people[0]
    after = validate_motion(stabilize_motion(hurt), checks=["quality"]).people[0]
    rank = ("PASS", "PASS_WITH_CLEANUP", "FAIL")
    assert rank.index(after.verdict) <= rank.index(before.verdict)
    assert after.bad_frames <= before.bad_frames
    for measure, figure in after.figures.items():
        if isinstance(figure, dict) and "worst" in figure:
            assert figure["bad_frames"] <= before.figures[measure]["bad_frames"], measure
            assert figure["worst"] <= max(before.figures[measure]["worst"], figure["limit"]) * 1.0001, measure


def test_every_step_is_told(walk):
    stable = stabilize_motion(CORRUPTIONS["teleport"](walk, np.random.default_rng(0)))
    record = stable.provenance[-1]
    assert record.name == "stabilize"
    assert [step["step"] for step in told(stable)["steps"]] == ["replace", "lead", "smooth"]
    assert set(told(stable)) == {"steps", "before", "after"}
    assert set(record.arguments["people"]["1"]) == {"camera", "world"}
    assert len(stable.provenance) == len(walk.provenance) + 1


def test_joints_and_poses_belong_together_afterwards(walk):
    stable = stabilize_motion(CORRUPTIONS["jitter"](walk, np.random.default_rng(1))).people[0]
    np.testing.assert_allclose(
        free_body().joints(stable.pose_world, stable.betas, stable.transl_world), stable.joints_world, atol=1e-9
    )


def test_a_person_without_pose_stays():
    person = Person(id=1, frames=np.arange(4), joints=np.zeros((4, 24, 3)))
    motion = Motion(times=np.arange(4) / 30, width=0, height=0, people=(person,))
    stable = stabilize_motion(motion)
    np.testing.assert_array_equal(stable.people[0].joints, person.joints)
    assert stable.provenance[-1].arguments["people"]["1"] == {}


@given(frames=st.integers(1, 12), seed=st.integers(0, 100))
@settings(max_examples=15)
def test_short_and_wild_motions_are_survived(frames, seed):
    rng = np.random.default_rng(seed)
    person = Person(
        id=1, frames=np.cumsum(rng.integers(1, 4, frames)), pose=rng.normal(0, 2, (frames, 72)),
        transl=rng.normal(0, 3, (frames, 3)),
    )  # fmt: skip
    motion = Motion(times=np.arange(person.frames[-1] + 1) / 30, width=0, height=0, people=(person,), body_model="smpl")
    stable = stabilize_motion(motion)
    assert np.all(np.isfinite(stable.people[0].pose))
    assert validate_motion(stable).people[0].bad_frames <= validate_motion(motion).people[0].bad_frames


def test_excursions_come_back_and_leaps_do_not():
    times = np.arange(60) / 30
    path = np.stack([times, 0 * times, 0 * times], axis=1)
    assert not excursions(path, times, 0.03).any()
    away = path.copy()
    away[20:23, 1] += 0.5
    assert np.flatnonzero(excursions(away, times, 0.03)).tolist() == [20, 21, 22]
    stays = path.copy()
    stays[20:, 1] += 0.5
    assert not excursions(stays, times, 0.03).any()


def test_what_lies_beyond_a_leap_at_the_end_is_held():
    times = np.arange(30) / 30
    path = np.stack([0.5 * times, 0 * times, 0 * times], axis=1)
    path[:2, 1] += 1.0
    path[28:, 2] -= 1.0
    found, away = replace_root_excursions(path, times, 1.0)
    assert np.flatnonzero(away).tolist() == [0, 1, 28, 29]
    np.testing.assert_allclose(found[:2], path[[2, 2]])
    np.testing.assert_allclose(found[28:], path[[27, 27]])


@given(leap=st.floats(0.2, 5.0), fps=st.sampled_from([10.0, 30.0, 120.0]))
def test_leading_over_is_never_faster_than_it_may_be(leap, fps):
    times = np.arange(round(6 * fps)) / fps
    path = np.zeros((len(times), 3))
    path[len(times) // 2 :, 0] = leap
    led, changed = bridge_jumps(path, times, fastest=8.0)
    assert np.linalg.norm(np.diff(led, axis=0), axis=1).max() * fps <= 8.0
    np.testing.assert_allclose(led[[0, -1]], path[[0, -1]], atol=1e-12)
    np.testing.assert_allclose(led[~changed], path[~changed], atol=1e-9)


@pytest.mark.golden
@each_kind
def test_video2pkls_stabiliser_is_reproduced(kind):
    arrays, reports = recorded_motions()
    report = reports[kind]["stabilizer"]
    given = (arrays[f"{kind}.in.{name}"] for name in ("pose", "trans", "global_orient"))
    pose, trans, root, found = stabilize(*given, report["fps"], report["input_pkl"], report["output_pkl"])
    # The same arithmetic in double precision: 1e-9 rad and m leave room for another order of additions.
    np.testing.assert_allclose(pose, arrays[f"{kind}.stable.pose"], atol=1e-9)
    np.testing.assert_allclose(trans, arrays[f"{kind}.stable.trans"], atol=1e-9)
    np.testing.assert_allclose(root, arrays[f"{kind}.stable.global_orient"], atol=1e-9)
    assert_same_report(found, report, kind)


@pytest.mark.golden
@each_kind
def test_video2pkls_profile_on_a_motion(kind):
    arrays, reports = recorded_motions()
    report = reports[kind]["stabilizer"]
    pose, trans = arrays[f"{kind}.in.pose"], arrays[f"{kind}.in.trans"]
    person = Person(id=1, frames=np.arange(len(pose)), pose=pose, transl=-trans)
    motion = Motion(times=np.arange(len(pose)) / report["fps"], width=0, height=0, people=(person,), body_model="smpl")
    stable = stabilize_motion(motion, options=StabilizeOptions(profile="video2pkl"))
    np.testing.assert_allclose(stable.people[0].pose, arrays[f"{kind}.stable.pose"], atol=1e-9)
    np.testing.assert_allclose(stable.people[0].transl, -arrays[f"{kind}.stable.trans"], atol=1e-9)
    assert told(stable, "camera")["status"] == report["status"]


def test_the_result_survives_a_file(walk, tmp_path):
    stable = stabilize_motion(walk)
    read = load_motion(write(stable, tmp_path / "stable.pkl"))
    assert read.provenance == stable.provenance


def test_unknown_profiles_and_steps_are_refused():
    with pytest.raises(UsageError, match="`profile` must be default or video2pkl"):
        StabilizeOptions(profile="strong")
    assert StabilizeOptions(profile="fork") == StabilizeOptions(profile="video2pkl")
    with pytest.raises(UsageError, match="`step` must be some of"):
        StabilizeOptions(steps=("polish",))


def test_limbs_stay_as_long_as_they_were(walk):
    stable = stabilize_motion(CORRUPTIONS["flip"](walk, np.random.default_rng(0))).people[0]
    bones = np.linalg.norm(stable.joints_world[:, 1:] - stable.joints_world[:, list(SMPL24.parents[1:])], axis=-1)
    assert np.ptp(bones, axis=0).max() < 1e-9
