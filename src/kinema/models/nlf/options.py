"""Settings of NLF."""

from __future__ import annotations

from dataclasses import dataclass

from kinema.options import require, setting
from kinema.runtime import MOST_THREADS

DEVICES = ("auto", "cpu", "cuda")
TRACKS, MASKS = "tracks", "masks"

NO_MASKS = "boxes from masks need masks of the people; choose `masks`, or leave out `boxes`"


@dataclass(frozen=True)
class NlfOptions:
    """How NLF is run.

    weights, data: files. points: see `kinema.estimation.nlf_points`. num_aug: variants of every crop that are merged;
    antialias_factor: at which crops are sampled before they are averaged; internal_batch_size: crops in memory at once.
    pad_white_pixels: what lies outside of the image is white. max_detections: people of a frame, None or -1 for all.
    suppress_implausible_poses: see `kinema.estimation.nlf_choosing`. double_gamma: decode the images' gamma twice
    before people are cropped, a slip of the original where it detects people itself. program: execute the file, on a
    GPU. half_weights: as `NlfEstimator`'s `halves`. boxes: what people are cropped by, TRACKS or MASKS. parity:
    half_weights, and what `kinema.pipeline.nlf_parity` chooses of other settings. device: "cpu", "cuda" or "auto".
    threads: CPU threads (None: as many as there are cores). fov: degrees over the longer image side, in place of the
    motion's camera.
    """

    weights: str | None = setting(
        None,
        "NLF's weights: a .pt or .torchscript file, or a name of `kinema weights` (default: the first one available)",
        public="nlf",
        metavar="FILE",
    )
    data: str | None = setting(
        None,
        "NLF's nlf_data_files.zip, which a .pt needs (default: the one beside the weights)",
        public="nlf_data",
        metavar="FILE",
    )
    points: str | None = setting(
        None,
        "NLF: also locate these points: an .npy of positions (N,3) in NLF's canonical body, in metres, or a joint set"
        " of nlf_data_files.zip, such as smplx",
        public="nlf_points",
        metavar="FILE|SET",
    )
    num_aug: int = setting(1, "NLF: rotated, zoomed and mirrored variants of each crop", public=True, metavar="N")
    antialias_factor: int = setting(1, "NLF: supersampling factor of the crops", public=True, metavar="N")
    internal_batch_size: int = setting(8, "NLF: crops in memory at once", public=True, metavar="N", neutral=True)
    suppress_implausible_poses: bool = setting(
        False, "NLF: leave out poses that are uncertain, outside their box, or another person's", public=True
    )
    max_detections: int | None = setting(
        None, "NLF: keep only the N most confident people in each frame (default: everybody)", public=True, metavar="N"
    )
    program: bool = setting(
        False,
        "run the program in NLF's .torchscript on the GPU instead of Kinema's own implementation",
        public="nlf_program",
    )
    boxes: str = setting(
        TRACKS,
        "NLF: crop people by the boxes of their tracks, or by their masks",
        public=True,
        choices=(TRACKS, MASKS),
    )
    double_gamma: bool = setting(
        False,
        "NLF: decode the images' gamma twice, as the original does by mistake where it detects people itself",
        public=True,
    )
    parity: bool = setting(
        False,
        "NLF: run every step as the original pipeline does: its crop augmentation, a field of view of 55 degrees, boxes"
        " from masks where there are any, its track fit and ground; other options override it",
        public="nlf_parity",
    )
    pad_white_pixels: bool = False
    half_weights: bool = False
    device: str = "auto"
    threads: int | None = None
    fov: float | None = None

    def __post_init__(self) -> None:
        for name in ("weights", "data", "points"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, str(getattr(self, name)))
        threads_fit = self.threads is None or 1 <= self.threads <= MOST_THREADS
        require(threads_fit, "threads", f"lie between 1 and {MOST_THREADS}", self.threads)
        for name, most in (("num_aug", 64), ("antialias_factor", 8), ("internal_batch_size", 4096)):
            require(1 <= getattr(self, name) <= most, name, f"lie between 1 and {most}", getattr(self, name))
        if self.max_detections == -1:  # as the original says "all"
            object.__setattr__(self, "max_detections", None)
        people = self.max_detections
        require(people is None or people >= 1, "max_detections", "be at least 1, or -1 for everybody", people)
        require(self.boxes in (TRACKS, MASKS), "boxes", f"be {TRACKS} or {MASKS}", repr(self.boxes))
        require(self.device in DEVICES, "device", f"be one of {', '.join(DEVICES)}", repr(self.device))
