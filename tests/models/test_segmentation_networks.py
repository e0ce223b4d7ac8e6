"""DeepLabV3 and Mask R-CNN against torchvision's recorded outputs, with weights drawn by the published names."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kinema.errors import InputError
from kinema.models.deeplabv3.facts import PERSON, THRESHOLD
from kinema.models.maskrcnn.boxes import anchors, moved, overlaps, pasted, suppressed
from tests.helpers.goldens import recording, torch_tensors

FEATURES = 1e-4
"""Of the largest value, as the recordings state it."""


def picture(golden: dict[str, np.ndarray], name: str = "image_u8") -> np.ndarray:
    return np.ascontiguousarray(golden[name].transpose(1, 2, 0))


@pytest.mark.golden
@pytest.mark.torch
@pytest.mark.slow
def test_deeplabv3_computes_what_was_recorded():
    """Logits within 1e-3, probabilities within 1e-4, the mask equal in 99.9 % of the pixels, as stated there."""
    torch = pytest.importorskip("torch")
    from kinema.models.deeplabv3.network import DeepLabV3
    from kinema.models.deeplabv3.torch_run import normalised, probabilities, scaled

    golden = recording("deeplabv3/golden.npz")
    tensors = torch_tensors("deeplabv3/manifest.json")
    net = DeepLabV3.from_tensors({f"module.{key}": value for key, value in tensors.items()})
    given = normalised(picture(golden))
    with torch.inference_mode():
        out, aux = (each[0].numpy() for each in net.both(given))
    np.testing.assert_allclose(out[::3, ::4, ::4], golden["out"], atol=1e-3)
    np.testing.assert_allclose(aux[::3, ::8, ::8], golden["aux"], atol=1e-3)
    found = probabilities(net, given)[0]
    chosen = found[int(golden["mask_class"])]
    np.testing.assert_allclose(found[PERSON, ::3, ::3], golden["prob15"], atol=1e-4)
    np.testing.assert_allclose(chosen[::3, ::3], golden["prob_c"], atol=1e-4)
    mask = np.unpackbits(golden["mask_c"], axis=1)[:, : chosen.shape[1]].astype(bool)
    assert np.mean(mask == (chosen >= THRESHOLD)) >= 0.999
    transformed = scaled(picture(golden, "tf_image_u8"))[0].numpy()
    assert transformed.shape == tuple(golden["tf_shape"])
    np.testing.assert_allclose(transformed[:, ::20, ::20], golden["tf_out"], atol=1e-3)


@pytest.mark.golden
@pytest.mark.torch
@pytest.mark.slow
def test_mask_rcnn_finds_what_was_recorded():
    """Features within 1e-4 of the largest, boxes 0.05 pixels, scores 1e-4, masks 1e-3, as stated there; detections are
    matched by their boxes, since equal scores may swap."""
    torch = pytest.importorskip("torch")
    from kinema.models.maskrcnn.network import MaskRCNN
    from kinema.models.maskrcnn.torch_run import MaskRCNNRun, proposals, scaled

    golden = recording("maskrcnn/golden.npz")
    run = MaskRCNNRun(MaskRCNN.from_tensors(torch_tensors("maskrcnn/manifest.json")))
    kept: list = []
    run.net.backbone.register_forward_hook(lambda _module, _inputs, out: kept.extend(out))
    found = run(picture(golden))
    given, size = scaled(picture(golden))
    assert tuple(given.shape) == tuple(golden["input_shape"])
    assert_near(given[0, :, ::32, ::32].numpy(), golden["input"])
    with torch.inference_mode():
        for name, step, one in zip(("0", "1", "2", "3", "pool"), (24, 12, 6, 3, 2), kept, strict=True):
            assert_near(one[0, ::32, ::step, ::step].numpy(), golden[f"fpn_{name}"])
        where = proposals(run.net, kept, (given.shape[2], given.shape[3]), size)
    assert len(where) == golden["n_proposals"]
    assert_boxes_among(golden["proposals"], where)
    assert len(found.boxes) == golden["n"]
    match = assert_boxes_among(golden["boxes"], found.boxes, golden["labels"], found.labels)
    np.testing.assert_array_equal(found.labels[match], golden["labels"])
    np.testing.assert_allclose(found.scores[match], golden["scores"], atol=1e-4)
    np.testing.assert_allclose(found.masks[match][:, ::4, ::4], golden["masks"], atol=1e-3)


def assert_near(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, atol=FEATURES * np.abs(expected).max())


def assert_boxes_among(
    expected: np.ndarray, found: np.ndarray, labels: np.ndarray | None = None, own: np.ndarray | None = None
) -> np.ndarray:
    """Index of the nearest box (of the same label) for each recorded one, which is within 0.05 pixels."""
    distance = np.abs(expected[:, None] - found[None]).max(axis=2)
    if labels is not None and own is not None:
        distance[labels[:, None] != own[None]] = np.inf
    assert distance.min(axis=1).max() <= 0.05
    return np.asarray(distance.argmin(axis=1))


@pytest.mark.torch
def test_names_of_the_first_release_are_read():
    """The file of 2019 names the pyramid, the proposal head and the mask head otherwise."""
    pytest.importorskip("torch")
    from kinema.models.maskrcnn.network import MaskRCNN, renamed

    own = MaskRCNN().state_dict()
    old = {
        "backbone.fpn.inner_blocks.2.bias": "backbone.fpn.inner_blocks.2.0.bias",
        "backbone.fpn.layer_blocks.0.weight": "backbone.fpn.layer_blocks.0.0.weight",
        "rpn.head.conv.weight": "rpn.head.conv.0.0.weight",
        "roi_heads.mask_head.mask_fcn1.weight": "roi_heads.mask_head.0.0.weight",
        "roi_heads.mask_head.mask_fcn4.bias": "roi_heads.mask_head.3.0.bias",
    }
    assert {key: renamed(key) for key in old} == old
    assert set(old.values()) <= set(own)
    assert [renamed(key) for key in own] == list(own)


@pytest.mark.torch
def test_another_networks_weights_are_refused():
    torch = pytest.importorskip("torch")
    from kinema.models.deeplabv3.network import DeepLabV3
    from kinema.models.maskrcnn.network import MaskRCNN

    for network, title in ((DeepLabV3, "DeepLabV3-ResNet101"), (MaskRCNN, "Mask R-CNN ResNet50-FPN")):
        with pytest.raises(InputError, match=f"w.pth is not a {title} checkpoint"):
            network.from_tensors({"fc.weight": torch.zeros(2, 2)}, source="w.pth")


@pytest.mark.torch
@pytest.mark.parametrize("cells", [7, 14])
def test_features_of_regions_are_exact_on_a_plane(cells):
    """Bilinear samples of a linear map are exact, so a cell's mean is the map's value at its centre, in any map."""
    torch = pytest.importorskip("torch")
    from kinema.models.maskrcnn.regions import features_of, levels

    boxes = np.array([[30, 20, 90, 60], [10, 10, 250, 200], [5, 30, 350, 330], [0, 0, 900, 900]], np.float32)
    assert levels(boxes).tolist() == [0, 1, 2, 3]
    maps = []
    for level in range(4):
        y, x = torch.meshgrid(torch.arange(256.0 / 2**level), torch.arange(256.0 / 2**level), indexing="ij")
        maps.append(torch.stack([x, y])[None])
    found = features_of(maps, boxes, cells).numpy()
    for box, level, own in zip(boxes, levels(boxes), found, strict=True):
        steps = (np.arange(cells) + 0.5) / cells
        x, y = (box[axis] + (box[axis + 2] - box[axis]) * steps for axis in (0, 1))
        scale = 4 << level
        np.testing.assert_allclose(own[0], np.broadcast_to(x / scale, (cells, cells)), atol=2e-3)
        np.testing.assert_allclose(own[1], np.broadcast_to((y / scale)[:, None], (cells, cells)), atol=2e-3)


def test_boxes_are_suppressed_within_their_group():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10], [30, 30, 40, 40]], np.float32)
    scores = np.array([0.5, 0.9, 0.7, 0.6], np.float32)
    assert suppressed(boxes, scores, np.array([1, 1, 2, 1]), 0.5).tolist() == [1, 2, 3]
    assert overlaps(boxes[:1], boxes[1:2])[0, 0] == pytest.approx(9 / 11)


def test_no_offset_moves_no_box():
    cells = anchors(32, (2, 3), (64, 96))
    assert cells.shape == (18, 4)
    np.testing.assert_array_equal(cells[1], [-16, -16, 16, 16])
    np.testing.assert_array_equal(cells[3:6] - cells[:3], [[32, 0, 32, 0]] * 3)
    np.testing.assert_allclose(moved(cells, np.zeros_like(cells)), cells, atol=1e-4)


def test_a_mask_is_pasted_into_its_box_and_cut_at_the_border():
    full = pasted(np.ones((2, 28, 28), np.float32), np.array([[5, 6, 14, 20], [-10, 2, 8, 60]], np.float32), 40, 30)
    assert full.shape == (2, 40, 30)
    inside = np.zeros((40, 30), bool)
    inside[6:21, 5:15] = True
    # Its outermost pixels are mixed with the nothing around it.
    assert (full[0, 7:20, 6:14] == 1).all()
    grown = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert not full[0][~grown].any()
    assert (full[1, 10:, :7] > 0.9).all()
