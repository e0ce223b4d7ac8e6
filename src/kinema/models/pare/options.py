"""Settings of PARE and its demo."""

from __future__ import annotations

from dataclasses import dataclass

from kinema.errors import UsageError
from kinema.options import require, setting

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
        "of the estimator pare: a file, pare-3dpw or pare (default: the first of these that is there)",
        public=True,
        metavar="FILE",
    )
    crop_scale: float = 1.0
    batch_size: int = 16
    precision: str = "float32"
    device: str = "auto"
    threads: int | None = None
    fov: float | None = None

    def __post_init__(self) -> None:
        if self.checkpoint is not None:
            object.__setattr__(self, "checkpoint", str(self.checkpoint))
        require(self.threads is None or self.threads >= 1, "threads", "be at least 1", self.threads)
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

    smooth: bool = False
    min_cutoff: float = 0.004
    beta: float = 1.0
    batch_size: int = 16
    crop_scale: float = 1.0
    vertices: bool | None = None
    parity: bool = False

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UsageError(f"the batch size must be at least 1, found {self.batch_size}")
        if not 0.1 <= self.crop_scale <= 10:
            raise UsageError(f"the crop scale must lie between 0.1 and 10, found {self.crop_scale}")
        if not (self.min_cutoff > 0 and self.beta >= 0):
            raise UsageError(f"min_cutoff must be above 0 and beta not below, found {self.min_cutoff}, {self.beta}")
