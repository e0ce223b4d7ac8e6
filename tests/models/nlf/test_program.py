"""The TorchScript program called through its methods: a scripted double with the released one's signatures."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from kinema.errors import InputError, UsageError
from kinema.keypoints.detectors import BoxDetector
from kinema.keypoints.mirrored import detecting_so
from kinema.models.detecting import Detecting
from tests.helpers.goldens import goldens

torch = pytest.importorskip("torch")

from kinema.models.nlf.program import ESTIMATE, NO_GPU, NlfProgram  # noqa: E402
from kinema.models.nlf.program import POINTS as METHOD_OF_POINTS  # noqa: E402
from kinema.models.nlf.program_detector import DETECT, ProgramDetector  # noqa: E402
from kinema.models.nlf.torch_run import CropSettings  # noqa: E402
from kinema.models.nlf.views import Lens  # noqa: E402
from tests.helpers.nlf_program import (  # noqa: E402
    GREY,
    MIRRORED_SCORE,
    POINTS,
    SCORE,
    SHIFTED_SCORE,
    TURNED_SCORE,
    write_double,
)

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.mark.golden
def test_the_double_has_the_released_signatures(tmp_path):
    """Names, order and defaults of the arguments of the methods that are called are those of the authors' program."""
    methods = json.loads((goldens() / "nlf" / "interface.json").read_text())["methods"]
    program = torch.jit.load(str(write_double(tmp_path / "double.torchscript")))
    for name in (METHOD_OF_POINTS, ESTIMATE, DETECT):
        found = [(each.name, each.default_value) for each in getattr(program, name).schema.arguments[1:]]
        assert found == [(each["name"], each.get("default")) for each in methods[name]["arguments"]]


def test_people_of_several_pictures_in_one_call(tmp_path):
    """Millimetres become metres, people stay in their order, four coefficients are not a fisheye lens's."""
    points = np.array([[0.1, 0.2, 3.0], [0.0, -0.1, 2.0]])
    program = NlfProgram(write_double(tmp_path / "double.torchscript"), points, device="cpu")
    lens = Lens(np.array([[300.0, 0, 20], [0, 300, 10], [0, 0, 1]]), np.zeros(4))
    settings = CropSettings(variants=3, antialias=2)
    dark, bright = np.full((20, 40, 3), 10, np.uint8), np.full((20, 40, 3), 200, np.uint8)
    people = program.cropped(dark, np.array([[1.0, 2, 10, 10], [5, 2, 9, 9]]), lens, settings)
    people += program.cropped(bright, np.array([[7.0, 2, 10, 10]]), lens, settings)
    found, spread = program.located(people)
    shift = np.array([[1.0, 10, 300], [5, 10, 300], [7, 200, 300]]) / 1000
    np.testing.assert_allclose(found, points + shift[:, None], atol=1e-6)
    np.testing.assert_allclose(spread, 5.023, atol=1e-6)
    assert program.located([])[0].shape == (0, 2, 3)
    assert len(program.sha256) == 64


def test_a_gamma_decoded_twice(tmp_path):
    """The program decodes once, so it is given floats in [0,1], decoded once before; halves, as it works in them."""
    program = NlfProgram(write_double(tmp_path / "double.torchscript"), np.zeros((1, 3)), device="cpu")
    lens = Lens(np.array([[300.0, 0, 20], [0, 300, 10], [0, 0, 1]]))
    people = program.cropped(np.full((20, 40, 3), 77, np.uint8), np.zeros((1, 4)), lens, CropSettings(decodings=2))
    found, _ = program.located(people)
    assert found[0, 0, 1] * 1000 == pytest.approx((77 / 255) ** 2.2, rel=1e-3)


def test_strangers_and_a_computer_without_a_gpu(tmp_path):
    path = tmp_path / "other.torchscript"
    write_double(path, POINTS)
    with pytest.raises(InputError, match="is not the NLF program: it has no method estimate_poses_batched"):
        NlfProgram(path, np.zeros((1, 3)), device="cpu")
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"other\.torchscript is not a TorchScript program that torch can load"):
        NlfProgram(path, np.zeros((1, 3)), device="cpu")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match=rf"{NO_GPU}; leave `nlf_program` out"):
            NlfProgram(path, np.zeros((1, 3)))
        with pytest.raises(UsageError, match=rf"{NO_GPU}; choose a `detector` that runs on the CPU"):
            ProgramDetector.load(path, np.zeros((1, 3)))


def scene() -> np.ndarray:
    """Two people, 40 x 120 at (60, 50) and 30 x 90 at (200, 80)."""
    image = np.full((240, 320, 3), GREY, np.uint8)
    image[50:170, 60:100] = 255
    image[80:170, 200:230] = 0
    return image


WHOLE = np.array([0.0, -40.0, 320.0])


def detector(tmp_path, **detecting) -> ProgramDetector:
    path = write_double(tmp_path / "double.torchscript")
    return ProgramDetector.load(path, np.zeros((2, 3)), device="cpu").looking(Detecting(**detecting))


def test_people_are_where_the_program_says_in_the_picture_and_in_a_part_of_it(tmp_path):
    boxes, scores = detector(tmp_path)(scene(), WHOLE, threshold=0.3)
    np.testing.assert_allclose(boxes, [[60, 50, 100, 170], [200, 80, 230, 170]])
    np.testing.assert_allclose(scores, SCORE)
    boxes, _ = detector(tmp_path)(scene(), np.array([150.0, 60.0, 200.0]), threshold=0.3)
    np.testing.assert_allclose(boxes, [[200, 80, 230, 170]])
    for tile in ([400.0, 0, 100], [110.0, 0, 80]):
        boxes, scores = detector(tmp_path)(scene(), np.array(tile), threshold=0.3)
        assert boxes.shape == (0, 4)
        assert scores.shape == (0,)


@pytest.mark.parametrize(
    ("detecting", "threshold", "expected"),
    [
        ({}, 0.3, [SCORE]),  # boxes a tenth apart overlap by 9/11, more than 0.7
        ({"overlap": 0.9}, 0.3, [SCORE, SHIFTED_SCORE]),
        ({"overlap": 0.9}, 0.7, [SCORE]),
        ({"overlap": 0.9, "flip": True}, 0.3, [SCORE, SHIFTED_SCORE, MIRRORED_SCORE]),
        ({"overlap": 0.9, "both_flips": True}, 0.3, [SCORE, SHIFTED_SCORE, MIRRORED_SCORE, TURNED_SCORE]),
    ],
)
def test_threshold_overlap_and_flips_are_the_programs(tmp_path, detecting, threshold, expected):
    boxed = detecting_so(BoxDetector(detector(tmp_path)), Detecting(**detecting))
    _, scores = boxed.network(scene()[:, :150], np.array([0.0, 0.0, 240.0]), threshold=threshold)
    np.testing.assert_allclose(scores, expected)


def test_a_program_that_leaves_its_boxes_out_where_there_is_nobody(tmp_path):
    """As the methods do that fit a body."""
    silent = SimpleNamespace(detect_poses_batched=lambda *given, **settings: {"poses3d": []})
    boxes, scores = replace(detector(tmp_path), program=silent)(scene(), WHOLE, threshold=0.3)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)
