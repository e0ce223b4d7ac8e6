"""Kinema: 3D human motion from ordinary video.

    import kinema
    motion = kinema.estimate("clip.mp4")     # a Motion: SMPL pose, shape, translation for every person
    motion.save("clip.pkl")

Names load on first use, which keeps `import kinema` fast. docs/api.md describes all of them.
"""

from __future__ import annotations

from kinema import _wiring
from kinema._version import __version__ as __version__

TYPE_CHECKING = False
"""What type checkers take for true, without the import of `typing`, the longest part of this one."""

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kinema._public import convert as convert
    from kinema._public import detectors as detectors
    from kinema._public import diagnose as diagnose
    from kinema._public import estimators as estimators
    from kinema._public import evaluate as evaluate
    from kinema._public import export as export
    from kinema._public import formats as formats
    from kinema._public import keypoint_sources as keypoint_sources
    from kinema._public import load as load
    from kinema._public import refine as refine
    from kinema._public import refiners as refiners
    from kinema._public import run as run
    from kinema._public import save as save
    from kinema._public import stabilize as stabilize
    from kinema._public import stages as stages
    from kinema._public import trackers as trackers
    from kinema._public import validate as validate
    from kinema.geometry.camera import Camera as Camera
    from kinema.motion import Motion as Motion
    from kinema.person import Person as Person
    from kinema.pipeline import RunOptions as RunOptions
    from kinema.pipeline import estimate as estimate

_HOME = {
    "Camera": "kinema.geometry.camera",
    "Motion": "kinema.motion",
    "Person": "kinema.person",
    "RunOptions": "kinema.pipeline",
    "estimate": "kinema.pipeline",
    **dict.fromkeys(
        (
            "convert", "diagnose", "estimators", "evaluate", "export", "formats", "load", "refine", "refiners", "run",
            "save", "stabilize", "stages", "trackers", "keypoint_sources", "detectors", "validate",
        ),
        "kinema._public",
    ),
}  # fmt: skip
"""Public name -> the module that it is in."""

__all__ = [
    "Camera", "Motion", "Person", "RunOptions", "__version__", "convert", "detectors", "diagnose", "estimate",
    "estimators", "evaluate", "export", "formats", "keypoint_sources", "load", "refine", "refiners", "run", "save",
    "stabilize", "stages", "trackers", "validate",
]  # fmt: skip


def _late(name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        from importlib import import_module

        return getattr(import_module("kinema._public"), name)(*args, **kwargs)

    return call


_wiring.save_motion, _wiring.load_motion = _late("save"), _late("load")


__getattr__ = _wiring.late(__name__, _HOME)


def __dir__() -> list[str]:
    return sorted(__all__)
