"""The stage `lift`: pieces, gaps, rates, mirror images, other joint sets, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.datasets import mpi3dhp
from kinema.errors import InputError, UsageError
from kinema.lifting import LIFTERS, lift_keypoints
from kinema.lifting.inputs import MPI3DHP17, input_set_of, joint_weights, joints_from, mirrored, to_screen
from kinema.lifting.lifting import lift_clip
from kinema.lifting.options import LiftOptions
from kinema.models.pstmo.sizes import PSTMOSizes
from kinema.models.videopose3d.sizes import VideoPose3DSizes
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import BLAZEPOSE33, COCO17, H36M17, HALPE26, OPENPOSE25, SMPL24
from tests.helpers.lifters import random_tensors

SIZES = {
    "videopose3d": VideoPose3DSizes(17, 17, 8, (3, 3)),
    "pstmo": PSTMOSizes(9, width=16, inner=16, spatial=16, layers=1),
}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lifters")
    paths = {}
    for name, sizes in SIZES.items():
        paths[name] = folder / f"{name}_coco.npz"
        np.savez(paths[name], **random_tensors(sizes))
    return paths


def clip_of(
    frames: int, joints=COCO17, *, rate: float = 25.0, keep=None, width: int = 640, height: int = 480
) -> Motion:
    """Somebody whose keypoints move about smoothly, in the frames `keep`."""
    rng = np.random.default_rng(2)
    t = np.arange(frames)[:, None, None] / rate
    phase, speed = rng.uniform(0, 6, (len(joints), 2)), rng.uniform(1, 3, (len(joints), 2))
    points = np.array([320, 240]) + 100 * np.sin(speed * t + phase)
    kept = np.arange(frames) if keep is None else np.asarray(keep)
    person = Person(
        id=1, frames=kept, keypoint_set=joints.name, keypoints=points[kept],
        keypoint_confidence=np.ones((len(kept), len(joints))),
    )  # fmt: skip
    return Motion(times=np.arange(frames) / rate, width=width, height=height, people=(person,))


def lifted(motion: Motion, checkpoints, name: str, **settings) -> np.ndarray:
    options = LiftOptions(method=name, checkpoint=checkpoints[name], **settings)
    return lift_keypoints(motion, options=options).people[0].keypoints3d


@pytest.mark.parametrize("name", SIZES)
def test_every_frame_is_lifted_and_the_pelvis_is_the_origin(name, checkpoints):
    joints = lifted(clip_of(30), checkpoints, name)
    assert joints.shape == (30, 17, 3)
    assert np.isfinite(joints).all()
    np.testing.assert_array_equal(joints[:, 0], 0)


class Echo:
    """A network that gives the joints that it takes, in mm, as 3DHP's does."""

    joints_in, joints_out, reach = 17, 17, (0, 0)

    def lift(self, clip, stride, frames):
        flat = 1000 * clip[list(frames)]
        return np.concatenate([flat, np.full_like(flat[..., :1], 500)], axis=-1)


def test_joints_of_a_network_for_3dhp_are_put_in_order():
    """Which of them is the left knee is known by its name alone: a network that echoes what it sees tells."""
    clip = np.random.default_rng(0).normal(size=(5, 17, 2)).astype(np.float32)
    joints = lift_clip(Echo(), clip, MPI3DHP17)
    for name in H36M17.joints:
        np.testing.assert_allclose(joints[:, H36M17.index(name), :2], clip[:, MPI3DHP17.index(name)], rtol=1e-6)
    np.testing.assert_allclose(joints[..., 2], 0.5)
    assert [MPI3DHP17.joints[i] for i in mpi3dhp.LEFT] == [
        MPI3DHP17.joints[i].replace("right", "left") for i in mpi3dhp.RIGHT
    ]
    assert MPI3DHP17.joints[mpi3dhp.ROOT] == "pelvis"


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_clips_shorter_than_the_window_are_padded(name, frames, checkpoints):
    joints = lifted(clip_of(frames), checkpoints, name)
    assert np.isfinite(joints).all()


