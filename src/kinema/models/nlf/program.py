"""The released TorchScript program, called through its methods on a GPU, in place of Kinema's own network.

The program is the whole system in half precision. Used here is its estimation of poses in given boxes; its detector is
in `kinema.models.nlf.program_detector`. Loading it runs the code in the file. It calls one operator of torchvision,
which is registered here where torchvision is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import InputError, UsageError
from kinema.models.nlf.crops import LINEAR
from kinema.models.nlf.detector import suppressed
from kinema.models.nlf.torch_run import NO_TORCH, CropSettings
from kinema.models.nlf.views import Lens

if TYPE_CHECKING:
    from torch import Tensor

POINTS, ESTIMATE = "get_weights_for_canonical_points", "estimate_poses_batched"
"""Methods that the program must offer."""

DEVICE = "cuda"
"""Where the released program works."""

NO_GPU = (
    "the program in NLF's .torchscript works in half precision and needs a GPU, and there is none that torch can use"
)
OWN_NETWORK = "leave `nlf_program` out, and Kinema's own network runs with the program's weights on the CPU"

_MM = 1000.0


@dataclass(frozen=True, eq=False)
class Boxed:
    """A person in an image (H,W,3) uint8 RGB: box (4,) x y w h, the lens of the camera, and the settings."""

    image: np.ndarray
    box: np.ndarray
    lens: Lens
    settings: CropSettings


class NlfProgram:
    """The program in a `.torchscript` file, which is executed, and the points that it looks for.

    points (N,3): in the canonical body, metres. device: None for `DEVICE`. batch: crops at once. Raises what
    `load_program` raises.
    """

    def __init__(self, path: str | Path, points: np.ndarray, *, device: str | None = None, batch: int = 64) -> None:
        self.path, self.device, self._batch, self.count = Path(path), device or DEVICE, batch, len(points)
        self._program = load_program(path, ESTIMATE, device=self.device)
        self._weights = weights_of(self._program, points, self.device)

    @property
    def sha256(self) -> str:
        """Of the file, for provenance."""
        from kinema.weights.cache import known_sha256

        return known_sha256(self.path)

    def cropped(self, image: np.ndarray, boxes: np.ndarray, lens: Lens, settings: CropSettings) -> list[Boxed]:
        """The people in boxes (P,4) x y w h of an image (H,W,3) uint8 RGB; the program crops them itself."""
        kept = np.array(image)
        return [Boxed(kept, np.asarray(box), lens, settings) for box in boxes]

    def located(self, people: Sequence[Boxed]) -> tuple[np.ndarray, np.ndarray]:
        """Points (P,N,3) metres in the frames of the people's cameras, and uncertainties (P,N) metres."""
        if not people:
            return np.zeros((0, self.count, 3)), np.zeros((0, self.count))
        first = np.array([i for i, one in enumerate(people) if i == 0 or one.image is not people[i - 1].image])
        groups = [list(each) for each in np.split(np.array(people, dtype=object), first[1:])]
        poses, spread = self._estimated(groups)
        points = np.concatenate([each.float().cpu().numpy() for each in poses]) / _MM
        return points.astype(np.float64), np.concatenate([each.float().cpu().numpy() for each in spread])

    def _estimated(self, groups: list[list[Boxed]]) -> tuple[list[Tensor], list[Tensor]]:
        import torch

        def put(arrays: list[np.ndarray]) -> Tensor:
            return torch.from_numpy(np.stack(arrays)).to(self.device)

        settings = groups[0][0].settings
        lenses = [group[0].lens for group in groups]
        boxes = [put([one.box.astype(np.float32) for one in group]) for group in groups]
        images = put([group[0].image.transpose(2, 0, 1) for group in groups])
        if settings.decodings > 1:  # the program decodes once; floats are in [0,1] to it
            images = (images.float() / 255).pow(LINEAR ** (settings.decodings - 1)).half()
        with torch.inference_mode(), torch.device(self.device):
            found = self._program.estimate_poses_batched(
                images,
                boxes,
                self._weights,
                intrinsic_matrix=put([lens.intrinsics.astype(np.float32) for lens in lenses]),
                distortion_coeffs=put([_coefficients(lens) for lens in lenses]),
                internal_batch_size=max(self._batch, settings.variants),
                antialias_factor=settings.antialias,
                num_aug=settings.variants,
            )
        return found["poses3d"], found["uncertainties"]


def _coefficients(lens: Lens) -> np.ndarray:
    """At least five: four mean a fisheye lens to the program, and a perspective one here."""
    given = np.zeros(5) if lens.distortion is None else np.asarray(lens.distortion)
    return np.pad(given, (0, max(0, 5 - len(given)))).astype(np.float32)


def load_program(path: str | Path, method: str, *, device: str | None = None, advice: str = OWN_NETWORK) -> Any:
    """The program in a file, which is executed, on a device, None for `DEVICE`.

    method: which it must offer besides `POINTS`. advice: what to do without a GPU. Raises UsageError (torch missing, no
    GPU), InputError for a file that is not the program.
    """
    try:
        import torch
    except ImportError:
        raise UsageError(NO_TORCH) from None
    device = device or DEVICE
    if device == "cuda":
        require_gpu(advice)
    register_suppression()
    try:
        program: Any = torch.jit.load(str(path), map_location=device).eval()
    except (RuntimeError, ValueError, OSError) as error:
        reason = (str(error) or type(error).__name__).strip().splitlines()[0][:200]
        raise InputError(f"{path} is not a TorchScript program that torch can load: {reason}") from None
    missing = [name for name in (POINTS, method) if not hasattr(program, name)]
    if missing:
        raise InputError(f"{path} is not the NLF program: it has no method {missing[0]}; give nlf_l_multi.torchscript")
    return program


def weights_of(program: Any, points: np.ndarray, device: str) -> dict[str, Tensor]:
    """The program's own weights for points (N,3) in the canonical body, metres."""
    import torch

    with torch.inference_mode(), torch.device(device):
        given = torch.from_numpy(np.asarray(points, np.float32)).to(device)
        found: dict[str, Tensor] = program.get_weights_for_canonical_points(given)
    return found


def require_gpu(advice: str = OWN_NETWORK) -> None:
    """Raise a UsageError with the advice where there is no GPU that torch can use."""
    import torch

    if not torch.cuda.is_available():
        raise UsageError(f"{NO_GPU}; {advice}")


_REGISTERED: list[Any] = []
"""The operator's registration, which lasts as long as this object."""


def register_suppression() -> None:
    """Make `torchvision::nms` known to torch, if torchvision has not."""
    import torch

    if _REGISTERED or hasattr(torch.ops.torchvision, "nms"):
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

    def nms(dets: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
        corners = dets.detach().cpu().double().numpy()
        boxes = np.concatenate(
            [corners[:, :2], corners[:, 2:] - corners[:, :2], scores.detach().cpu().double().numpy()[:, None]], axis=1
        )
        return torch.from_numpy(suppressed(boxes, iou_threshold).astype(np.int64)).to(dets.device)

    for key in ("CPU", "CUDA"):
        library.impl("nms", nms, key)
    _REGISTERED.append(library)
