"""The clip's own data (everything but its people) as plain values, for the lossless formats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kinema.body.free import free_body_sha256
from kinema.errors import InputError
from kinema.geometry.camera import Camera
from kinema.motion import BODY_SHA256, Motion
from kinema.provenance import StageRecord
from kinema.storage.fields import integers, mapping, numbers, rate, require_keys, scalar, text
from kinema.temporal.rate import frame_rate

FORMAT_VERSION = 1
"""Incremented when readers of the previous version would misread the file."""


_LEAST_STEP = 1e-7
"""Seconds between two frames."""


def clip_to_plain(motion: Motion) -> dict[str, Any]:
    """Plain dict of the clip: numbers, strings, lists and arrays under documented keys.

    `clip_times` (T,) seconds; `image_size` (2,) width and height in pixels; `source`; `body_model`;
    `camera`: None or a dict with the fields of `kinema.geometry.camera.Camera`; `provenance`: a list of dicts
    `name version arguments weights`; `clip_data`, if any: the motion's `data`; `cuts` (C,), if any.
    """
    camera = motion.camera
    plain_camera: dict[str, Any] | None = None
    if camera is not None:
        plain_camera = {
            "width": int(camera.width),
            "height": int(camera.height),
            "intrinsics": camera.intrinsics,
            "distortion": camera.distortion,
            "rotation": camera.rotation,
            "translation": camera.translation,
            "moving": None if camera.moving is None else bool(camera.moving),
            "focal_source": str(camera.focal_source),
            "fov_uncertainty": camera.fov_uncertainty,
        }
    plain = {
        "clip_times": motion.times,
        "image_size": np.array([motion.width, motion.height], dtype=np.int64),
        "source": motion.source,
        "body_model": motion.body_model,
        "camera": plain_camera,
        "provenance": [record.to_dict() for record in motion.provenance],
    }
    if motion.data:
        plain["clip_data"] = dict(motion.data)
    if len(motion.cuts):
        plain["cuts"] = motion.cuts
    return plain


def clip_from_plain(plain: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The arguments of `Motion` (except its people) from the values of `clip_to_plain`.

    what: file and person, for error messages. Raises InputError.
    """
    require_keys(plain, ("clip_times", "image_size"), what)
    provenance = _provenance(plain.get("provenance"), what)
    data = dict(mapping(plain.get("clip_data"), "clip_data", what))
    # Older files do not say which free body it was, but the stages that used it did.
    used = [record.weights["free"] for record in provenance if "free" in record.weights]
    if plain.get("body_model") == "free" and BODY_SHA256 not in data and used and used[-1] != free_body_sha256():
        data[BODY_SHA256] = used[-1]
    size = integers(plain["image_size"], "image_size", what)
    if size.shape != (2,):
        raise InputError(f"{what}: image_size must be width and height, found shape {size.shape}")
    return {
        "times": _times(plain["clip_times"], what),
        "width": int(size[0]),
        "height": int(size[1]),
        "source": _optional_text(plain.get("source"), "source", what),
        "body_model": _optional_text(plain.get("body_model"), "body_model", what),
        "camera": _camera(plain.get("camera"), what),
        "provenance": provenance,
        "data": data,
        "cuts": integers(plain.get("cuts", ()), "cuts", what),
    }


def _times(value: Any, what: str) -> np.ndarray:
    """(T,) seconds, at a rate that a recording can have."""
    times = numbers(value, "clip_times", what, ("T",), largest=1e12)
    if len(times) > 1 and np.all(np.diff(times) > 0):  # otherwise the motion refuses them
        rate(frame_rate(times), "the rate of clip_times", what)
        if np.min(np.diff(times)) < _LEAST_STEP:
            raise InputError(f"{what}: clip_times must be at least {_LEAST_STEP:g} s apart")
    return times


def _camera(plain: Any, what: str) -> Camera | None:
    if plain is None:
        return None
    if not isinstance(plain, Mapping):
        raise InputError(f"{what}: camera must be a dict, found {type(plain).__name__}")
    require_keys(plain, ("width", "height", "intrinsics"), f"{what}: camera")

    def optional(key: str, *shapes: tuple[int | str, ...]) -> np.ndarray | None:
        value = plain.get(key)
        return None if value is None else numbers(value, f"camera {key}", what, *shapes)

    moving, spread = plain.get("moving"), plain.get("fov_uncertainty")
    return Camera(
        width=int(scalar(plain["width"], "camera width", what)),
        height=int(scalar(plain["height"], "camera height", what)),
        intrinsics=numbers(plain["intrinsics"], "camera intrinsics", what, (3, 3)),
        distortion=optional("distortion", ("n",)),
        rotation=optional("rotation", (3, 3), ("T", 3, 3)),
        translation=optional("translation", (3,), ("T", 3)),
        moving=None if moving is None else bool(scalar(moving, "camera moving", what)),
        focal_source=text(plain.get("focal_source", "default"), "camera focal_source", what),
        fov_uncertainty=None if spread is None else scalar(spread, "camera fov_uncertainty", what),
    )


def _provenance(plain: Any, what: str) -> tuple[StageRecord, ...]:
    if plain is None:
        return ()
    if not isinstance(plain, (list, tuple)):
        raise InputError(f"{what}: provenance must be a list, found {type(plain).__name__}")
    records = []
    for entry in plain:
        if not isinstance(entry, Mapping) or not {"name", "version"} <= set(entry):
            raise InputError(f"{what}: each entry of provenance must be a dict with name and version")
        arguments, weights = entry.get("arguments", {}), entry.get("weights", {})
        if not isinstance(arguments, Mapping) or not isinstance(weights, Mapping):
            raise InputError(f"{what}: arguments and weights of provenance must be dicts")
        name, version = (text(entry[key], f"{key} of provenance", what) for key in ("name", "version"))
        records.append(StageRecord(name, version, dict(arguments), dict(weights)))
    return tuple(records)


def _optional_text(value: Any, key: str, what: str) -> str | None:
    return None if value is None else text(value, key, what)
