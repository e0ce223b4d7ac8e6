"""Settings of the overlay video and of the comparison of two motions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kinema.errors import UsageError
from kinema.options import require, setting

VIEWS = ("camera", "side", "world", "follow")
KINDS = ("body", "3d", "2d")
SURFACES = ("fitted", "located", "both")


@dataclass(frozen=True)
class OverlayOptions:
    """How the overlay looks.

    view: "camera" draws over the source video; "side" shows the world from the right of the first camera,
    "world" from above at a slant, "follow" from the filming camera's place and then from one that shows everybody.
    Where people would be tiny, the view follows them. frustum: world-space views show the filming camera, its field of
    view and its path so far. beside: put the camera's view to the left of a world-space view. opacity:
    of the bodies, 0 to 1. labels: the id of each track. keypoints: the 2D evidence, too. contacts: colour the
    soles that touch the ground (world-space views). surface: of people whose surface a network located (NLF), the body
    "fitted" to it, the "located" one, or "both", side by side. motion_blur: see `kinema.visualization.motion_blur`.
    fps_factor: 2 puts a new frame between every two of the video. rife: file of the network that makes it, None for the
    weights hub's. audio: bring the source's sound along. max_side: pixels that the longer side of a view may have, None
    to keep the source's size. crf: quality, 0 to 51, lower is better.
    """

    view: str = setting(
        "camera",
        "also show the world in overlay.mp4: from the side, from above (world), or starting at the camera and moving to"
        " where everybody is in view (follow)",
        public=True,
        choices=VIEWS,
        group="result",
    )
    surface: str = setting(
        "fitted",
        "NLF: draw the fitted bodies, the surfaces that NLF located, or both side by side in overlay.mp4",
        public="shown_surface",
        choices=SURFACES,
        group="result",
    )
    motion_blur: float = setting(
        0.0,
        "motion blur of the bodies in overlay.mp4: fraction of a frame's time that the shutter is open, 0 (sharp) to 1;"
        " 0.5 looks like film",
        public=True,
        metavar="SHARE",
        group="result",
    )
    fps_factor: int = setting(
        1,
        "frames of overlay.mp4 per frame of the video: 1, or 2 to interpolate one between every two",
        public=True,
        metavar="N",
        group="result",
    )
    rife: Path | None = setting(
        None,
        "RIFE 4.18's checkpoint, which interpolates frames for --fps-factor 2 (default: the one in the weights cache)",
        public=True,
        metavar="FILE",
        group="result",
    )
    frustum: bool = setting(
        True, "do not draw the filming camera in views of the world", public=True, group="result", off=True
    )
    beside: bool = False
    opacity: float = 0.7
    labels: bool = True
    keypoints: bool = False
    contacts: bool = True
    audio: bool = True
    max_side: int | None = None
    crf: int = 20

    def __post_init__(self) -> None:
        require(self.view in VIEWS, "view", f"be one of {', '.join(VIEWS)}", repr(self.view))
        require(self.surface in SURFACES, "shown_surface", f"be one of {', '.join(SURFACES)}", repr(self.surface))
        require(0 <= self.motion_blur <= 1, "motion_blur", "lie between 0 and 1", self.motion_blur)
        require(self.fps_factor in (1, 2), "fps_factor", "be 1 or 2", self.fps_factor)
        if self.rife is not None:
            object.__setattr__(self, "rife", Path(self.rife))
            if self.fps_factor == 1:
                raise UsageError("`rife` is used only to interpolate frames; set `fps_factor` 2, or leave it out")
        if self.surface != "fitted" and self.fps_factor == 2:
            raise UsageError("located surfaces are known at the video's own frames only; leave out `fps_factor`")
        if self.beside and self.view == "camera":
            raise UsageError("`beside` needs a world-space view next to the camera's; set `view` to side or world")
        require(0 < self.opacity <= 1, "opacity", "lie above 0 and not above 1", self.opacity)
        require(self.max_side is None or self.max_side >= 16, "max_side", "be 16 pixels or more", self.max_side)
        require(0 <= self.crf <= 51, "crf", "lie between 0 and 51", self.crf)


@dataclass(frozen=True)
class ComparisonOptions:
    """How two motions are shown side by side.

    kind: what is drawn, one of `KINDS`. max_side: pixels of a panel's longer side. crf: quality, 0 to 51.
    """

    kind: str = setting("body", "what to draw", public="show", choices=KINDS)
    max_side: int = setting(640, "longer side of one panel", metavar="PIXELS")
    crf: int = 20

    def __post_init__(self) -> None:
        require(self.kind in KINDS, "show", f"be one of {', '.join(KINDS)}", repr(self.kind))
        require(self.max_side >= 64, "max_side", "be at least 64 pixels", self.max_side)


@dataclass(frozen=True)
class LiftVideoOptions:
    """How the lift video looks.

    panel_height: pixels that a half may be high; sources of less than 480 are enlarged. crf: quality, 0 to 51.
    """

    panel_height: int = setting(720, "height of the video, at most", public="height", metavar="PIXELS")
    crf: int = 20

    def __post_init__(self) -> None:
        require(self.panel_height >= 64, "height", "be at least 64 pixels", self.panel_height)
        require(0 <= self.crf <= 51, "crf", "lie between 0 and 51", self.crf)
