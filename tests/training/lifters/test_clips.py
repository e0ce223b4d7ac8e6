"""Windows and samples of training clips: the authors' chunks, mirrors, masks, shares of clips."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from kinema.datasets.h36m import read_dataset, read_keypoints  # noqa: E402
from kinema.datasets.h36m_cameras import H36M_CAMERAS  # noqa: E402
from kinema.lifting.inputs import to_screen  # noqa: E402
from kinema.models.pstmo.lifter import window_places  # noqa: E402
from kinema.training.lifters.batches import Batches  # noqa: E402
from kinema.training.lifters.clips import (  # noqa: E402
    Order,
    TrainingClips,
    frames_of,
    labelled_clips,
    samples_of,
    unlabelled_clips,
)
from kinema.training.lifters.losses import projected  # noqa: E402
from kinema.training.lifters.masked import draw_masks  # noqa: E402
from kinema.training.lifters.options import LifterTraining  # noqa: E402
from tests.helpers.goldens import cases, each_case, recording  # noqa: E402
from tests.helpers.lifter_datasets import write_dataset  # noqa: E402

pytestmark = pytest.mark.torch

CHUNKS = "videopose3d/golden_metrics_cameras.npz"


def numbered(lengths: list[int]) -> TrainingClips:
    """Clips whose values are the frame's number in its clip."""
    values = np.concatenate([np.arange(n) for n in lengths]).astype(np.float32)
    joints = np.broadcast_to(values[:, None, None], (len(values), 17, 3)).copy()
    mirror = np.array([0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13])
    count = np.array(lengths)
    lenses = np.tile(np.arange(1, 10, dtype=np.float32), (len(lengths), 1))
    return TrainingClips(
        joints[..., :2].copy(), joints, np.cumsum(count) - count, count, lenses, ("a",) * len(lengths), mirror, mirror
    )


@pytest.mark.golden
@each_case("stride", CHUNKS, r"chunk\.stride(\d+)\.index_2d")
def test_samples_are_the_authors_chunks(stride):
    golden = recording(CHUNKS)
    seen, lifted, lenses = (golden[f"chunk.stride{stride}.{name}"] for name in ("index_2d", "index_3d", "cam"))
    clips = numbered([int(lifted.max()) + 1])
    batches = Batches(clips, samples_of(clips.lengths, stride), "cpu")
    rows = np.arange(len(batches))
    pad = (seen.shape[1] - stride) // 2
    found = batches.keypoints(rows, np.arange(-pad, stride + pad))[:, :, 3, 1]
    np.testing.assert_array_equal(found.numpy(), seen)
    np.testing.assert_array_equal(batches.joints(rows, np.arange(stride))[:, :, 3, 1].numpy(), lifted)
    np.testing.assert_array_equal(batches.lenses(rows).numpy(), lenses)


@pytest.mark.golden
def test_the_order_of_an_epoch_is_the_authors():
    golden = recording(CHUNKS)
    for name in cases(golden, r"(chunk\.shuffled_first_epoch)"):
        length = len(golden[name]) // 2
        samples = samples_of([length])
        np.testing.assert_array_equal(samples.first[Order(len(samples), 1234).of(0)], golden[name])


@pytest.mark.golden
@each_case("stride,where", "pstmo/golden_pipeline.npz", r"tds(\d+)\.index_(\w+)")
def test_windows_are_p_stmos(stride, where):
    golden = recording("pstmo/golden_pipeline.npz")
    wanted = golden[f"tds{stride}.index_{where}"]
    clips = numbered([int(golden["tds.length"])])
    samples = samples_of(clips.lengths, flip=False)
    found = frames_of(samples, golden["tds.frames"], window_places(len(wanted), stride), clips)
    assert wanted.tolist() in found.tolist()


@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5), stride=st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_every_frame_is_predicted_and_no_clip_enters_another(lengths, stride):
    clips = numbered(lengths)
    samples = samples_of(lengths, stride)
    frames = frames_of(samples, np.arange(len(samples)), np.arange(stride), clips)
    for image in (False, True):
        mine = samples.mirrored == image
        assert set(frames[mine].ravel()) == set(range(sum(lengths)))
    first = clips.starts[samples.clip, None]
    assert (frames >= first).all()
    assert (frames < first + clips.lengths[samples.clip, None]).all()


def test_the_order_does_not_depend_on_what_was_asked_for_before():
    a, b = Order(50, 7), Order(50, 7)
    later = a.of(3).copy()
    np.testing.assert_array_equal(b.of(0), a.of(0))
    np.testing.assert_array_equal(b.of(3), later)
    assert sorted(later) == list(range(50))
    assert (later != b.of(2)).any()


def test_a_mirrored_sample_is_the_picture_in_a_mirror(tmp_path):
    """Its joints, projected through its mirrored lens, are its keypoints."""
    data = read_dataset(*write_dataset(tmp_path, frames=12, subjects=("S1",)))
    clips = labelled_clips(data, ["S1"], LifterTraining())
    batches = Batches(clips, samples_of(clips.lengths), "cpu")
    rows = np.arange(len(batches))
    joints = batches.joints(rows, np.zeros(1, dtype=int))
    joints[:, :, 1:] += joints[:, :, :1]
    found = projected(joints, batches.lenses(rows))
    seen = batches.keypoints(rows, np.zeros(1, dtype=int))
    # Float32, and OpenCV's model of the lens, whose tangential term differs by products of small coefficients.
    np.testing.assert_allclose(found.numpy(), seen.numpy(), atol=2e-3)


def test_a_share_of_each_clip_is_used_and_every_nth_frame(tmp_path):
    data = read_dataset(*write_dataset(tmp_path, frames=40, subjects=("S1", "S5")))
    few = labelled_clips(data, ["S1", "S5"], LifterTraining(subset=0.25, downsample=2))
    assert few.lengths.tolist() == [5] * 8
    whole = labelled_clips(data, ["S1", "S5"], LifterTraining(subset=0.25, downsample=2), whole=True)
    assert whole.lengths.tolist() == [20] * 8
    every = labelled_clips(data, ["S1"], LifterTraining())
    first = [np.flatnonzero((every.joints[:40] == few.joints[0]).all(axis=(1, 2)))[0]]
    np.testing.assert_array_equal(few.joints[:5], every.joints[first[0] : first[0] + 10 : 2])


def test_clips_without_motion_capture_need_a_size_or_a_lens(tmp_path):
    _, two = write_dataset(tmp_path, frames=10, subjects=("S1",))
    keypoints = read_keypoints(two)
    clips = unlabelled_clips(keypoints, H36M_CAMERAS, ["S1"], LifterTraining())
    camera = H36M_CAMERAS["S1"][0]
    want = to_screen(keypoints.clips["S1"]["Walking 1"][0], camera.width, camera.height, camera.width)
    np.testing.assert_allclose(clips.keypoints[:10], want, atol=1e-6)
    assert clips.joints is None


@given(frames=st.integers(1, 60), joints=st.integers(1, 20), share=st.floats(0, 0.99), data=st.data())
@settings(max_examples=50, deadline=None)
def test_masks_hide_what_they_say(frames, joints, share, data):
    count = data.draw(st.integers(0, joints))
    frame_mask, joint_mask = draw_masks(frames, joints, share, count, np.random.default_rng(frames))
    assert frame_mask.sum() == int(frames * share)
    assert (joint_mask.sum(axis=1) == count).all()
