"""Networks of pictures: what they are given, and what is made of what they give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto

from kinema.errors import InputError
from kinema.models.image_network import ImageNetwork
from kinema.models.person_boxes import GREY, letterbox, suppressed
from kinema.models.rtmdet.network import MEAN, STD, RTMDet
from kinema.models.rtmo.network import RTMO
from kinema.models.rtmpose.network import RTMPose
from kinema.models.vitpose.network import ViTPose, decode
from kinema.models.yolov8.network import YOLOv8
from kinema.models.yolox.network import YOLOX
from tests.helpers.picture_networks import (
    Graph,
    boxes_network,
    candidates_network,
    cells_network,
    classes_network,
    heatmap_network,
    people_network,
)

COLOURS = np.array([200, 100, 30], dtype=np.uint8)
"""Red, green, blue of the pictures."""


def plain(height: int, width: int) -> np.ndarray:
    return np.tile(COLOURS, (height, width, 1))


def dots(height: int, width: int, places) -> np.ndarray:
    """A dark picture with a soft dot of red, one of green, one of blue at places (3, 2)."""
    y, x = np.mgrid[:height, :width]
    places = np.asarray(places, dtype=float)
    square = [((x - px) ** 2 + (y - py) ** 2) / (2 * 6.0**2) for px, py in places]
    return (255 * np.exp(-np.stack(square, axis=-1))).astype(np.uint8)


WHOLE = np.array([-20.0, -60.0, 160.0])


def test_a_detector_sees_blue_green_red_on_grey_in_the_top_left_corner(tmp_path):
    """Its scores are numbers of its input: blue, green, red inside the picture, and the grey below it."""
    rows = [[4, 8, 12, 16, (channel, 5, 5)] for channel in range(3)] + [[0, 0, 9, 9, (0, 63, 63)]]
    network = YOLOX(ImageNetwork(boxes_network(tmp_path / "d.onnx", rows, [0, 0, 0, 0])))
    boxes, scores = network(plain(60, 120), WHOLE, threshold=0.5)
    np.testing.assert_array_equal(scores, [200, GREY, 100, 30])
    # 120 x 60 pixels fill 64 x 32 of the input.
    np.testing.assert_allclose(boxes[0], (np.array([4, 8, 12, 16]) + 0.5) * 120 / 64 - 0.5)


def test_yolov8_gives_people_once(tmp_path):
    """Boxes from centres and sizes; other classes, the unsure, and the worse of two that overlap are left out."""
    columns = np.zeros((84, 64 + 16 + 4))
    columns[:4] = [[20.0], [16], [10], [20]]
    columns[4, :3] = 0.9, 0.8, 0.1  # people: one, the same once more, an unsure one
    columns[0, 3], columns[4, 3] = 50, 0.5  # somebody else
    columns[5, 4] = 0.95  # a bicycle
    network = YOLOv8(ImageNetwork(candidates_network(tmp_path / "d.onnx", columns)))
    boxes, scores = network(plain(60, 120), WHOLE, threshold=0.3)
    np.testing.assert_allclose(scores, [0.9, 0.5])
    np.testing.assert_allclose(boxes[0], (np.array([15, 6, 25, 26]) + 0.5) * 120 / 64 - 0.5)
    nowhere = network(plain(60, 120), np.array([500.0, 500, 50]), threshold=0.3)
    assert [len(each) for each in nowhere] == [0, 0]


def test_rtmdet_sees_colours_less_their_mean(tmp_path):
    rows = [[1, 1, 9, 9, (channel, 5, 5)] for channel in range(3)]
    network = RTMDet(ImageNetwork(boxes_network(tmp_path / "d.onnx", rows, [0, 0, 0], focus=False)))
    _, scores = network(plain(60, 120), WHOLE, threshold=-100)
    np.testing.assert_allclose(np.sort(scores), np.sort((COLOURS[::-1] - MEAN) / STD), rtol=1e-5)


def test_other_things_and_low_scores_are_left_out(tmp_path):
    rows = [[0, 0, 9, 9, 0.4], [0, 0, 8, 8, 0.9], [0, 0, 7, 7, 0.6], [0, 0, 6, 6, 0.95]]
    network = YOLOX(ImageNetwork(boxes_network(tmp_path / "d.onnx", rows, [0, 0, 0, 2])))
    _, scores = network(plain(64, 64), np.array([0.0, 0, 64]), threshold=0.5)
    np.testing.assert_allclose(scores, [0.9, 0.6], atol=1e-6)
    assert len(network(plain(64, 64), np.array([200.0, 0, 64]), threshold=0.5)[0]) == 0  # beside the picture


@given(
    x=st.floats(-50, 250), y=st.floats(-50, 150), side=st.floats(20, 400),
    size=st.sampled_from([(64, 64), (96, 160), (160, 96)]),
)  # fmt: skip
def test_a_letterbox_and_back(x, y, side, size):
    """A bright pixel block is found at its place: within one pixel of the input, seen in the image."""
    image = np.zeros((150, 250, 3), dtype=np.uint8)
    box = letterbox(image, np.array([x, y, side]), *size)
    if box is None:
        assert x + side < 1 or y + side < 1 or x > 249 or y > 149
        return
    assert box.pixels.shape == (*size, 3)
    corner = np.clip([x, y], 0, None)
    np.testing.assert_allclose(box.to_image(np.array([-0.5, -0.5])), np.round(corner) - 0.5, atol=1e-9)
    inside = np.argwhere(box.pixels[..., 0] == 0).max(axis=0)[::-1]  # the last pixel that is not grey
    far = np.minimum(np.round([x + side, y + side]), [250, 150])
    np.testing.assert_allclose(box.to_image(inside + 0.5), far - 0.5, atol=1e-6)


LEVELS = (0, 1, 2, 1)
"""The grid on which each box is found."""


def raw_cells(side: tuple[int, int], boxes, scores, classes: int = 80) -> np.ndarray:
    """Megvii's numbers for boxes, written down cell by cell: each in the cell of its centre, on one of the grids."""
    height, width = side
    values = np.zeros((sum((height // s) * (width // s) for s in (8, 16, 32)), 5 + classes))
    start = 0
    for level, stride in enumerate((8, 16, 32)):
        for number, (x1, y1, x2, y2) in enumerate(boxes):
            if LEVELS[number] != level:
                continue
            cx, cy = (x1 + x2) / 2 / stride, (y1 + y2) / 2 / stride
            row = start + int(cy) * (width // stride) + int(cx)
            sizes = np.log([(x2 - x1) / stride, (y2 - y1) / stride])
            values[row, :4] = [cx - int(cx), cy - int(cy), *sizes]
            values[row, 4], values[row, 5] = scores[number], 0.9
        start += (height // stride) * (width // stride)
    return values


@pytest.mark.parametrize("side", [(96, 96), (96, 160)])
def test_the_cells_of_megvii_are_boxes(tmp_path, side):
    boxes = np.array([[10, 12, 40, 70], [50, 20, 90, 80], [3, 5, 60, 90], [12, 14, 42, 72]], dtype=float)
    scores = [0.9, 0.8, 0.7, 0.6]  # the last one is the first one again, found on another grid
    network = YOLOX(ImageNetwork(cells_network(tmp_path / "c.onnx", raw_cells(side, boxes, scores), side=side)))
    picture = plain(*side)
    found, sure = network(picture, np.array([0.0, 0, max(side)]), threshold=0.3)
    np.testing.assert_allclose(found, boxes[:3], atol=1e-4)
    np.testing.assert_allclose(sure, 0.9 * np.array(scores[:3]), rtol=1e-5)


def test_cells_in_pixels_are_taken_as_they_are(tmp_path):
    """`--decode_in_inference`: centres and sizes in pixels, as every cell of the real file has them."""
    values = np.zeros((9 * 16, 6))
    values = np.zeros((12 * 12 + 6 * 6 + 3 * 3, 6))
    values[:, :4] = [48, 48, 10, 10]
    values[5] = [30, 40, 20, 60, 0.9, 0.8]
    network = YOLOX(ImageNetwork(cells_network(tmp_path / "c.onnx", values, side=(96, 96))))
    boxes, scores = network(plain(96, 96), np.array([0.0, 0, 96]), threshold=0.5)
    np.testing.assert_allclose(boxes, [[20, 10, 40, 70]], atol=1e-4)
    np.testing.assert_allclose(scores, [0.72], rtol=1e-5)


def test_of_doubles_the_better_one_stays():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 4], [50, 50, 60, 60.0]])
    kept = suppressed(boxes, np.array([0.6, 0.9, 0.8, 0.2]), threshold=0.3, overlap=0.45)
    assert kept.tolist() == [1, 2]


def test_rtmo_gives_everybody_in_the_picture(tmp_path):
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.uniform(0, 60, (3, 17, 2)), rng.uniform(0, 1.2, (3, 17, 1))], axis=2)
    dets = np.array([[1, 2, 30, 60, 0.4], [5, 6, 20, 50, 0.9], [0, 0, 1, 1, 0.1]])
    people = RTMO(ImageNetwork(people_network(tmp_path / "r.onnx", dets, points)))(
        plain(32, 64), np.array([0.0, -16, 64]), threshold=0.3
    )
    np.testing.assert_allclose(people.scores, [0.9, 0.4], rtol=1e-6)
    np.testing.assert_allclose(people.points, points[[1, 0], :, :2], atol=1e-5)  # the picture is as wide as the input
    np.testing.assert_allclose(people.confidence, np.clip(points[[1, 0], :, 2], 0, 1), atol=1e-6)


PLACES = np.array([[30.0, 20.0], [100.0, 150.0], [150.0, 230.0]])
"""Of the red, the green and the blue dot in a crop of 192 x 256."""


@pytest.mark.parametrize("bins", [2, 4])
@pytest.mark.parametrize("count", [17, 26])
def test_rtmpose_sees_red_first(tmp_path, bins, count):
    path = classes_network(tmp_path / "p.onnx", count, height=256, width=192, bins=bins)
    network = RTMPose(ImageNetwork(path))
    points, confidence = network(dots(256, 192, PLACES))
    assert (network.count, network.width, network.height) == (count, 192, 256)
    np.testing.assert_allclose(points, PLACES[np.arange(count) % 3], atol=0.5)  # the classes of a pixel are alike
    assert np.all(confidence == 1)  # clipped: the normalised colours are above 2


def test_vitpose_finds_dots_between_the_cells(tmp_path):
    """Four pixels are a cell; the decoding is good to a tenth of one."""
    network = ViTPose(ImageNetwork(heatmap_network(tmp_path / "v.onnx", 17, height=256, width=192)))
    rng = np.random.default_rng(0)
    for _ in range(5):
        places = PLACES + rng.uniform(-2, 2, (3, 2))
        points, _ = network(dots(256, 192, places))
        np.testing.assert_allclose(points, places[np.arange(17) % 3], atol=0.4)


def test_numbers_of_16_bits(tmp_path):
    """As large networks are stored: the dots are found as with 32 bits."""
    graph = Graph((1, 3, 256, 192), kind=TensorProto.FLOAT16)
    cells = graph.add(
        "AveragePool", [graph.add("Cast", ["input"], to=TensorProto.FLOAT)], kernel_shape=[4, 4], strides=[4, 4]
    )
    chosen = graph.add("Gather", [cells, graph.constant(np.arange(17) % 3)], axis=1)
    half = graph.add("Cast", [chosen], to=TensorProto.FLOAT16)
    graph.output("heatmap", half, (1, 17, 64, 48), TensorProto.FLOAT16)
    points, _ = ViTPose(ImageNetwork(graph.save(tmp_path / "half.onnx")))(dots(256, 192, PLACES))
    np.testing.assert_allclose(
        points, PLACES[np.arange(17) % 3], atol=4
    )  # a cell: the mean of pixels is not a Gaussian


@given(x=st.floats(6, 40), y=st.floats(6, 56), sigma=st.floats(1.5, 2.5), peak=st.floats(0.3, 1))
def test_the_peak_of_a_gaussian_is_found_below_the_size_of_a_cell(x, y, sigma, peak):
    """The logarithm of a Gaussian is a parabola, whose maximum one step of Newton's method finds. What remains is what
    the smoothing with a kernel of 11 cells cuts off."""
    rows, columns = np.mgrid[:64, :48]
    heatmap = peak * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    points, values = decode(heatmap[None])
    np.testing.assert_allclose(points[0], [x, y], atol=0.02)
    assert values[0] == heatmap.max()


def test_a_flat_heatmap_stays_where_its_greatest_cell_is():
    heatmaps = np.zeros((2, 64, 48))
    heatmaps[1, 10, 20] = 1e-9
    points, values = decode(heatmaps)
    np.testing.assert_array_equal(points, [[0, 0], [20, 10]])
    np.testing.assert_array_equal(values, [0, 1e-9])


def two_inputs(path):
    graph = Graph((1, 3, 64, 64))
    graph.inputs += Graph((1, 4)).inputs
    graph.inputs[1].name = "other"
    graph.output("out", graph.add("Relu", ["input"]), (1, 3, 64, 64))
    return graph.save(path)


def grey_picture(path):
    graph = Graph((1, 1, 64, 64))
    graph.output("out", graph.add("Relu", ["input"]), (1, 1, 64, 64))
    return graph.save(path)


def several_pictures(path):
    graph = Graph((4, 3, 64, 64))
    graph.output("out", graph.add("Relu", ["input"]), (4, 3, 64, 64))
    return graph.save(path)


@pytest.mark.parametrize("make", [two_inputs, grey_picture, several_pictures])
def test_networks_of_other_inputs_are_refused(tmp_path, make):
    with pytest.raises(InputError, match=r"takes input \[.*not one image as \(1, 3, height, width\)"):
        ImageNetwork(make(tmp_path / "x.onnx"))


def test_a_truncated_file_is_refused(tmp_path):
    path = heatmap_network(tmp_path / "v.onnx", 17)
    content = path.read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 3):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"truncated or damaged|contains no network"):
            ImageNetwork(path)
    with pytest.raises(InputError, match="cannot be read"):
        ImageNetwork(tmp_path / "none.onnx")


def test_networks_with_programs_in_them_are_refused(tmp_path):
    from tests.hostile.values import NETWORKS

    (tmp_path / "loop.onnx").write_bytes(NETWORKS["loop.onnx"]())
    with pytest.raises(InputError, match="operator 'Loop'"):
        ImageNetwork(tmp_path / "loop.onnx")
