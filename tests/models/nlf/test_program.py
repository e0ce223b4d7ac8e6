"""The TorchScript program called through its methods: a scripted double with the released one's signatures."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from kinema.errors import InputError, UsageError
from tests.helpers.goldens import goldens

torch = pytest.importorskip("torch")

from kinema.models.nlf.program import METHODS, NO_GPU, NlfProgram, register_suppression  # noqa: E402
from kinema.models.nlf.torch_run import CropSettings  # noqa: E402
from kinema.models.nlf.views import Lens  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

DOUBLE = """
def get_weights_for_canonical_points(self, canonical_points: Tensor) -> Dict[str, Tensor]:
    return {"w_tensor": canonical_points}

def estimate_poses_batched(self, images: Tensor, boxes: List[Tensor], weights: Dict[str, Tensor],
                           intrinsic_matrix: Optional[Tensor] = None, distortion_coeffs: Optional[Tensor] = None,
                           extrinsic_matrix: Optional[Tensor] = None, world_up_vector: Optional[Tensor] = None,
                           default_fov_degrees: float = 55.0, internal_batch_size: int = 64,
                           antialias_factor: int = 1, num_aug: int = 5,
                           rot_aug_max_degrees: float = 25.0) -> Dict[str, List[Tensor]]:
    poses: List[Tensor] = []
    spread: List[Tensor] = []
    for i in range(len(boxes)):
        keep = torch.ops.torchvision.nms(boxes[i] + 1000.0 * torch.arange(len(boxes[i]))[:, None], boxes[i][:, 0], 0.5)
        points = weights["w_tensor"][None].repeat(len(keep), 1, 1) * 1000.0
        points[:, :, 0] += boxes[i][:, :1]
        points[:, :, 1] += images[i].float().mean()
        if intrinsic_matrix is not None:
            points[:, :, 2] += intrinsic_matrix[i, 0, 0]
        poses.append(points)
        spread.append(torch.full([len(keep), points.shape[1]], 0.001 * num_aug + 0.01 * antialias_factor))
        if distortion_coeffs is not None:
            spread[i] += distortion_coeffs.shape[1]
    return {"poses3d": poses, "poses2d": poses, "uncertainties": spread}
"""


NUMBERS = itertools.count()


def written(path, source: str = DOUBLE):
    register_suppression()
    # A class of its own for each: methods of one class are defined once in a process.
    program = type(f"Double{next(NUMBERS)}", (torch.jit.ScriptModule,), {})()
    program.define(source)
    torch.jit.save(program, str(path))
    return path


@pytest.mark.golden
def test_the_double_has_the_released_signatures(tmp_path):
    """Names and order of the arguments of the methods that are called are those of the authors' program."""
    methods = json.loads((goldens() / "nlf" / "interface.json").read_text())["methods"]
    program = torch.jit.load(str(written(tmp_path / "double.torchscript")))
    for name in METHODS:
        found = [argument.name for argument in getattr(program, name).schema.arguments[1:]]
        assert found == [argument["name"] for argument in methods[name]["arguments"]]


def test_people_of_several_pictures_in_one_call(tmp_path):
    """Millimetres become metres, people stay in their order, four coefficients are not a fisheye lens's."""
    points = np.array([[0.1, 0.2, 3.0], [0.0, -0.1, 2.0]])
    program = NlfProgram(written(tmp_path / "double.torchscript"), points, device="cpu")
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


def test_strangers_and_a_computer_without_a_gpu(tmp_path):
    path = tmp_path / "other.torchscript"
    written(path, "def get_weights_for_canonical_points(self, x: Tensor) -> Dict[str, Tensor]:\n    return {'a': x}\n")
    with pytest.raises(InputError, match="is not the NLF program: it has no method estimate_poses_batched"):
        NlfProgram(path, np.zeros((1, 3)), device="cpu")
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"other\.torchscript is not a TorchScript program that torch can load"):
        NlfProgram(path, np.zeros((1, 3)), device="cpu")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match=NO_GPU[:60]):
            NlfProgram(path, np.zeros((1, 3)))
