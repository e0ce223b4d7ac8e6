"""YOLOv3 against the recorded outputs of video-to-pose3D's detectors: file, network, letterbox, suppression."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from kinema.errors import InputError, WeightsError
from kinema.models.yolov3.architecture import LAYERS, Layer, places, tensors_in_order
from kinema.models.yolov3.darknet import read_weights, values_of
from kinema.models.yolov3.detections import (
    letterbox_of,
    letterboxed,
    objects,
    people_of_alphapose,
    people_of_hrnet,
    unletterboxed,
)
from tests.helpers.goldens import cases, each_case, goldens, recording, seeded_tensors, torch_tensors
from tests.helpers.recorded_refiners import assert_close

FILE = "yolov3/golden.npz"
each_network = each_case("case", FILE, r"(\w+)\.input_seed")


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return recording(FILE)


def network_of(case: str) -> str:
    """Which network a recorded manifest is of: the one with its tensors."""
    rows = json.loads((goldens() / f"yolov3/manifest_{case}.json").read_text())
    found = {row["key"]: tuple(row["shape"]) for row in rows if not row["key"].endswith("num_batches_tracked")}
    return next(name for name, layers in LAYERS.items() if dict(tensors_in_order(layers)) == found)


def picture_of(golden: dict[str, np.ndarray], case: str) -> np.ndarray:
    rng = np.random.RandomState(int(golden[f"{case}.input_seed"]))
    noise = rng.standard_normal(golden[f"{case}.input_shape"]) * golden[f"{case}.input_scale"]
    return np.clip(noise + 0.5, 0, 1).astype(np.float32)


@pytest.mark.golden
@each_network
def test_the_layers_are_those_of_the_configuration(case):
    recorded = json.loads((goldens() / f"yolov3/architecture_{case}.json").read_text())["layers"]
    layers = LAYERS[network_of(case)]
    assert len(layers) == len(recorded)
    for (number, kind, options), layer in zip(recorded, layers, strict=True):
        assert kind == layer.kind
        assert_layer(number, options, layer)


def assert_layer(number: int, options: dict, layer: Layer) -> None:
    for name in ("filters", "size"):
        assert options.get(name, getattr(layer, name)) == getattr(layer, name)
    if layer.kind in ("conv", "upsample", "maxpool"):
        assert options["stride"] == layer.stride
    if layer.kind == "conv":
        assert bool(options["bn"]) == layer.norm
    sources = options.get("layers", [options["from_"]] if "from_" in options else [])
    assert [s if s >= 0 else number + s for s in sources] == list(places(number, layer))
    assert tuple(options.get("mask", ())) == layer.anchors


@pytest.mark.golden
@each_network
def test_a_weights_file_is_read_as_it_was_written(golden, case, tmp_path):
    """The file that the recording describes, made of the manifest's tensors."""
    tensors = seeded_tensors(f"yolov3/manifest_{case}.json")
    order = json.loads((goldens() / f"yolov3/weights_order_{case}.json").read_text())
    path = tmp_path / "net.weights"
    with path.open("wb") as file:
        file.write(golden[f"{case}.weights_header"].astype("<i4").tobytes())
        for key in order:
            file.write(tensors[key].astype("<f4").tobytes())
    assert path.stat().st_size == golden[f"{case}.weights_file_bytes"]
    with path.open("rb") as file:
        digest = hashlib.sha256()
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    assert digest.digest() == golden[f"{case}.weights_file_sha256"].tobytes()
    network = network_of(case)
    assert values_of(network) == golden[f"{case}.weights_floats"]
    found = read_weights(path, network)
    assert list(found) == order
    for key in order:
        np.testing.assert_array_equal(found[key], tensors[key])


