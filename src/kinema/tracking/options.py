"""Settings of person tracking."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kinema.detection.tiles import SMALLEST_PERSON
from kinema.models.detecting import Detecting
from kinema.options import require, setting
from kinema.runtime import MOST_THREADS
from kinema.skeleton import JOINT_SETS
from kinema.temporal.gaps import TRACKING_GAP

CLOSER_LOOK = 0.045
"""Height of the smallest person of the second look, as a fraction of the frame's short side: 50 pixels in 1080p, where
keypoints begin to be meaningful."""


@dataclass(frozen=True)
class TrackingOptions:
    """How people are detected and tracked. Times are in seconds, independent of the frame rate.

    keypoints, detector: names in `kinema.keypoints.SOURCES` and `DETECTORS`, or files. min_track_frames: at most half
    of the clip is required. detection_threshold: least score of a detection; detection_overlap, detection_flip,
    detection_both_flips: as `kinema.models.detecting.Detecting` has them; landmark_threshold: least score of the
    keypoints of a person. detection_interval: the whole image is searched for new people within this time.
    smallest_person: height of the smallest person to detect, as a fraction of the
    frame's short side (halving it takes about four times as many detector runs); None: `SMALLEST_PERSON`, and where
    hardly anybody is found so, down to `CLOSER_LOOK`.
    cuts: end every track at a camera cut; people who look the same before and after it keep their id.
    max_absence: a person who returns within this time with the same appearance keeps the id. max_fill: gaps up
    to this long are filled by interpolation and marked as not observed. repair_swaps: undo left-right
    swaps between frames. outlines: also find people's outlines in some frames (`kinema.person.OUTLINES`), for the fit.
    tracker_checkpoint: of a tracker that has a network of its own. threads: None for all that the
    process may use.
    """

    keypoints: str = setting(
        "blazepose",
        "keypoint source (default: blazepose), an ONNX file of a network of the same kinds, or a file of 2D keypoints"
        " of this video that another program wrote",
        public=True,
        metavar="NAME|FILE",
    )
    joints: str | None = setting(
        None,
        "joint set of a file of keypoints, where their number does not tell it",
        public=True,
        choices=tuple(JOINT_SETS),
    )
    detector: str | None = setting(
        None,
        "person detector, or a file of one: ONNX, or NLF's .torchscript, which is executed (default: the keypoint"
        " source's own, else blazepose)",
        public=True,
        metavar="NAME",
    )
    detection_threshold: float = setting(
        0.5, "least score of a person whom the detector finds", public="detector_threshold", metavar="F"
    )
    detection_overlap: float | None = setting(
        None,
        "intersection over union from which two boxes of a detector are one person's (default: the network's own)",
        public="detector_nms_iou_threshold",
        metavar="F",
    )
    detection_flip: bool = setting(
        False, "the detector also looks at the mirrored image; takes twice its time", public="detector_flip_aug"
    )
    detection_both_flips: bool = setting(
        False,
        "the detector also looks at the image mirrored, and upside down; takes three times its time",
        public="detector_both_flip_aug",
    )
    flip: bool = setting(
        False, "average everybody's keypoints with those of the mirrored image; takes twice the time", public=True
    )
    parity: bool = setting(
        False,
        "show people to HRNet as video-to-pose3D does, its two defects included: crops with the proportions of the"
        " image, colours normalised in the wrong order",
        public=True,
    )
    max_persons: int | None = setting(
        None, "keep only the N people who are visible longest", public=True, metavar="N", group="people"
    )
    min_track_frames: int = setting(8, "drop people seen in fewer frames", public=True, metavar="N", group="people")
    cuts: bool = setting(
        True, "the video is one shot: do not look for camera cuts", public=True, group="camera", off=True
    )
    static_camera: bool = setting(
        False, "assume a static camera, without estimating its motion", public=True, group="camera"
    )
    smallest_person: float | None = setting(
        None,
        "height of the smallest people to look for, as a fraction of the image's shorter side (default:"
        f" {SMALLEST_PERSON}, and {CLOSER_LOOK} if hardly anybody is found)",
        public=True,
        metavar="F",
        group="people",
    )
    tracker_checkpoint: Path | None = setting(
        None, "the network of the tracker lighttrack, a file of its authors", public=True, metavar="FILE"
    )
    landmark_threshold: float = 0.5
    detection_interval: float = 1.5
    max_absence: float = 4.0
    max_fill: float = TRACKING_GAP
    repair_swaps: bool = True
    outlines: bool = False
    threads: int | None = setting(
        None, "CPU threads for the networks", public=True, metavar="N", group="running", neutral=True
    )

    def __post_init__(self) -> None:
        if self.tracker_checkpoint is not None:
            object.__setattr__(self, "tracker_checkpoint", Path(self.tracker_checkpoint))
        for name in ("max_persons", "min_track_frames", "threads"):
            value = getattr(self, name)
            require(value is None or value >= 1, name, "be at least 1", value)
        too_many = self.threads is not None and self.threads > MOST_THREADS
        require(not too_many, "threads", f"be at most {MOST_THREADS}", self.threads)
        for name, called in (
            ("detection_threshold", "detector_threshold"),
            ("detection_overlap", "detector_nms_iou_threshold"),
            ("landmark_threshold", "landmark_threshold"),
            ("smallest_person", "smallest_person"),
        ):
            value = getattr(self, name)
            require(value is None or 0.0 < value < 1.0, called, "lie between 0 and 1", value)
        for name in ("max_absence", "max_fill"):
            value = getattr(self, name)
            require(value >= 0.0, name, "be a time in seconds, 0 or more", value)
        interval = self.detection_interval
        require(interval > 0.0, "detection_interval", "be a time in seconds above 0", interval)

    @property
    def detecting(self) -> Detecting:
        """How the detector is used."""
        return Detecting(self.detection_overlap, self.detection_flip, self.detection_both_flips)


def looked_for(options: TrackingOptions) -> str:
    """The sizes of people that are looked for with these settings, where nobody is found, in words."""
    if options.smallest_person is not None:
        return f"{_percent(options.smallest_person)} of the image's shorter side"
    return f"{_percent(SMALLEST_PERSON)} of the image's shorter side, and in a few frames {_percent(CLOSER_LOOK)},"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
