"""Settings of PARE."""

from __future__ import annotations

from dataclasses import dataclass

from kinema.options import require, setting

PRECISIONS = ("float32", "bfloat16", "float16")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class PareOptions:
    """How PARE is run.

    crop_scale: side of the crop over the longer side of the person's box. batch_size: crops in memory at once.
    precision, device: see `kinema.models.pare.estimator`. threads: CPU threads (None: as many as there are cores).
    fov: degrees over the longer image side, in place of the camera that the motion has.
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
