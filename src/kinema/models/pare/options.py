"""Settings of PARE and its demo."""

from __future__ import annotations

from dataclasses import dataclass

from kinema.options import require, same_as, setting
from kinema.runtime import MOST_THREADS

PRECISIONS = ("float32", "bfloat16", "float16")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class PareOptions:
    """How PARE is run.

    crop_scale: side of the crop over the longer side of the person's box. batch_size: crops in memory at once.
    precision, device: see `kinema.models.pare.torch_run`. threads: CPU threads (None: as many as there are cores).
    fov: degrees over the longer image side, in place of the motion's camera.
    """

    checkpoint: str | None = setting(
        None,
        "PARE's weights: a file, pare-3dpw or pare (default: the first one available)",
        public=True,
        metavar="FILE",
        aliases=("ckpt",),
    )
    crop_scale: float = setting(1.0, "side of the crop as a multiple of the box's", metavar="X")
    batch_size: int = setting(16, "crops in memory at once", metavar="N")
    precision: str = setting("float32", "precision of the network", choices=PRECISIONS)
    device: str = setting("auto", "device to run on", choices=DEVICES)
    threads: int | None = setting(None, "CPU threads (default: one per core)", metavar="N")
    fov: float | None = None

    def __post_init__(self) -> None:
        if self.checkpoint is not None:
            object.__setattr__(self, "checkpoint", str(self.checkpoint))
        threads_fit = self.threads is None or 1 <= self.threads <= MOST_THREADS
        require(threads_fit, "threads", f"lie between 1 and {MOST_THREADS}", self.threads)
        require(self.batch_size >= 1, "batch_size", "be at least 1", self.batch_size)
        require(0.1 <= self.crop_scale <= 10, "crop_scale", "lie between 0.1 and 10", self.crop_scale)
        for name, known in (("precision", PRECISIONS), ("device", DEVICES)):
            value = getattr(self, name)
            require(value in known, name, f"be one of {', '.join(known)}", repr(value))


@dataclass(frozen=True)
class DemoOptions:
    """The settings of the original's demo.

    smooth, min_cutoff, beta: One-Euro over the entries of the rotation matrices, a frame being one unit of time.
    batch_size: crops in memory at once. crop_scale: size of a crop relative to its box. vertices: fill `verts`; None
    does so unless a long video would exhaust the memory. parity: reproduce the original, quirks included.
    """

    smooth: bool = setting(False, "smooth rotations with a One-Euro filter")
    min_cutoff: float = setting(0.004, "minimum cutoff of the smoothing", metavar="X")
    beta: float = setting(1.0, "speed coefficient of the smoothing", metavar="X")
    batch_size: int = same_as(PareOptions, "batch_size")
    crop_scale: float = same_as(PareOptions, "crop_scale")
    vertices: bool | None = None
    parity: bool = setting(False, "behave like the original: matrices in pose, SORT, 25 frames per second")

    def __post_init__(self) -> None:
        require(self.batch_size >= 1, "batch_size", "be at least 1", self.batch_size)
        require(0.1 <= self.crop_scale <= 10, "crop_scale", "lie between 0.1 and 10", self.crop_scale)
        require(self.min_cutoff > 0, "min_cutoff", "be above 0", self.min_cutoff)
        require(self.beta >= 0, "beta", "not be below 0", self.beta)