@pytest.mark.golden
@pytest.mark.torch
@pytest.mark.slow
@each_network
def test_the_network_computes_what_was_recorded(golden, case):
    """As it is, and prepared for speed; sums are in another order, so 1e-5 of the largest value."""
    torch = pytest.importorskip("torch")
    from kinema.models.torch_inference import prepared, run
    from kinema.models.yolov3.network import YoloV3

    net = YoloV3.from_tensors(torch_tensors(f"yolov3/manifest_{case}.json"), network_of(case))
    heads = cases(golden, re.escape(case) + r"\.raw_head(\d+)_sub")
    seen: dict[int, np.ndarray] = {}
    for number in heads:
        keep = lambda _module, _inputs, out, number=number: seen.__setitem__(number, out.clone().numpy())  # noqa: E731
        net.module_list[number].register_forward_hook(keep)
    picture = picture_of(golden, case)
    with torch.inference_mode():
        out = net(torch.from_numpy(picture)).numpy()
    assert out.shape == tuple(golden[f"{case}.pred_shape"])
    for number in heads:
        assert_close(seen[number][:, ::5, ::2, ::2], golden[f"{case}.raw_head{number}_sub"])
    for found in (out, run(prepared(net, picture.shape, threads=1), picture)):
        assert_close(found[:, ::37, ::4], golden[f"{case}.pred_sub"])
        assert_close(found[:, ::37, 4:5], golden[f"{case}.pred_boxes_sub"][..., 4:])
        # A side is an exponential, of up to 1e4 pixels here: relative.
        np.testing.assert_allclose(found[:, ::37, :4], golden[f"{case}.pred_boxes_sub"][..., :4], rtol=2e-5, atol=1e-3)


@pytest.mark.golden
@each_case("confidence,overlap", FILE, r"nms\.alphapose_conf([\d.]+)_iou([\d.]+)")
def test_people_of_alphapose(golden, confidence, overlap):
    found = people_of_alphapose(golden["nms.pred"], confidence=float(confidence), overlap=float(overlap))
    np.testing.assert_allclose(found, golden[f"nms.alphapose_conf{confidence}_iou{overlap}"], rtol=1e-6)


@pytest.mark.golden
@each_case("confidence,overlap", FILE, r"nms\.hrnet_conf([\d.]+)_iou([\d.]+)")
def test_objects_of_the_hrnet_path(golden, confidence, overlap):
    parts = [objects(one, confidence=float(confidence), overlap=float(overlap)) for one in golden["nms.pred"]]
    found = np.concatenate([np.column_stack([np.full(len(part), i), part]) for i, part in enumerate(parts)])
    np.testing.assert_allclose(found, golden[f"nms.hrnet_conf{confidence}_iou{overlap}"], rtol=1e-6)


@pytest.mark.golden
@each_case("width,height", FILE, r"letterbox\.(\d+)x(\d+)\.input_sub")
def test_letterbox(golden, width, height):
    """Within 4/255: cubic interpolation differs between builds of OpenCV."""
    image = golden[f"letterbox.{width}x{height}.image_bgr"][..., ::-1]
    assert image.shape == (height, width, 3)
    found = letterboxed(np.ascontiguousarray(image), letterbox_of(width, height, 416))
    expected = golden[f"letterbox.{width}x{height}.input_sub"]
    np.testing.assert_allclose(found[None, :, ::13, ::13], expected, atol=4 / 255 + 1e-6)


@pytest.mark.golden
@each_case("width,height", FILE, r"unletterbox\.(\d+)x(\d+)\.boxes")
def test_back_to_the_picture(golden, width, height):
    """Within a thousandth of a pixel: theirs is float32 throughout."""
    found = unletterboxed(golden["unletterbox.dets"][:, 1:5], width, height, letterbox_of(width, height, 416))
    np.testing.assert_allclose(found, golden[f"unletterbox.{width}x{height}.boxes"], atol=1e-3)


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (640, 480), (480, 854), (416, 416), (33, 2000)])
def test_a_box_goes_there_and_back(width, height, square):
    """Within half a pixel of the input: the picture lies at a whole pixel."""
    box = letterbox_of(width, height, 416, square=square)
    assert all(side % 32 == 0 and side <= 416 for side in box.size)
    assert box.size == (416, 416) or not square
    inside = np.array([[0.1 * width, 0.2 * height, 0.7 * width, 0.9 * height]])
    placed = inside * box.scale + [box.left, box.top, box.left, box.top]
    np.testing.assert_allclose(unletterboxed(placed, width, height, box), inside, atol=0.5 / box.scale + 1e-3)


