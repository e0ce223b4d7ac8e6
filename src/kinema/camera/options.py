"""Settings of the stage that finds a moving camera's path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kinema.camera.methods import METHODS
from kinema.models.metric_depth.families import FAMILIES, family_named
from kinema.options import require, setting


@dataclass(frozen=True)
class CameraOptions:
    """How the path of a moving camera is found.

    method: a name in `kinema.camera.methods`. droid: the checkpoint of DROID-SLAM, a path or a name in the weights hub;
    depth: depth maps (`kinema.camera.depth_maps`), for that method; depth_network, depth_family: or a network that
    gives them (`kinema.models.metric_depth`). file: a path that is known, in place of one that is
    found (`kinema.formats.camera_files`). fov: the field of view that the user gave, degrees, which is then certain;
    None: the camera's own.
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
        "how --depth-network wants its picture; plain: red, green and blue from 0 to 1",
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
    fov: float | None = None

    def __post_init__(self) -> None:
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