@pytest.mark.parametrize("name", SIZES)
def test_the_mirror_image_is_lifted_to_the_mirrored_joints(name, checkpoints):
    network = LIFTERS.find(name).opened(checkpoints[name])
    clip = to_screen(clip_of(20).people[0].keypoints, 640, 480)
    joints = lift_clip(network, clip, COCO17)
    other = lift_clip(network, mirrored(clip, COCO17), COCO17)
    np.testing.assert_allclose(mirrored(other, H36M17), joints, atol=1e-5)  # float32 sums


@pytest.mark.parametrize("name", SIZES)
def test_a_short_gap_keeps_its_place_in_time(name, checkpoints):
    """Frames around a gap of 0.12 s are lifted as if nobody had been away, as far as a straight line fills it."""
    whole = lifted(clip_of(40), checkpoints, name)
    keep = [i for i in range(40) if i not in (18, 19)]
    gapped = lifted(clip_of(40, keep=keep), checkpoints, name)
    far = np.abs(np.array(keep) - 18.5) > 6  # beyond the reach of the networks, 4 frames, and of the resampling
    scale = np.abs(whole).max()
    np.testing.assert_allclose(gapped[far], whole[keep][far], atol=2e-3 * scale)
    np.testing.assert_allclose(gapped, whole[keep], atol=0.1 * scale)


@pytest.mark.parametrize("name", SIZES)
def test_pieces_on_either_side_of_a_long_gap_do_not_see_each_other(name, checkpoints):
    keep = [*range(20), *range(40, 60)]
    both = lifted(clip_of(60, keep=keep), checkpoints, name)
    first = lifted(clip_of(60, keep=keep[:20]), checkpoints, name)
    np.testing.assert_array_equal(both[:20], first)


def test_a_high_frame_rate_is_lifted_at_the_networks(checkpoints):
    """At 100 frames a second every second frame belongs to VideoPose3D's 50: each half is lifted by itself."""
    motion = clip_of(41, rate=100)
    fine = lifted(motion, checkpoints, "videopose3d")
    half = motion.people[0].select(np.arange(0, 41, 2))
    slow = motion.replace(times=motion.times[::2], people=(half.replace(frames=np.arange(21)),))
    np.testing.assert_allclose(fine[::2], lifted(slow, checkpoints, "videopose3d"), atol=1e-5)


@pytest.mark.parametrize("joints", [BLAZEPOSE33, HALPE26, OPENPOSE25], ids=lambda joints: joints.name)
def test_other_sets_give_what_their_coco_joints_give(joints, checkpoints):
    motion = clip_of(15, joints)
    person = motion.people[0]
    coco = person.replace(
        keypoint_set=COCO17.name, keypoints=person.keypoints[:, joints.indices(COCO17.joints)],
        keypoint_confidence=np.ones((15, 17)),
    )  # fmt: skip
    want = lifted(motion.replace(people=(coco,)), checkpoints, "videopose3d")
    np.testing.assert_array_equal(lifted(motion, checkpoints, "videopose3d"), want)


def test_human36m_joints_are_made_of_cocos():
    weights = joint_weights(COCO17, H36M17)
    rows = {name: weights[i] for i, name in enumerate(H36M17.joints)}
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert rows["pelvis"][COCO17.index("left_hip")] == rows["pelvis"][COCO17.index("right_hip")] == 0.5
    assert rows["left_knee"][COCO17.index("left_knee")] == 1


def test_missing_keypoints_are_interpolated_in_time(checkpoints):
    motion = clip_of(30)
    points = motion.people[0].keypoints.copy()
    points[10:12, 9] = np.nan
    person = motion.people[0].replace(keypoints=points)
    joints = lifted(motion.replace(people=(person,)), checkpoints, "videopose3d")
    whole = lifted(motion, checkpoints, "videopose3d")
    np.testing.assert_allclose(joints, whole, atol=0.1 * np.abs(whole).max())


