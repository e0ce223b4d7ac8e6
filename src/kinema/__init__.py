"""Kinema: 3D human motion from ordinary video.

    import kinema
    motion = kinema.estimate("clip.mp4")     # a Motion: SMPL pose, shape, translation for every person
    motion.save("clip.pkl")

Names load on first use, so that `import kinema` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kinema._version import __version__ as __version__

if TYPE_CHECKING:
    from kinema.motion import Camera as Camera
    from kinema.motion import Motion as Motion
    from kinema.motion import Person as Person
    from kinema.motion import StageRecord as StageRecord
    from kinema.pipeline import RunOptions as RunOptions
    from kinema.pipeline import estimate as estimate

_HOME = {
    "Camera": "kinema.motion",
    "Motion": "kinema.motion",
    "Person": "kinema.motion",
    "StageRecord": "kinema.motion",
    "RunOptions": "kinema.pipeline",
    "estimate": "kinema.pipeline",
}

__all__ = ["Camera", "Motion", "Person", "RunOptions", "StageRecord", "__version__", "estimate"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'kinema' has no attribute {name!r}")
