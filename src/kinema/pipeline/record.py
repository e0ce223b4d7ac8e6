"""The content of `run.json`: enough to repeat a run and to write a bug report."""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from kinema._version import __version__
from kinema.motion import Motion

RUN_FORMAT = 1

_PACKAGES = ("numpy", "scipy", "av", "opencv-python-headless", "ai-edge-litert", "onnxruntime", "trimesh", "embreex")


def package_versions() -> dict[str, str]:
    """Versions of Kinema, Python and the packages that results depend on; those not installed are left out."""
    return {"kinema": __version__, "python": platform.python_version(), **_installed()}


@functools.cache
def _installed() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def run_record(
    motion: Motion,
    arguments: Mapping[str, Any],
    *,
    seconds: Mapping[str, float],
    files: Mapping[str, str] | None = None,
    written: Mapping[str, Mapping[str, Any]] | None = None,
    warnings: tuple[str, ...] | list[str] = (),
) -> dict[str, Any]:
    """The content of `run.json`, ready for `kinema.storage.atomic.write_json`.

    arguments: every setting of the run, defaults included. seconds: wall time of each stage, in order.
    files: what was written, by kind (for instance {"pkl": "smpl_output.pkl"}). written: "bytes" and "sha256" of
    each file by name. warnings: shown to the user. Keys of the result: format, versions, platform, arguments,
    video {source, width, height, frames, fps, seconds}, people [{id, frames, first, last}], stages (the motion's
    provenance), weights (sha256 by file name, of all stages), seconds (by stage, and "total"), files, written,
    warnings.
    """
    weights: dict[str, str] = {}
    for record in motion.provenance:
        weights.update(record.weights)
    duration = float(motion.times[-1] - motion.times[0]) if motion.num_frames else 0.0
    return {
        "format": RUN_FORMAT,
        "versions": package_versions(),
        "platform": platform.platform(),
        "arguments": dict(arguments),
        "video": {
            "source": motion.source,
            "width": motion.width,
            "height": motion.height,
            "frames": motion.num_frames,
            "fps": motion.fps,
            "seconds": duration,
        },
        "people": [
            {
                "id": person.id,
                "frames": len(person),
                "first": int(person.frames[0]) if len(person) else None,
                "last": int(person.frames[-1]) if len(person) else None,
            }
            for person in motion
        ],
        "stages": [record.to_dict() for record in motion.provenance],
        "weights": weights,
        "seconds": {
            **{name: round(float(s), 3) for name, s in seconds.items()},
            "total": round(sum(seconds.values()), 3),
        },
        "files": dict(files or {}),
        "written": {name: dict(facts) for name, facts in (written or {}).items()},
        "warnings": list(warnings),
    }
