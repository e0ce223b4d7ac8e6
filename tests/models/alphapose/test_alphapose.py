"""FastPose, its crops, its decoding and the pose NMS against the recorded outputs of AlphaPose."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError
from kinema.models.alphapose.pose import HEIGHT, STRIDE, WIDTH, cut, decode, mirrored_back, to_image, widened
from kinema.models.alphapose.pose_nms import Poses, prominence, suppress_poses
from tests.helpers.goldens import cases, each_case, goldens, input_of, recording, torch_tensors
from tests.helpers.recorded_refiners import assert_close

FILE = "alphapose/golden.npz"


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return recording(FILE)


@pytest.fixture(scope="module")
def network():
    pytest.importorskip("torch")
    from kinema.models.alphapose.network import FastPose

    (manifest,) = (goldens() / "alphapose").glob("manifest_*.json")
    return FastPose.from_tensors(torch_tensors(f"alphapose/{manifest.name}"))


@pytest.mark.golden
@pytest.mark.torch
@pytest.mark.slow
@each_case("case", FILE, r"(\w+)\.input_seed")
def test_the_network_computes_what_was_recorded(golden, network, case):
    """As it is, and prepared for speed; sums are in another order, so 1e-5 of the largest value."""
    import copy

    import torch

    from kinema.models.torch_inference import prepared, run

    net = copy.deepcopy(network)
    assert sum(each.numel() for each in net.parameters()) == golden["num_params"]
    seen: dict[str, np.ndarray] = {}
    parts = {f"layer{number}": getattr(net.preact, f"layer{number}") for number in (1, 2, 3, 4)}
    for name, part in (parts | {"duc1": net.duc1, "duc2": net.duc2}).items():
        part.register_forward_hook(lambda _module, _inputs, out, name=name: seen.__setitem__(name, out.numpy().copy()))
    pictures = input_of(golden, case)
    with torch.inference_mode():
        out = net(torch.from_numpy(pictures)).numpy()
    for name in cases(golden, re.escape(case) + r"\.(layer\d|duc\d)_sub"):
        height, width = seen[name].shape[2:]
        assert_close(seen[name][:, ::32, :: max(1, height // 4), :: max(1, width // 4)], golden[f"{case}.{name}_sub"])
    fast = prepared(net, pictures.shape, threads=1)
    for found in (out, run(fast, pictures)):
        assert_close(found[:, :, ::2, ::2], golden[f"{case}.out_sub"])
    mirrored = mirrored_back(run(fast, np.ascontiguousarray(pictures[..., ::-1]))[:, :17])
    averaged = (out[:, :17] + mirrored) / 2
    assert_close(averaged[:, :, ::2, ::2], golden[f"{case}.flip_averaged_sub"])


@pytest.mark.golden
def test_decoding(golden):
    """Within a thousandth of a pixel: theirs is float32."""
    heatmaps = golden["decode.heatmaps_f16"].astype(np.float32)
    points, values = decode(heatmaps)
    np.testing.assert_array_equal(values, golden["decode.scores"][..., 0])
    np.testing.assert_allclose(points, golden["decode.preds_hm"], atol=1e-5)
    boxes = np.concatenate([golden["decode.pt1"], golden["decode.pt2"]], axis=1)
    for one, box, expected in zip(points, boxes, golden["decode.preds_img"], strict=True):
        np.testing.assert_allclose(to_image(one, box, heatmaps.shape[2]), expected, atol=1e-3)


@pytest.mark.golden
def test_crops(golden):
    """Within one grey level: OpenCV 5 interpolates otherwise than OpenCV 4."""
    image = np.ascontiguousarray(golden["crop.image_bgr"][..., ::-1])
    boxes = widened(golden["crop.boxes"], image.shape[1], image.shape[0])
    np.testing.assert_allclose(boxes, np.hstack([golden["crop.pt1"], golden["crop.pt2"]]), atol=1e-4)
    found = np.array([cut(image, box) for box in boxes])[:, :, ::10, ::8]
    np.testing.assert_allclose(found, golden["crop.input_sub"], atol=1 / 255)
    assert np.abs(found - golden["crop.input_sub"]).mean() < 0.1 / 255


@pytest.mark.golden
@each_case("case", FILE, r"posenms\.(\w+)\.poses")
def test_pose_nms(golden, case):
    of = {key.rsplit(".", 1)[1]: value for key, value in golden.items() if key.startswith(f"posenms.{case}.")}
    found = suppress_poses(of["boxes"], of["box_scores"][:, 0], of["poses"], of["scores"][..., 0])
    np.testing.assert_allclose(found.keypoints, of["out_keypoints"], rtol=1e-5)
    np.testing.assert_allclose(found.scores, of["out_scores"], rtol=1e-5)
    np.testing.assert_allclose(found.proposal, of["out_proposal"], rtol=1e-5)
    np.testing.assert_allclose(prominence(found), of["selection_key"], rtol=1e-5)
    assert prominence(found).argmax() == of["selected"]


def test_nobody_and_the_doubtful():
    nobody = suppress_poses(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 17, 2)), np.zeros((0, 17)))
    assert isinstance(nobody, Poses)
    assert nobody.keypoints.shape == (0, 17, 2)
    assert prominence(nobody).shape == (0,)
    points = np.random.default_rng(0).uniform(0, 100, (1, 17, 2))
    box = np.array([[0.0, 0, 100, 100]])
    assert len(suppress_poses(box, np.ones(1), points, np.full((1, 17), 0.29))) == 0
    assert len(suppress_poses(box, np.ones(1), points, np.full((1, 17), 0.31))) == 1
    # All scores are 0: each becomes 1e-5, and there is nothing to divide by zero.
    assert len(suppress_poses(box, np.ones(1), points, np.zeros((1, 17)))) == 0


@given(seed=st.integers(0, 2**31), people=st.integers(1, 6), doubles=st.integers(1, 4))
def test_each_person_remains_once(seed, people, doubles):
    """Poses far apart, each several times with a jitter of less than a pixel."""
    rng = np.random.default_rng(seed)
    poses = rng.uniform(0, 80, (people, 17, 2)) + 300 * np.arange(people)[:, None, None]
    points = np.repeat(poses, doubles, axis=0) + rng.uniform(-0.3, 0.3, (people * doubles, 17, 2))
    boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
    order = rng.permutation(len(points))
    found = suppress_poses(
        boxes[order], rng.uniform(0.5, 1, len(order)), points[order], rng.uniform(0.4, 1, (len(order), 17))
    )
    assert len(found) == people
    by_place = found.keypoints[np.argsort(found.keypoints[:, 0, 0])]
    np.testing.assert_allclose(by_place, poses - 0.3, atol=0.35)


@given(
    left=st.floats(0, 300), top=st.floats(0, 200), width=st.floats(30, 300), height=st.floats(30, 250),
    x=st.floats(0.2, 0.8), y=st.floats(0.2, 0.8),
)  # fmt: skip
def test_a_dot_of_the_picture_is_found_there(left, top, width, height, x, y):
    """A dot is drawn into the picture, cropped, made a heatmap and decoded: within a cell and the published offset."""
    image = np.zeros((480, 640, 3), np.uint8)
    place = np.array([left + x * width, top + y * height])
    rows, columns = np.mgrid[:480, :640]
    box = widened(np.array([[left, top, left + width, top + height]]), 640, 480)[0]
    scale = max((box[3] - box[1]) / HEIGHT, (box[2] - box[0]) / WIDTH)  # pixels of the picture per pixel of the crop
    image[:] = np.rint(255 * np.exp(-((columns - place[0]) ** 2 + (rows - place[1]) ** 2) / (2 * (8 * scale) ** 2)))[
        ..., None
    ]
    crop = cut(image, box)
    heatmap = crop[:1].reshape(1, HEIGHT // STRIDE, STRIDE, WIDTH // STRIDE, STRIDE)[:, :, 0, :, 0] + 0.406
    points, _ = decode(heatmap)
    found = to_image(points, box, HEIGHT // STRIDE)[0]
    # Peak to a quarter of a cell and the offset of 0.2 cells; whole pixels and half borders of the published crop.
    assert np.abs(found - place).max() < 0.5 * STRIDE * scale + 2.5


@given(x=st.floats(0, 640), y=st.floats(0, 480), width=st.floats(0, 5), height=st.floats(0, 5))
def test_boxes_of_no_size_give_crops_too(x, y, width, height):
    corners = np.clip([x, y, x + width, y + height], 0, [640, 480, 640, 480])
    box = widened(corners[None], 640, 480)[0]
    crop = cut(np.zeros((480, 640, 3), np.uint8), box)
    assert crop.shape == (3, HEIGHT, WIDTH)
    assert np.isfinite(crop).all()
    assert np.isfinite(to_image(np.array([[3.0, 4.0]]), box, HEIGHT // STRIDE)).all()


@pytest.mark.torch
def test_other_checkpoints_are_refused(network):
    tensors = network.state_dict()
    from kinema.models.alphapose.network import FastPose

    old = {f"module.{key}": value for key, value in tensors.items() if not key.endswith("num_batches_tracked")}
    assert not FastPose.from_tensors(old).training
    with pytest.raises(
        InputError, match=r"a\.pth is not a FastPose checkpoint: 'fc\.bias' has .*, which no FastPose has"
    ):
        FastPose.from_tensors({**tensors, "fc.bias": tensors["conv_out.bias"]}, source="a.pth")