def test_the_most_certain_people_are_chosen():
    rows = np.zeros((9, 7), np.float32)
    rows[:, 4] = [0.81, 0.99, 0.8, 0.95, 0.9, 0.5, 0.85, 0.97, 0.98]
    rows[3, 6] = 16  # a dog
    assert people_of_hrnet(rows)[:, 4].tolist() == pytest.approx([0.99, 0.98, 0.97, 0.9, 0.85])
    assert len(people_of_hrnet(rows[:1], certain=0.9)) == 0


def test_a_crowd_is_suppressed_again():
    """More than a hundred people: the overlap at which one is dropped is lower by 0.05."""
    boxes = np.zeros((204, 85), np.float32)
    boxes[:, 0], boxes[:, 1] = 200 * (np.arange(204) // 2), 50
    boxes[1::2, 0] += 27  # pairs whose intersection over union is 0.575
    boxes[:, 2], boxes[:, 3], boxes[:, 4], boxes[:, 5] = 99, 99, 0.9, 0.9
    assert len(people_of_alphapose(boxes[None, :100])) == 100
    assert len(people_of_alphapose(boxes[None])) == 102


def header(major: int = 0, minor: int = 2) -> bytes:
    return np.array([major, minor, 0, 7, 0][: 5 if major * 10 + minor >= 2 else 4], "<i4").tobytes()


def weights_file(path: Path, head: bytes, count: int) -> Path:
    """A file of so many numbers, all zero, that takes no room."""
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + 4 * count)
    return path


@pytest.mark.parametrize("head", [header(), header(0, 1), header(0, 2), header(1, 0)], ids=lambda head: str(len(head)))
def test_both_headers_are_read(tmp_path, head):
    path = weights_file(tmp_path / "a.weights", head, values_of("yolov3"))
    with path.open("r+b") as file:
        file.seek(len(head))
        file.write(np.array([1.5, 2.5], "<f4").tobytes())
    found = read_weights(path, "yolov3")
    assert found["module_list.0.batch_norm_0.bias"][:3].tolist() == [1.5, 2.5, 0.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            -1,
            r"yolov3\.weights is not the weights of YOLOv3: .* 248007024 bytes .* 248007028, so it is cut off; fetch",
        ),
        (1, r"so it belongs to another network"),
        (63_052_381 - 62_001_757, r"is the weights of YOLOv3-SPP, not of YOLOv3; choose the detector yolov3-spp"),
    ],
)
def test_a_file_of_the_wrong_length_is_refused(tmp_path, change, message):
    path = weights_file(tmp_path / "yolov3.weights", header(), values_of("yolov3") + change)
    with pytest.raises(WeightsError, match=message):
        read_weights(path, "yolov3")


def test_files_that_cannot_be_weights_are_refused(tmp_path):
    path = tmp_path / "a.weights"
    path.write_bytes(b"PK")
    with pytest.raises(WeightsError, match="it has only 2 bytes"):
        read_weights(path, "yolov3")
    with pytest.raises(InputError, match=r"cannot read the weights file .*none: No such file"):
        read_weights(tmp_path / "none", "yolov3")
    path = weights_file(path, header(), values_of("yolov3"))
    with path.open("r+b") as file:
        file.seek(20)
        file.write(np.array([np.nan], "<f4").tobytes())
    with pytest.raises(InputError, match=r"not finite in 'module_list\.0\.batch_norm_0\.bias'"):
        read_weights(path, "yolov3")


@pytest.mark.torch
def test_other_tensors_are_refused():
    torch = pytest.importorskip("torch")
    from kinema.models.yolov3.network import YoloV3

    tensors = {name: torch.ones(shape) for name, shape in tensors_in_order(LAYERS["yolov3"])}
    prefixed = YoloV3.from_tensors({f"module.{name}": value for name, value in tensors.items()})
    assert not prefixed.training
    with pytest.raises(InputError, match=r"f\.pth is not a YOLOv3-SPP checkpoint: 'module_list"):
        YoloV3.from_tensors(tensors, "yolov3-spp", source="f.pth")
    del tensors["module_list.105.conv_105.bias"]
    with pytest.raises(InputError, match=r"'module_list\.105\.conv_105\.bias' is missing"):
        YoloV3.from_tensors(tensors)
