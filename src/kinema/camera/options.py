"""Settings of the stage that finds a moving camera's path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kinema.camera.methods import METHODS
from kinema.errors import UsageError
from kinema.models.metric_depth.families import FAMILIES, family_named
from kinema.options import require, setting


def parse_distortion(text: str) -> tuple[float, ...]:
    """The coefficients of "-0.12" or "-0.2,0.03,0,0". Raises UsageError."""
    try:
        return tuple(float(each) for each in text.split(","))
    except ValueError:
        raise UsageError(
            f"coefficients of a lens's distortion, as in -0.12 or -0.2,0.03,0,0, are expected, found {text!r}"
        ) from None


def _whole(distortion: float | Sequence[float]) -> tuple[float, ...]:
    """OpenCV's 4, 5 or 8 coefficients from 1, 2, 4, 5 or 8. Raises UsageError."""
    values = tuple(map(float, distortion)) if isinstance(distortion, Sequence) else (float(distortion),)
    require(len(values) in (1, 2, 4, 5, 8), "camera_distortion", "have 1, 2, 4, 5 or 8 coefficients", len(values))
    require(all(abs(each) < 10 for each in values), "camera_distortion", "hold coefficients below 10", values)
    return values + (0.0,) * (4 - len(values))


@dataclass(frozen=True)
class CameraOptions:
    """How the path of a moving camera is found.

    method: a name in `kinema.camera.methods`. droid: the checkpoint of DROID-SLAM, a path or a name in the weights hub;
    depth: depth maps (`kinema.camera.depth_maps`), for that method; depth_network, depth_family: or a network that
    gives them (`kinema.models.metric_depth`). file: a path that is known, in place of one that is
    found (`kinema.formats.camera_files`). distortion: of the lens, OpenCV's 4, 5 or 8 coefficients; all 0: none is
    sought. fov: the field of view that the user gave, degrees, which is then certain; None: the camera's own. always:
    the path is looked for although the tracker saw the camera stand still.
    """

    method: str = setting(
        "classical",
        "how a moving camera's path is found: "
        + " or ".join(f"{row.name} ({row.summary})" for row in METHODS.built_in),
        public="camera_method",
        metavar="NAME",
        group="camera",
    )
    droid: str | None = setting(
        None,
        "DROID-SLAM's droid.pth, for --camera-method droid (default: the one of `kinema weights`)",
        public=True,
        metavar="FILE",
        group="camera",
    )
    depth: Path | None = setting(
        None,
        "depth maps in metres, which tell --camera-method droid how long its path is: a folder of .npy or 16-bit .png"
        " (millimetres) named by frame, or an .npz",
        public=True,
        metavar="PATH",
        group="camera",
    )
    depth_network: Path | None = setting(
        None,
        "a network of depth in metres, such as ZoeDepth, as an ONNX file: the same as --depth, without maps",
        public=True,
        metavar="FILE",
        group="camera",
    )
    depth_family: str = setting(
        "zoedepth",
        "how --depth-network wants its image; plain: red, green and blue from 0 to 1",
        public=True,
        choices=tuple(FAMILIES),
        group="camera",
    )
    file: Path | None = setting(
        None,
        "take the camera's path from a file: of `kinema camera`, a TUM trajectory, COLMAP's model, cameras of the NLF"
        " pipeline",
        public="camera",
        metavar="FILE",
        group="camera",
    )
    distortion: tuple[float, ...] | None = setting(
        None,
        "distortion of the lens, OpenCV's K1[,K2[,P1,P2[,K3]]] (default: found where a camera that moves shows it; 0:"
        " none)",
        public="camera_distortion",
        metavar="K1,...",
        group="camera",
        parse=parse_distortion,
    )
    fov: float | None = None
    always: bool = False

    def __post_init__(self) -> None:
        if self.distortion is not None:
            object.__setattr__(self, "distortion", _whole(self.distortion))
        METHODS.find(self.method)
        if self.droid is not None:
            object.__setattr__(self, "droid", str(self.droid))
        family_named(self.depth_family)
        if self.depth_network is not None:
            object.__setattr__(self, "depth_network", Path(self.depth_network))
            require(self.depth is None, "depth_network", "not go with `depth`, which has the maps", str(self.depth))
        for name in ("droid", "depth", "depth_network"):
            given = getattr(self, name)
            require(given is None or self.method == "droid", name, "go with `camera_method` droid", repr(str(given)))
