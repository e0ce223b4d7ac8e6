"""Kinema: 3D human motion from ordinary video.

    import kinema
    motion = kinema.estimate("clip.mp4")     # a Motion: SMPL pose, shape, translation for every person
    motion.save("clip.pkl")

Names load on first use, so that `import kinema` stays fast.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kinema import _wiring
from kinema._version import __version__ as __version__

if TYPE_CHECKING:
    from kinema.geometry.camera import Camera as Camera
    from kinema.motion import Motion as Motion
    from kinema.person import Person as Person
    from kinema.pipeline import RunOptions as RunOptions
    from kinema.pipeline import estimate as estimate
    from kinema.provenance import StageRecord as StageRecord

_HOME = {
    "Camera": "kinema.geometry.camera",
    "Motion": "kinema.motion",
    "Person": "kinema.person",
    "StageRecord": "kinema.provenance",
    "RunOptions": "kinema.pipeline",
    "estimate": "kinema.pipeline",
}

__all__ = ["Camera", "Motion", "Person", "RunOptions", "StageRecord", "__version__", "estimate"]


def _late(name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(import_module("kinema.formats"), name)(*args, **kwargs)

    return call


_wiring.save_motion, _wiring.load_motion = _late("save_motion"), _late("load_motion")


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'kinema' has no attribute {name!r}")
