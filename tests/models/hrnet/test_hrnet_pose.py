"""HRNet's pose networks, their crops and their decoding against the recorded outputs of video-to-pose3D's copy."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError, WeightsError
from kinema.models.hrnet.pose import SIZES, WIDTHS, Crop, aspect_of, crop_of, cut, decode, normalized, peaks, to_image
from tests.helpers.goldens import cases, each_case, goldens, input_of, recording, torch_tensors
from tests.helpers.recorded_refiners import assert_close

FILE = "hrnet_pose/golden.npz"

GREY_LEVELS = 4
"""By which OpenCV 5, with which some of the crops were recorded, may differ from OpenCV 4 where it interpolates."""


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return recording(FILE)


def network_of(case: str) -> str:
    """The network that a manifest is of, by the width of its last layer."""
    rows = json.loads((goldens() / f"hrnet_pose/manifest_{case}.json").read_text())
    (shape,) = (row["shape"] for row in rows if row["key"].removeprefix("module.") == "final_layer.weight")
    return next(name for name, width in WIDTHS.items() if width == shape[1])


@pytest.mark.golden
@pytest.mark.torch
@pytest.mark.slow
@each_case("case", FILE, r"(\w+)\.input_seed")
def test_the_network_computes_what_was_recorded(golden, case):
    """As it is, and prepared for speed; sums are in another order, so 1e-5 of the largest value."""
    torch = pytest.importorskip("torch")
    from kinema.models.hrnet.network import PoseNetwork
    from kinema.models.torch_inference import prepared, run

    net = PoseNetwork.from_tensors(torch_tensors(f"hrnet_pose/manifest_{case}.json"), network_of(case))
    assert sum(each.numel() for each in net.parameters()) == golden[f"{case}.num_params"]
    pictures = input_of(golden, case)
    height, width = pictures.shape[2:]
    seen: dict[str, np.ndarray] = {}
    net.layer1.register_forward_hook(lambda _module, _inputs, out: seen.__setitem__("layer1", out.numpy().copy()))
    for stage in (2, 3, 4):
        last = getattr(net, f"stage{stage}")[-1]
        last.register_forward_hook(
            lambda _module, _inputs, out, stage=stage: seen.update(
                {f"stage{stage}_branch{i}": each.numpy().copy() for i, each in enumerate(out)}
            )
        )
    with torch.inference_mode():
        out = net(torch.from_numpy(pictures)).numpy()
    assert_close(seen["layer1"][:, ::32, ::16, ::12], golden[f"{case}.layer1_sub"])
    for stage, branch in cases(golden, re.escape(case) + r"\.stage(\d)_branch(\d)_sub"):
        found = seen[f"stage{stage}_branch{branch}"]
        thinned = found[:, ::16, :: max(1, found.shape[2] // 4), :: max(1, found.shape[3] // 3)]
        assert_close(thinned, golden[f"{case}.stage{stage}_branch{branch}_sub"])
    for found in (out, run(prepared(net, pictures.shape, threads=1), pictures)):
        assert found.shape[2:] == (height // 4, width // 4)
        assert_close(found[:, :, ::2, ::2], golden[f"{case}.out_sub"])


@pytest.mark.golden
def test_decoding(golden):
    """Peaks to the bit; in the picture within a thousandth of a pixel, since theirs is float32."""
    heatmaps = golden["decode.heatmaps_f16"].astype(np.float32)
    cells, values = peaks(heatmaps)
    np.testing.assert_array_equal(cells, golden["decode.argmax"])
    points, same = decode(heatmaps)
    np.testing.assert_array_equal(values, golden["decode.maxvals"][..., 0])
    np.testing.assert_array_equal(values, same)
    height, width = heatmaps.shape[2:]
    for i, (centre, scale) in enumerate(zip(golden["decode.center"], golden["decode.scale"], strict=True)):
        placed = to_image(points[i], Crop(centre, scale), width, height)
        np.testing.assert_allclose(placed, golden["decode.preds"][i], atol=1e-3)


@pytest.mark.golden
@each_case("number", FILE, r"decode\.affine(\d+)")
def test_the_map_into_a_crop(golden, number):
    """Theirs comes from three float32 points."""
    crop = Crop(golden["decode.center"][number], golden["decode.scale"][number])
    heatmaps = golden["decode.heatmaps_f16"]
    height, width = (4 * side for side in heatmaps.shape[2:])
    np.testing.assert_allclose(crop.matrix(width, height), golden[f"decode.affine{number}"], rtol=1e-6, atol=1e-4)
    back = np.linalg.inv(np.vstack([crop.matrix(width // 4, height // 4), [0, 0, 1]]))[:2]
    np.testing.assert_allclose(back, golden[f"decode.affine_inv{number}"], rtol=1e-6, atol=1e-4)


@pytest.mark.golden
@each_case("kind", FILE, r"crop\.(\w+)_center")
def test_crops_of_boxes(golden, kind):
    """Upstream's, and those with the network's own proportions."""
    image = np.ascontiguousarray(golden["crop.image_bgr"][..., ::-1])
    picture = (image.shape[1], image.shape[0])
    size, parity = SIZES["hrnet-w48"], kind == "upstream"
    inputs = []
    for box, centre, scale in zip(
        golden["crop.boxes"], golden[f"crop.{kind}_center"], golden[f"crop.{kind}_scale"], strict=True
    ):
        found = crop_of(box, aspect_of(size, picture, parity=parity))
        np.testing.assert_allclose(found.centre, centre, rtol=1e-6)
        np.testing.assert_allclose(found.scale, scale, rtol=1e-6)
        inputs.append(normalized(cut(image, found, size)[None], parity=parity)[0])
    expected = golden.get(f"crop.{kind}_input_sub")
    if expected is not None:
        apart = np.abs(np.array(inputs)[:, :, ::8, ::8] - expected)
        assert apart.max() < (GREY_LEVELS + 0.1) / 255 / 0.224
        assert np.mean(apart < 1e-5) > 0.9


def test_parity_exchanges_red_and_blue_and_the_sides():
    crop = np.random.default_rng(0).integers(0, 256, (1, 8, 6, 3), dtype=np.uint8)
    right, wrong = normalized(crop), normalized(crop, parity=True)
    np.testing.assert_array_equal(right[:, 1], wrong[:, 1])
    np.testing.assert_allclose(wrong[:, 0] * 0.225 + 0.406, right[:, 0] * 0.229 + 0.485, atol=1e-6)
    assert aspect_of((288, 384), (1920, 1080), parity=False) == 0.75
    assert aspect_of((288, 384), (1920, 1080), parity=True) == 0.5625
    assert aspect_of((288, 384), (640, 480), parity=True) == 0.75


@given(
    x=st.floats(2.3, 40.7), y=st.floats(2.3, 60.7), left=st.floats(-50, 200), top=st.floats(-50, 200),
    width=st.floats(20, 300), height=st.floats(20, 300),
)  # fmt: skip
def test_a_peak_is_found_where_it_was_put(x, y, left, top, width, height):
    """A Gaussian of two cells: the greatest cell lies within half a cell, the quarter step brings it within 0.26."""
    rows, columns = np.mgrid[:64, :48]
    heatmap = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8).astype(np.float32)
    points, values = decode(heatmap[None])
    assert np.abs(points[0] - [x, y]).max() <= 0.26
    assert values[0] > 0.9
    crop = crop_of(np.array([left, top, left + width, top + height]), 0.75)
    matrix = crop.matrix(48, 64)
    placed = to_image(points, crop, 48, 64)[0]
    np.testing.assert_allclose(matrix[:, :2] @ placed + matrix[:, 2], points[0], atol=1e-6)


@given(x=st.floats(-100, 700), y=st.floats(-100, 500), width=st.floats(0, 5), height=st.floats(0, 5))
def test_boxes_of_no_size_give_crops_too(x, y, width, height):
    crop = crop_of(np.array([x, y, x + width, y + height]), 0.75)
    assert cut(np.zeros((480, 640, 3), np.uint8), crop, (192, 256)).shape == (256, 192, 3)
    assert np.isfinite(to_image(np.array([[3.0, 4.0]]), crop, 48, 64)).all()


def test_at_the_edge_the_cell_itself_counts():
    heatmaps = np.zeros((3, 64, 48), np.float32)
    heatmaps[0, 1, 10], heatmaps[0, 1, 11] = 1.0, 0.5
    heatmaps[1, 30, 46], heatmaps[1, 30, 45] = 1.0, 0.5
    heatmaps[2] = -1.0
    points, values = decode(heatmaps)
    assert points.tolist() == [[10, 1], [45.75, 30], [0, 0]]
    assert values.tolist() == [1, 1, -1]


@pytest.mark.torch
def test_other_checkpoints_are_refused():
    pytest.importorskip("torch")
    from kinema.models.hrnet.network import PoseNetwork

    tensors = PoseNetwork(WIDTHS["hrnet-w32"]).state_dict()
    kept = {f"module.{key}": value for key, value in tensors.items() if not key.endswith("num_batches_tracked")}
    assert not PoseNetwork.from_tensors(kept).training
    with pytest.raises(WeightsError, match=r"^a\.pth is HRNet-W32, not HRNet-W48; choose the keypoints hrnet-w32$"):
        PoseNetwork.from_tensors(kept, "hrnet-w48", source="a.pth")
    broken = tensors | {"conv1.weight": tensors["conv1.weight"] * float("nan")}
    with pytest.raises(InputError, match=r"not finite in 'conv1\.weight'"):
        PoseNetwork.from_tensors(broken)
    del tensors["stage3.0.fuse_layers.2.0.0.0.weight"]
    with pytest.raises(InputError, match=r"b\.pth is not a published HRNet-W32 checkpoint: 'stage3.* is missing"):
        PoseNetwork.from_tensors(tensors, source="b.pth")