def test_somebody_who_is_never_seen_stays_unknown(checkpoints):
    motion = clip_of(10)
    unseen = motion.people[0].replace(keypoints=np.full((10, 17, 2), np.nan))
    assert np.isnan(lifted(motion.replace(people=(unseen,)), checkpoints, "videopose3d")).all()


@given(width=st.integers(1, 4000), height=st.integers(1, 4000))
def test_the_longer_side_is_from_minus_one_to_one(width, height):
    corners = to_screen(np.array([[0.0, 0.0], [width, height]]), width, height)
    assert np.abs(corners).max() == pytest.approx(1)
    np.testing.assert_allclose(corners[0], -corners[1])


@pytest.mark.parametrize(
    ("file", "joints", "certain"),
    [
        ("pretrained_h36m_detectron_coco.bin", COCO17, True),
        ("PSTMOS_no_refine_48_5137_in_the_wild.pth", COCO17, True),
        ("pretrained_h36m_cpn.bin", H36M17, True),
        ("PSTMOS_no_refine_15_2936_h36m_gt.pth", H36M17, True),
        ("PSTMOS_no_refine_50_3203_3dhp.pth", MPI3DHP17, True),
        ("mine.pth", COCO17, False),
    ],
)
def test_a_files_name_tells_its_joints(file, joints, certain):
    assert input_set_of(file, None) == (joints, certain)
    assert input_set_of(file, "h36m17") == (H36M17, True)


def test_sums_of_unseen_points_are_unseen():
    points = np.arange(34.0).reshape(1, 17, 2)
    points[0, COCO17.index("left_hip")] = np.nan
    made = joints_from(points, joint_weights(COCO17, H36M17))
    assert np.isnan(made[0, 0]).all()
    assert np.isfinite(made[0, H36M17.index("thorax")]).all()


def test_what_cannot_be_lifted_is_refused_in_a_sentence(checkpoints, tmp_path):
    with pytest.raises(UsageError, match="no lifter is chosen; set `lifter`"):
        lift_keypoints(clip_of(5), options=LiftOptions())
    with pytest.raises(UsageError, match="videopose3d needs its checkpoint"):
        lift_keypoints(clip_of(5), options=LiftOptions(method="videopose3d"))
    with pytest.raises(InputError, match=r"there is no checkpoint .*none\.bin"):
        lift_keypoints(clip_of(5), options=LiftOptions(method="videopose3d", checkpoint=tmp_path / "none.bin"))
    with pytest.raises(InputError, match="not a P-STMO checkpoint"):
        lift_keypoints(clip_of(5), options=LiftOptions(method="pstmo", checkpoint=checkpoints["videopose3d"]))
    with pytest.raises(UsageError, match=r"takes keypoints of coco17; those of smpl24 lack nose, left_eye"):
        lifted(clip_of(5, SMPL24), checkpoints, "videopose3d")
    with pytest.raises(InputError, match="image size is not known"):
        lifted(clip_of(5, width=0, height=0), checkpoints, "videopose3d")
    with pytest.raises(UsageError, match="leave out `lifter_causal`"):
        lifted(clip_of(5), checkpoints, "pstmo", causal=True)
    with pytest.raises(UsageError, match="set `lifter` to videopose3d or pstmo"):
        LiftOptions(checkpoint=checkpoints["pstmo"])


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        (VideoPose3DSizes(17, 1, 8, (3, 3)), "a trajectory model, which gives the root alone"),
        (VideoPose3DSizes(17, 15, 8, (3, 3)), "gives 15 joints; Kinema lifts to Human3.6M's 17"),
        (VideoPose3DSizes(16, 17, 8, (3, 3)), "takes 16 joints, coco17 has 17"),
    ],
)
def test_networks_of_other_joints_are_refused(sizes, sentence, tmp_path):
    path = tmp_path / "other_coco.npz"
    np.savez(path, **random_tensors(sizes))
    with pytest.raises(InputError, match=sentence):
        lift_keypoints(clip_of(5), options=LiftOptions(method="videopose3d", checkpoint=path))
