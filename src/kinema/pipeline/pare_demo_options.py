"""Options and result of the PARE demo."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kinema.errors import UsageError
from kinema.models.pare.options import DemoOptions, PareOptions
from kinema.pipeline.clearance import require_all_cleared
from kinema.tracking import TrackingOptions
from kinema.video.options import VideoOptions


@dataclass(frozen=True)
class PareDemoOptions:
    """How the demo runs and what it writes.

    demo: smoothing, batch and parity. pare: the network. data: the release's data folder. body_model: an SMPL file.
    video: rotation, and the true rate for tracking. tracking: how people are tracked; tracking_method: "bbox", crops
    from boxes, or "pose", crops from keypoints. detections: an .npz or .csv of detections (frame, x1, y1, x2, y2,
    score) to track instead of Kinema's. run_smplify: refine the bodies on the 2D keypoints (Kinema's fit). render,
    wireframe, sideview, draw_keypoints, save_obj, show_attention: renderings and meshes. commercial_only: refuse what
    is not cleared for commercial use, which includes PARE.
    """

    demo: DemoOptions = field(default_factory=DemoOptions)
    pare: PareOptions = field(default_factory=PareOptions)
    data: Path | None = None
    body_model: Path | None = None
    video: VideoOptions = field(default_factory=VideoOptions)
    tracking: TrackingOptions = field(default_factory=TrackingOptions)
    tracking_method: str = "bbox"
    detections: Path | None = None
    run_smplify: bool = False
    render: bool = True
    wireframe: bool = False
    sideview: bool = False
    draw_keypoints: bool = False
    save_obj: bool = False
    show_attention: bool = False
    commercial_only: bool = False

    def __post_init__(self) -> None:
        require_all_cleared(self.commercial_only, networks=("pare",))
        if self.tracking_method not in ("bbox", "pose"):
            raise UsageError(f"the tracking method is bbox or pose, found {self.tracking_method!r}")
        if self.run_smplify and self.demo.parity:
            raise UsageError(
                "run_smplify refines with Kinema's fit, which the original does not have; leave out `parity`"
            )
        if self.detections is not None and (self.run_smplify or self.tracking_method == "pose"):
            raise UsageError("detections from a file have no keypoints, which run_smplify and tracking by pose need")


@dataclass
class PareDemoResult:
    """The demo's output. files: by kind. people: number of tracks, or of people in all images."""

    folder: Path
    people: int
    frames: int
    definition: str
    body: str
    files: dict[str, Path] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
